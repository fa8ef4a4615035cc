"""The Raspberry Pi's camera through the legacy camera stack."""

from types import ModuleType

import pytest

from app.cameras.picamera import PicameraCamera
from app.clock import FakeClock
from app.errors import CameraError
from app.frames import Packet
from tests.cameras.pi_settings import pi_settings

Pi = dict[str, ModuleType]


def test_a_camera_that_is_not_enabled_is_an_error(pi: Pi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pi["picamera"], "ENABLED", False)
    with pytest.raises(CameraError, match="Camera is not enabled"):
        PicameraCamera("front", pi_settings(), FakeClock()).open()


def test_a_camera_that_is_unplugged_is_an_error(pi: Pi) -> None:
    camera = PicameraCamera("front", pi_settings(), FakeClock())
    camera.open()
    camera.read()
    camera._camera.close()
    with pytest.raises(CameraError, match=r"^front "):
        camera.read()
    camera.close()


def test_frames_come_while_the_encoder_is_busy(
    pi: Pi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pi["picamera"], "RECORDS", False)
    packets: list[Packet] = []
    camera = PicameraCamera("front", pi_settings(), FakeClock())
    camera.sink = packets.append
    camera.open()
    assert [camera.read().number for _ in range(3)] == [0, 1, 2]
    camera.close()
    assert packets == []
    assert "front: clips are encoded without the Pi's own encoder" in caplog.text
