"""Covers several modules: what cameras/picamera.py and cameras/picamera2.py have in common."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from app.cameras.base import Camera
from app.cameras.picamera import PicameraCamera
from app.cameras.picamera2 import Picamera2Camera
from app.clock import FakeClock
from app.errors import CameraError, CameraMissing, CameraStalled
from tests.cameras.pi_settings import pi_settings

Pi = dict[str, ModuleType]
Make = Callable[..., Camera]
BOTH = pytest.mark.parametrize(
    ("make", "package"), [(Picamera2Camera, "picamera2"), (PicameraCamera, "picamera")]
)


@BOTH
def test_a_camera_in_use_is_an_error_until_it_is_free(pi: Pi, make: Make, package: str) -> None:
    assert pi[package]
    first, second = (
        make("first", pi_settings(), FakeClock()),
        make("second", pi_settings(), FakeClock()),
    )
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
def test_a_stalled_camera_can_be_opened_again(
    pi: Pi, monkeypatch: pytest.MonkeyPatch, make: Make, package: str
) -> None:
    camera = make("front", pi_settings(), FakeClock())
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
def test_a_camera_gets_time_to_warm_up(pi: Pi, make: Make, package: str) -> None:
    assert pi[package]
    clock = FakeClock()
    camera = make("front", pi_settings(warmup_s=2), clock)
    camera.open()
    assert clock.monotonic() == 2
    camera.close()


@BOTH
def test_without_its_package_a_camera_is_missing(
    make: Make, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(CameraMissing, match=r"^front: "):
        make("front", pi_settings(), FakeClock()).open()
