"""A model on a Hailo processor: its input, its boxes, and what is said when it cannot be used."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from app.errors import ModelError
from app.people import hailo
from app.people.base import PERSON, PeopleSettings
from app.people.choice import choose, may_decide
from app.people.hailo import HailoModel
from tests.cameras.pi_packages import pi_packages

Pi = dict[str, ModuleType]
FAKE = "picamera2.devices.hailo"


@pytest.fixture
def pi() -> Iterator[Pi]:
    with pi_packages() as packages:
        yield packages


@pytest.fixture
def device(pi: Pi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a Hailo, whose system has no model yet."""
    assert pi
    device, folder = tmp_path / "hailo0", tmp_path / "hailo-models"
    device.touch()
    folder.mkdir()
    monkeypatch.setattr(hailo, "DEVICES", {tmp_path / "absent": "none", device: "hailo-all"})
    monkeypatch.setattr(hailo, "SYSTEM_FOLDER", folder)
    return device


def hef(file: Path, text: str = "320 640 3 80") -> Path:
    file.write_bytes(b"\x01HEF\n" + text.encode())
    return file


@pytest.mark.usefixtures("device")
def test_a_find_is_in_the_pixels_of_the_picture(tmp_path: Path) -> None:
    model = HailoModel(hef(tmp_path / "yolo.hef"))
    for rows, columns in ((480, 640), (1080, 1920), (300, 100), (40, 40)):
        picture = np.full((rows, columns, 3), 90, np.uint8)
        left, top, right, bottom = columns // 2, rows // 4, columns * 3 // 4, rows * 3 // 4
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), (20, 20, 240), cv2.FILLED)
        found = model.detect(picture)
        assert [(one.kind, round(one.score, 3)) for one in found] == [(PERSON, 0.9), ("bus", 0.3)]
        box = (left, top, right - left, bottom - top)
        step = max(columns / 640, rows / 320)
        assert np.abs(np.subtract(found[0].box, box)).max() <= 2 * step
    model.close()


@pytest.mark.usefixtures("device")
def test_the_device_is_released(pi: Pi, tmp_path: Path) -> None:
    model = HailoModel(hef(tmp_path / "yolo.hef"))
    assert pi[FAKE].Hailo.open == 1
    model.close()
    with pytest.raises(ModelError):
        HailoModel(hef(tmp_path / "other.hef", "320 640 3 20"))
    assert pi[FAKE].Hailo.open == 0


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-LFS's pointer"),
        (b"PK\x03\x04", "is no HEF file"),
        (b"\x01HEF\nbroken", "HAILO_INVALID_HEF"),
        (b"\x01HEF\n320 640 4 80", "is no picture"),
        (b"\x01HEF\n320 640 3 20", "does not select boxes of 80 classes"),
        (b"\x01HEF\n320 640 3 0", "does not select boxes of 80 classes"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "mine.hef"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=why) as raised:
        HailoModel(file)
    assert str(file) in str(raised.value)


@pytest.mark.usefixtures("device")
def test_without_its_packages_the_cure_is_said(
    tmp_path: Path, pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hef(tmp_path / "yolo.hef")
    with monkeypatch.context() as patch:
        patch.delattr(pi["picamera2.devices"], "Hailo")
        with pytest.raises(ModelError, match=r"hailo_platform.*apt install hailo-all"):
            HailoModel(file)
    monkeypatch.setitem(sys.modules, "picamera2.devices", None)
    with pytest.raises(ModelError, match="apt install hailo-all"):
        HailoModel(file)


@pytest.mark.usefixtures("device")
def test_auto_takes_the_model_of_the_system(
    tmp_path: Path, pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    hef(hailo.SYSTEM_FOLDER / "yolov8s_h8.hef")
    hef(hailo.SYSTEM_FOLDER / "yolov8s_h8l.hef")
    monkeypatch.setattr(pi[FAKE], "ARCHITECTURE", "HAILO8")
    assert may_decide(PeopleSettings(), tmp_path)
    choice = choose(PeopleSettings(), tmp_path)
    assert choice.model
    assert (choice.model.name, choice.problem) == ("hailo", None)
    assert choice.model.detail == "yolov8s_h8.hef on the Hailo"
    own = choose(PeopleSettings(model="mine.hef"), hef(tmp_path / "mine.hef").parent)
    assert own.model
    assert own.model.detail == "mine.hef on the Hailo"


@pytest.mark.usefixtures("device")
def test_while_another_program_uses_it_the_next_is_taken(
    tmp_path: Path, pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    hef(hailo.SYSTEM_FOLDER / "yolov8s_h8l.hef")
    monkeypatch.setattr(pi[FAKE], "BUSY", True)
    choice = choose(PeopleSettings(), tmp_path)
    assert choice.model
    assert choice.model.name == "hog"
    assert choice.problem
    assert "One Hailo serves one program at a time" in choice.problem
    assert "fetch-models" not in choice.problem


@pytest.mark.usefixtures("device")
def test_a_system_without_its_model_names_the_cure(tmp_path: Path) -> None:
    choice = choose(PeopleSettings("hailo"), tmp_path)
    assert choice.model is None
    assert choice.problem
    assert "yolov8s_h8l.hef is not there: install" in choice.problem


def test_a_machine_without_a_hailo_needs_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hailo, "DEVICES", {tmp_path / "absent": "hailo-all"})
    monkeypatch.setitem(sys.modules, "picamera2.devices", None)
    choice = choose(PeopleSettings(), tmp_path)
    assert "not hailo: this machine has none" in choice.summary
    assert choice.problem is None
