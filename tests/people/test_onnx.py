"""A damaged ONNX file is named at its loading, by both runtimes."""

import random
from pathlib import Path

import pytest

from app.errors import ModelError
from app.people.onnx import OnnxModel, RuntimeName
from tests.people.backends import FASTESTDET, RUNTIMES, YOLOX


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> RuntimeName:
    name: RuntimeName = request.param
    return name


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_a_truncated_file_is_named(
    model_files: Path, tmp_path: Path, runtime: RuntimeName, share: float
) -> None:
    content = (model_files / FASTESTDET).read_bytes()
    file = tmp_path / "short.onnx"
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"short\.onnx is not usable"):
        OnnxModel(file, runtime)


@pytest.mark.parametrize("content", [b"\0" * 5000, b"<!DOCTYPE html><html></html>", b"\x08\x07"])
def test_a_file_of_another_kind_is_named(
    tmp_path: Path, runtime: RuntimeName, content: bytes
) -> None:
    (tmp_path / "odd.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"odd\.onnx is not usable"):
        OnnxModel(tmp_path / "odd.onnx", runtime)


def test_changed_bytes_are_refused_or_do_no_harm(
    model_files: Path, tmp_path: Path, runtime: RuntimeName
) -> None:
    """A flipped byte in a weight is still a model; one in the graph is refused by name."""
    chance, content = random.Random(1), (model_files / FASTESTDET).read_bytes()
    file = tmp_path / "odd.onnx"
    for _ in range(12):
        odd = bytearray(content)
        for _ in range(3):
            odd[chance.randrange(len(odd))] = chance.randrange(256)
        file.write_bytes(odd)
        try:
            OnnxModel(file, runtime)
        except ModelError as error:
            assert "odd.onnx" in str(error)


def test_the_head_is_recognised_whatever_the_file_is_called(
    model_files: Path, tmp_path: Path, runtime: RuntimeName
) -> None:
    for name, title in ((YOLOX, "YOLOX-nano"), (FASTESTDET, "FastestDet")):
        file = tmp_path / "mine.onnx"
        file.write_bytes((model_files / name).read_bytes())
        assert OnnxModel(file, runtime).detail == f"{title} from mine.onnx, run by {runtime}"
