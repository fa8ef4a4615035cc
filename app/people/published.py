"""The published models: their files, where these are, and how a true copy is recognised."""

import hashlib
from pathlib import Path
from typing import NamedTuple

_GITHUB = "https://github.com"
_CHUNK_BYTES = 1 << 20


class PublishedFile(NamedTuple):
    """A file that its makers publish, at any of *addresses*.

    A true copy has the SHA-256 *sha256*, or else the id *blob* that git gives to its content.
    *size_bytes* is None where it is not known.
    """

    name: str
    addresses: tuple[str, ...]
    size_bytes: int | None
    sha256: str | None = None
    blob: str | None = None

    @property
    def checksum(self) -> str:
        """Return how a person can recognise a true copy."""
        return f"sha256 {self.sha256}" if self.sha256 else f"git hash-object {self.blob}"


class PublishedModel(NamedTuple):
    """A model, its licence, and its files."""

    title: str
    licence: str
    files: tuple[PublishedFile, ...]


MODELS = {
    "yolox_nano": PublishedModel(
        "YOLOX-nano",
        "Apache-2.0",
        (
            PublishedFile(
                "yolox_nano.onnx",
                (
                    f"{_GITHUB}/opencv/opencv_zoo/raw/a029798ece28f2377c39f1a6f6b8ddea5b304195/"
                    "models/object_detection_yolox/yolox_nano.onnx",
                    f"{_GITHUB}/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
                    "yolox_nano.onnx",
                ),
                3_659_407,
                "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
            ),
        ),
    ),
    "FastestDet": PublishedModel(
        "FastestDet",
        "BSD-3-Clause",
        (
            PublishedFile(
                "FastestDet.onnx",
                (f"{_GITHUB}/dog-qiuqiu/FastestDet/raw/main/example/onnx-runtime/FastestDet.onnx",),
                998_169,
                "31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880",
            ),
        ),
    ),
    "MobileNetSSD": PublishedModel(
        "MobileNet-SSD",
        "MIT",
        (
            PublishedFile(
                "MobileNetSSD_deploy.prototxt",
                (
                    f"{_GITHUB}/chuanqi305/MobileNet-SSD/raw/"
                    "daef68a6c2f5fbb8c88404266aa28180646d17e0/MobileNetSSD_deploy.prototxt",
                ),
                29_353,
                "e781559c4f5beaec2a486ccd952af5b6fa408e9498761bf5f4fb80b4e9f0d25e",
            ),
            PublishedFile(
                "MobileNetSSD_deploy.caffemodel",
                (
                    f"{_GITHUB}/chuanqi305/MobileNet-SSD/raw/master/mobilenet_iter_73000.caffemodel",
                    f"{_GITHUB}/chuanqi305/MobileNet-SSD/raw/master/MobileNetSSD_deploy.caffemodel",
                    f"{_GITHUB}/djmv/MobilNet_SSD_opencv/raw/master/MobileNetSSD_deploy.caffemodel",
                ),
                None,
                blob="7104f06cd6a2655bbb171453adbd89eb6cb564ae",
            ),
        ),
    ),
}


def is_true_copy(path: Path, published: PublishedFile) -> bool:
    """Return whether the file at *path* has the content of *published*; an `OSError` if unread."""
    size = path.stat().st_size
    if published.size_bytes not in {None, size}:
        return False
    wanted = published.sha256 or published.blob
    # git names the content of a file by its SHA-1; it is no secret here.
    digest = hashlib.sha256() if published.sha256 else hashlib.sha1(b"blob %d\0" % size)  # noqa: S324
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == wanted
