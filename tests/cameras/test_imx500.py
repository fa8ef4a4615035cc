"""The network in the sensor of a Pi AI camera, and what becomes of the camera without it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from app.cameras.base import NetworkReport
from app.cameras.imx500 import load_network
from app.cameras.picamera2 import Picamera2Camera
from app.clock import FakeClock
from app.errors import CameraError, ModelError
from app.frames import Box, Frame
from tests.cameras.pi_settings import pi_settings

Pi = dict[str, ModuleType]
AI_CAMERA = {"Model": "imx500", "Id": "/base/axi/pcie@1000120000/rp1/i2c@88000/imx500@1a", "Num": 1}
LABELS: dict[str, Any] = {"labels": ["Person", "bicycle", "Car"]}


@pytest.fixture(autouse=True)
def ai_camera(pi: Pi, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"Model": "imx708", "Id": "/base/axi/pcie@1000120000/rp1/i2c@80000/imx708@1a", "Num": 0}
    monkeypatch.setattr(pi["picamera2"], "CAMERAS", [AI_CAMERA, other])


class Cameras:
    """Opens cameras with networks; a test may give a network's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[Picamera2Camera] = []

    def network(self, name: str = "ssd.rpk", /, **settings: Any) -> Path:
        file = self.folder / name
        file.write_text(json.dumps(settings).ljust(8))
        return file

    def open(self, *networks: Path, **settings: Any) -> Picamera2Camera:
        camera = Picamera2Camera("front", pi_settings(**settings), FakeClock(), networks)
        self.opened.append(camera)
        camera.open()
        return camera

    def close(self) -> None:
        for camera in self.opened:
            camera.close()


@pytest.fixture
def cameras(tmp_path: Path) -> Iterator[Cameras]:
    made = Cameras(tmp_path)
    yield made
    made.close()


def seen(camera: Picamera2Camera) -> Frame:
    """Return the next frame at which the network has looked."""
    frames = (camera.read() for _ in range(4))
    return next(frame for frame in frames if frame.detections is not None)


def bar(frame: Frame) -> Box:
    """Return the place of the bar that the network sees."""
    rows, columns = np.nonzero((frame.bgr() == (40, 40, 160)).all(-1))
    left, top = int(columns.min()), int(rows.min())
    return Box(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)


@pytest.mark.parametrize("flips", [{}, {"hflip": True}, {"vflip": True, "hflip": True}])
@pytest.mark.parametrize("size", [(640, 480), (640, 360), (480, 480)])
def test_a_find_is_where_it_is_in_the_picture(
    cameras: Cameras, flips: dict[str, bool], size: tuple[int, int]
) -> None:
    camera = cameras.open(cameras.network(**LABELS), resolution=size, **flips)
    frame = seen(camera)
    assert frame.detections is not None
    (found,) = frame.detections
    assert (found.kind, found.score) == ("car", 0.75)
    assert np.abs(np.subtract(found.box, bar(frame))).max() <= 2


@pytest.mark.parametrize("order", ["xy", "yx"])
@pytest.mark.parametrize("in_pixels", [True, False])
def test_boxes_are_read_as_the_network_says(cameras: Cameras, order: str, in_pixels: bool) -> None:
    network = cameras.network(**LABELS, bbox_order=order, bbox_normalization=in_pixels)
    frame = seen(cameras.open(network))
    assert frame.detections
    assert np.abs(np.subtract(frame.detections[0].box, bar(frame))).max() <= 2


def test_a_picture_without_inference_has_no_finds_at_all(cameras: Cameras) -> None:
    camera = cameras.open(cameras.network(**LABELS))
    looked = [camera.read().detections is not None for _ in range(6)]
    assert looked in ([True, False] * 3, [False, True] * 3)
    assert camera.network == NetworkReport("ssd.rpk")
    assert camera._camera.held == 0


def test_a_network_without_settings_has_the_classes_of_coco(cameras: Cameras) -> None:
    frame = seen(cameras.open(cameras.network()))
    assert frame.detections
    assert frame.detections[0].kind == "car"


def test_labels_without_meaning_are_left_out_on_demand(cameras: Cameras) -> None:
    labels = ["person", "-", "bicycle", "car"]
    frame = seen(cameras.open(cameras.network(labels=labels, ignore_dash_labels=True)))
    assert frame.detections
    assert frame.detections[0].kind == "car"


def test_a_class_without_label_is_no_find(cameras: Cameras) -> None:
    frame = seen(cameras.open(cameras.network(labels=["person"])))
    assert frame.detections == ()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"task": "classification"}, "it is for classification"),
        ({"postprocess": "nanodet"}, "the Pi would have to do its work"),
        ({"labels": ["cup", "chair"]}, "it knows no person"),
    ],
)
def test_another_kind_of_network_is_refused(
    cameras: Cameras, settings: dict[str, Any], why: str
) -> None:
    camera = cameras.open(cameras.network(**settings))
    assert camera.network is not None
    assert (camera.network.file, camera.network.broken) == (None, True)
    assert why in camera.network.refused
    assert camera.read().detections is None


def test_the_next_network_is_used_after_a_broken_one(cameras: Cameras) -> None:
    absent, broken = cameras.folder / "absent.rpk", cameras.folder / "broken.rpk"
    broken.write_bytes(b"9464")
    camera = cameras.open(absent, broken, cameras.network("good.rpk", **LABELS))
    assert camera.network is not None
    assert (camera.network.file, camera.network.broken) == ("good.rpk", True)
    assert f"{absent} is not there; {broken} is not usable" in camera.network.refused
    assert seen(camera).detections


def test_the_network_of_the_system_can_be_installed() -> None:
    with pytest.raises(ModelError, match=r"ssd.rpk is not there: `sudo apt install imx500-all"):
        load_network([Path("/usr/share/imx500-models/ssd.rpk")], AI_CAMERA)


def test_another_sensor_opens_without_a_network(
    cameras: Cameras, pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pi["picamera2"], "CAMERAS", [{"Model": "ov5647", "Id": "/base", "Num": 0}])
    camera = cameras.open(cameras.network(**LABELS))
    assert camera.network == NetworkReport(None, "the camera's sensor is ov5647")
    assert camera.read().detections is None


def test_without_its_software_the_camera_has_no_network(
    cameras: Cameras, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2.devices.imx500", None)
    camera = cameras.open(cameras.network(**LABELS))
    assert camera.network is not None
    assert "its software is missing" in camera.network.refused
    assert "apt install imx500-all" in camera.network.refused


def test_a_camera_that_does_not_start_with_it_starts_without(cameras: Cameras) -> None:
    camera = cameras.open(cameras.network(starts=False))
    assert camera.network is not None
    assert "does not start with" in camera.network.refused
    assert camera.read().detections is None


def test_a_network_with_other_outputs_is_given_up(cameras: Cameras) -> None:
    camera = cameras.open(cameras.network(shapes="other"), fps=60)
    assert camera.network == NetworkReport("ssd.rpk")
    assert all(camera.read().detections is None for _ in range(42))
    assert camera.network.broken
    assert "its output is of another shape" in camera.network.refused


def test_a_camera_that_another_program_uses_is_lost(cameras: Cameras) -> None:
    network = cameras.network(**LABELS)
    first = cameras.open(network)
    with pytest.raises(CameraError, match=r"^front cannot be started"):
        cameras.open(network)
    first.close()
    again = cameras.open(network)
    assert again.network == NetworkReport("ssd.rpk")
    assert seen(again).detections


def test_without_networks_the_sensor_is_left_alone(cameras: Cameras) -> None:
    camera = cameras.open()
    assert camera.network is None
    assert camera.read().detections is None
