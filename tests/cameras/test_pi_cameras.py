"""What is special about the Raspberry Pi's own cameras."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from app.cameras.base import Camera, CameraSettings
from app.cameras.picamera import PicameraCamera
from app.cameras.picamera2 import Picamera2Camera
from app.clock import FakeClock
from app.errors import CameraError, CameraMissing, CameraStalled

Pi = dict[str, ModuleType]
Make = Callable[..., Camera]
BOTH = pytest.mark.parametrize(
    ("make", "package"), [(Picamera2Camera, "picamera2"), (PicameraCamera, "picamera")]
)


def settings(**given: object) -> CameraSettings:
    usual: dict[str, object] = {"resolution": (160, 120), "fps": 40, "warmup_s": 0, "stall_s": 3}
    return CameraSettings(**(usual | given))  # type: ignore[arg-type]


@BOTH
def test_a_camera_that_another_program_uses_is_an_error_and_can_be_had_later(
    pi: Pi, make: Make, package: str
) -> None:
    assert pi[package]
    first, second = make("first", settings(), FakeClock()), make("second", settings(), FakeClock())
    first.open()
    with pytest.raises(
        CameraError, match=r"^second cannot be started, perhaps another program uses it: "
    ):
        second.open()
    second.close()
    first.close()
    second.open()
    assert second.read().number == 0
    second.close()


@BOTH
def test_a_camera_that_gives_no_picture_has_stalled_and_can_be_opened_again(
    pi: Pi, monkeypatch: pytest.MonkeyPatch, make: Make, package: str
) -> None:
    camera = make("front", settings(), FakeClock())
    camera.open()
    camera.read()
    with monkeypatch.context() as patch:
        patch.setattr(pi[package], "HANGS", True)
        with pytest.raises(CameraStalled, match=r"^front gave no picture for 3 s"):
            camera.read()
    camera.close()
    camera.open()
    camera.read()
    camera.close()


@BOTH
def test_a_camera_is_given_time_to_warm_up(pi: Pi, make: Make, package: str) -> None:
    assert pi[package]
    clock = FakeClock()
    camera = make("front", settings(warmup_s=2), clock)
    camera.open()
    assert clock.monotonic() == 2
    camera.close()


@BOTH
def test_without_its_package_a_camera_is_missing(
    make: Make, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(CameraMissing, match=r"^front: "):
        make("front", settings(), FakeClock()).open()


def test_picamera2_requests_are_given_back_at_once(pi: Pi) -> None:
    camera = Picamera2Camera("front", settings(), FakeClock())
    camera.open()
    frames = [camera.read() for _ in range(10)]
    assert camera._camera.held == 0
    assert [frame.number for frame in frames] == list(range(10))
    camera.close()


def test_picamera2_is_asked_for_the_rate_and_for_both_streams_in_one_size(pi: Pi) -> None:
    camera = Picamera2Camera("front", settings(fps=8), FakeClock())
    camera.open()
    given = camera._camera.camera_configuration()
    camera.close()
    assert given["controls"]["FrameDurationLimits"] == (125_000, 125_000)
    assert (given["main"]["format"], given["lores"]["format"]) == ("RGB888", "YUV420")
    assert given["main"]["size"] == given["lores"]["size"] == (160, 120)


def test_a_pi_with_no_camera_plugged_in_is_missing_one(
    pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pi["picamera2"], "CAMERAS", [])
    with pytest.raises(CameraMissing, match=r"^front: no camera is connected; look at its cable$"):
        Picamera2Camera("front", settings(), FakeClock()).open()


def test_a_legacy_camera_that_is_not_enabled_is_an_error(
    pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pi["picamera"], "ENABLED", False)
    with pytest.raises(CameraError, match="Camera is not enabled"):
        PicameraCamera("front", settings(), FakeClock()).open()


def test_a_legacy_camera_that_was_taken_away_is_an_error(pi: Pi) -> None:
    camera = PicameraCamera("front", settings(), FakeClock())
    camera.open()
    camera.read()
    camera._camera.close()
    with pytest.raises(CameraError, match=r"^front "):
        camera.read()
    camera.close()
