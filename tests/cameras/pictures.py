"""The pictures of the test sources: each side and each number looks different."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from app.frames import Image

FPS = 40
SIZE = (160, 120)


def picture(number: int, size: tuple[int, int] = SIZE) -> Image:
    """Return picture *number*, (rows, columns, BGR) uint8.

    It is bright at the left, has a light corner at the top, and a bar that moves.
    """
    width, height = size
    ramp = np.linspace(170, 60, width).astype(np.uint8)
    drawn = np.repeat(ramp[None, :, None], height, axis=0).repeat(3, axis=2)
    drawn[:, :, 2] //= 2
    drawn[: height // 4, : width // 4] = 225
    left = number * 8 % (width - 16)
    drawn[height // 2 : height * 3 // 4, left : left + 16] = (40, 40, 160)
    return np.ascontiguousarray(drawn)


def jpeg_of(number: int, size: tuple[int, int] = SIZE) -> bytes:
    """Return picture *number* as a JPEG."""
    return cv2.imencode(".jpg", picture(number, size), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


class H264:
    """The encoder of a camera, which makes a packet in Annex B of each picture.

    Every *key_every*th packet is a key frame with its parameter sets.
    """

    def __init__(self, size: tuple[int, int], key_every: int) -> None:
        coder = av.CodecContext.create("libx264", "w")
        assert isinstance(coder, av.VideoCodecContext)
        coder.width, coder.height, coder.pix_fmt, coder.framerate = *size, "yuv420p", Fraction(FPS)
        options = f"repeat-headers=1:keyint={key_every}:min-keyint={key_every}:scenecut=0:annexb=1"
        coder.options = {"tune": "zerolatency", "crf": "12", "x264-params": options, "threads": "1"}
        self._coder = coder

    def encoded(self, drawn: Image) -> tuple[bytes, bool]:
        """Return the packet of *drawn*, and whether it is a key frame."""
        (packet,) = self._coder.encode(av.VideoFrame.from_ndarray(drawn, format="bgr24"))
        return bytes(packet), packet.is_keyframe


def write_video(
    path: Path,
    count: int = 60,
    *,
    fps: int = FPS,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    container: str | None = None,
    options: dict[str, str] | None = None,
    coder: dict[str, str] | None = None,
) -> Path:
    """Write a video of *count* pictures to *path* and return it.

    *container* is its format, by default that of its suffix; *coder* are libx264's options.
    """
    with av.open(str(path), "w", format=container, options=options or {}) as written:
        crf = {"crf": "12", "threads": "1", **(coder or {})} if codec == "libx264" else {}
        stream = written.add_stream(codec, rate=fps, options=crf)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        for number in range(count):
            written.mux(
                stream.encode(av.VideoFrame.from_ndarray(picture(number, size), format="bgr24"))
            )
        written.mux(stream.encode())
    return path
