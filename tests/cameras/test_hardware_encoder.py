"""The H.264 encoder of a Pi, through picamera2."""

from types import ModuleType

import pytest

from app.cameras.hardware_encoder import bits_per_s, key_interval
from app.cameras.picamera2 import Picamera2Camera
from app.clock import SystemClock
from app.frames import Packet
from tests.cameras.pi_settings import pi_settings


@pytest.fixture
def packets(pi: dict[str, ModuleType]) -> list[Packet]:
    assert pi
    return []


def read_frames(packets: list[Packet], count: int) -> int:
    """Read *count* frames of a camera that forwards to *packets*; return the number of frames."""
    camera = Picamera2Camera("front", pi_settings(), SystemClock())
    camera.sink = packets.append
    camera.open()
    frames = [camera.read() for _ in range(count)]
    camera.close()
    return len(frames)


@pytest.mark.parametrize(
    ("size", "fps", "rate"), [((640, 480), 10, 768_000), ((320, 240), 5, 500_000)]
)
def test_the_bit_rate_follows_the_pixels(size: tuple[int, int], fps: float, rate: int) -> None:
    assert bits_per_s(size, fps) == rate


@pytest.mark.parametrize(("fps", "pictures"), [(10, 20), (0.1, 1)])
def test_a_key_frame_comes_every_two_seconds(fps: float, pictures: int) -> None:
    assert key_interval(fps) == pictures


def test_every_frame_has_a_packet(packets: list[Packet]) -> None:
    assert read_frames(packets, 5) == 5
    assert len(packets) == 5
    assert [packet.key for packet in packets] == [True, False, False, False, False]


def test_frames_come_while_the_encoder_is_busy(
    packets: list[Packet],
    pi: dict[str, ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(pi["picamera2.encoders"], "BUSY", True)
    assert (read_frames(packets, 3), packets) == (3, [])
    text = "front: clips are encoded without the Pi's own encoder, which does not work: "
    assert text in caplog.text


def test_a_pi_without_an_encoder_does_not_encode_in_software(
    packets: list[Packet], pi: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoders = pi["picamera2.encoders"]
    monkeypatch.setattr(encoders, "H264Encoder", encoders.LibavH264Encoder)
    assert (read_frames(packets, 3), packets) == (3, [])
