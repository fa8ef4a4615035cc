"""Model files are found in order, and what cannot be a model is named."""

import os
from pathlib import Path

import pytest

from app.errors import ModelError
from app.people.files import model_files, read_model

BEST = ("yolox_nano.onnx", "FastestDet.onnx")


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"content")


def names_of(folder: Path, named: str | None = None) -> list[str]:
    return [file.name for file in model_files(folder, ".onnx", named, BEST)]


def test_published_files_come_before_others(tmp_path: Path) -> None:
    make(tmp_path, "a.onnx", "FastestDet.onnx", "yolox_nano.onnx", "b.caffemodel", ".a.onnx.part")
    assert names_of(tmp_path) == ["yolox_nano.onnx", "FastestDet.onnx", "a.onnx"]


def test_the_named_file_comes_first_even_if_it_is_absent(tmp_path: Path) -> None:
    make(tmp_path, "a.onnx", "yolox_nano.onnx")
    assert names_of(tmp_path, "a.onnx") == ["a.onnx", "yolox_nano.onnx"]
    assert names_of(tmp_path, "/elsewhere/c.onnx") == ["c.onnx", "yolox_nano.onnx", "a.onnx"]
    assert names_of(tmp_path, "d.caffemodel") == ["yolox_nano.onnx", "a.onnx"]


def test_no_folder_has_no_files(tmp_path: Path) -> None:
    assert model_files(tmp_path / "none", ".onnx", None) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n", "git-LFS"),
        (None, "is not there"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "a.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=f"a.onnx .*{said}"):
        read_model(file)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a.onnx"
    with file.open("wb") as huge:
        huge.truncate(10**12)
    with pytest.raises(ModelError, match="is larger than 100 MB"):
        read_model(file)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.onnx")
    with pytest.raises(ModelError, match="is not a file"):
        read_model(tmp_path / "a.onnx")
