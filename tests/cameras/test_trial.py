"""Cameras tried for some seconds: drawn, streamed, silent, frozen, blurred."""

from types import ModuleType

import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.cameras.trial import WIDEST_PX, CameraTrial, edge_width_px, noise_levels, try_camera
from app.clock import SystemClock
from app.errors import CameraMissing
from app.frames import Image
from tests.cameras.pi_settings import pi_settings
from tests.cameras.pictures import jpeg_of
from tests.servers.rtsp_server import RtspServer
from tests.servers.video_server import VideoServer


def tried(source: str, seconds: float = 0.5) -> CameraTrial:
    settings = CameraSettings(source=source, warmup_s=0)
    return try_camera(make_camera("front", settings, SystemClock()), SystemClock(), seconds)


def room() -> Image:
    """The drawn room, without noise."""
    return tried("synthetic:empty", 0.1).picture[:, :, 1].copy()


def test_a_camera_is_read_for_some_seconds() -> None:
    trial = tried("demo")
    assert (trial.size, trial.encoded, trial.damaged, trial.frozen) == ((640, 480), None, 0, False)
    assert trial.seconds >= 0.5
    assert trial.frames >= 1
    assert trial.picture.shape == (480, 640, 3)
    assert 0.4 < trial.brightness < 0.9
    assert not trial.is_blurred


def test_a_stream_has_its_format() -> None:
    with RtspServer() as server:
        trial = tried(f"rtsp://{server.address}/stream")
    assert trial.encoded
    assert trial.encoded.codec == "h264"


def test_the_camera_of_a_pi_has_its_sensor_and_encoder(pi: dict[str, ModuleType]) -> None:
    camera = make_camera("front", pi_settings(source="auto"), SystemClock())
    trial = try_camera(camera, SystemClock(), 0.3)
    assert trial.sensor == pi["picamera2"].CAMERAS[0]["Model"]
    assert trial.encoded
    assert trial.encoded.codec == "h264"


def test_a_camera_that_repeats_one_picture_is_frozen() -> None:
    with VideoServer(draw=lambda _: jpeg_of(0)) as server:
        assert tried(server.url("stream")).frozen


def test_a_camera_that_is_not_there_raises_its_error() -> None:
    with pytest.raises(CameraMissing, match="no such file or device"):
        tried("/nowhere/video.mp4")


@pytest.mark.parametrize("sigma", [1.0, 3.0, 8.0])
def test_noise_is_measured_beside_what_moves(sigma: float) -> None:
    pictures = np.random.default_rng(5).normal(0, sigma, (2, 480, 640)) + room()
    pictures[1, 100:300, 200:350] = 10  # somebody
    one, other = pictures.round().clip(0, 255).astype(np.uint8)
    assert noise_levels(one, other) == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("contrast", [1.0, 0.4])
def test_edges_are_as_wide_as_the_blur(contrast: float) -> None:
    plain = (room() * contrast).astype(np.uint8)
    widths = [
        edge_width_px(np.asarray(cv2.GaussianBlur(plain, (0, 0), blur), np.uint8), 0)
        for blur in (1, 2, 3, 8)
    ]
    assert widths[:3] == pytest.approx([1.3, 2, 3], rel=0.35)
    assert 5 < widths[3] <= WIDEST_PX
    assert edge_width_px(plain, 0) < 1


def test_tiny_pictures_are_measured_too() -> None:
    tiny = np.zeros((8, 8), np.uint8)
    assert noise_levels(tiny, tiny) == 0
    assert edge_width_px(tiny, 0) == WIDEST_PX
