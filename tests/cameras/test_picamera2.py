"""The Raspberry Pi's camera through libcamera."""

from types import ModuleType

import pytest

from app.cameras.picamera2 import Picamera2Camera
from app.clock import FakeClock
from app.errors import CameraMissing
from tests.cameras.pi_settings import pi_settings

Pi = dict[str, ModuleType]


def test_requests_are_released_at_once(pi: Pi) -> None:
    camera = Picamera2Camera("front", pi_settings(), FakeClock())
    camera.open()
    frames = [camera.read() for _ in range(10)]
    assert camera._camera.held == 0
    assert [frame.number for frame in frames] == list(range(10))
    camera.close()


def test_both_streams_have_the_rate_and_the_resolution(pi: Pi) -> None:
    camera = Picamera2Camera("front", pi_settings(fps=8), FakeClock())
    camera.open()
    given = camera._camera.camera_configuration()
    camera.close()
    assert given["controls"]["FrameDurationLimits"] == (125_000, 125_000)
    assert (given["main"]["format"], given["lores"]["format"]) == ("RGB888", "YUV420")
    assert given["main"]["size"] == given["lores"]["size"] == (160, 120)


def test_a_pi_without_a_camera_is_missing_one(pi: Pi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pi["picamera2"], "CAMERAS", [])
    with pytest.raises(CameraMissing, match=r"^front: no camera is connected; look at its cable$"):
        Picamera2Camera("front", pi_settings(), FakeClock()).open()
