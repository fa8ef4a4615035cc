"""Covers several modules: the interface in cameras/base.py, on every kind of camera."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings, Pace, flipped
from app.clock import Clock, FakeClock, SystemClock
from app.errors import CameraError, CameraMissing
from app.frames import Frame
from tests.cameras.pictures import FPS, SIZE
from tests.servers.video_server import VideoServer

KINDS = [
    "file, fast",
    "file, own pace",
    "synthetic",
    "synthetic, own pace",
    "http",
    "picamera2",
    "picamera",
]
#: These give pictures of the `resolution`; the others have their own size.
SIZED = ["synthetic", "synthetic, own pace", "picamera2", "picamera"]


@dataclass(frozen=True)
class Kind:
    """One kind of camera, and the arguments that make it."""

    source: str
    missing: str
    clock: Callable[[], Clock]
    pace: Pace

    def make(self, missing: bool = False, **settings: object) -> Camera:
        usual = CameraSettings(
            source=self.missing if missing else self.source,
            resolution=SIZE,
            fps=FPS,
            warmup_s=0,
            stall_s=5,
        )
        return make_camera("attic", replace(usual, **settings), self.clock(), self.pace)  # type: ignore[arg-type]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, short_video: Path) -> Kind:
    name: str = request.param
    if name.startswith("file"):
        return Kind(
            str(short_video),
            str(short_video) + ".none",
            FakeClock,
            "fast" if "fast" in name else "own",
        )
    if name.startswith("synthetic"):
        return Kind(
            "synthetic:person", "synthetic:none", FakeClock, "own" if "own" in name else "fast"
        )
    if name == "http":
        network: VideoServer = request.getfixturevalue("network")
        return Kind(network.url("stream"), network.url("none"), SystemClock, "own")
    pi: dict[str, ModuleType] = request.getfixturevalue("pi")
    if name == "picamera":
        request.getfixturevalue("monkeypatch").setattr(
            "app.cameras.find_spec", lambda package: package == "picamera" or None
        )
    assert name in pi
    return Kind("auto", "auto", SystemClock, "own")


@pytest.fixture
def opened() -> Iterator[Callable[[Camera], Camera]]:
    """A function that opens cameras, which are closed after the test."""
    cameras: list[Camera] = []

    def open_it(camera: Camera) -> Camera:
        cameras.append(camera)
        camera.open()
        return camera

    yield open_it
    for camera in cameras:
        camera.close()


Opened = Callable[[Camera], Camera]


def read(camera: Camera, count: int) -> list[Frame]:
    return [camera.read() for _ in range(count)]


def grey_of(frame: Frame) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the luma of the frame's colours, in the levels of its luma plane."""
    grey = cv2.cvtColor(frame.bgr(), cv2.COLOR_BGR2GRAY).astype(np.float64)
    return grey if frame.luma_span == 255 else 16 + grey * 219 / 255


def test_luma_and_colours_of_a_frame_agree(kind: Kind, opened: Opened) -> None:
    for frame in read(opened(kind.make()), 3):
        assert frame.luma.dtype == np.uint8
        assert frame.luma.strides[1] == 1
        assert frame.bgr().dtype == np.uint8
        assert frame.bgr().shape == (*frame.luma.shape, 3)
        assert np.abs(frame.luma - grey_of(frame)).mean() < 2.5


def test_numbers_and_times_increase(kind: Kind, opened: Opened) -> None:
    frames = read(opened(kind.make()), 8)
    for before, after in pairwise(frames):
        assert after.number > before.number
        assert after.at_s > before.at_s
        assert (after.taken_at - before.taken_at).total_seconds() == pytest.approx(
            after.at_s - before.at_s, abs=0.5
        )
    assert frames[0].taken_at.tzinfo is UTC


def test_a_frame_keeps_its_picture_after_the_camera_closed(kind: Kind) -> None:
    camera = kind.make()
    camera.open()
    first = camera.read()
    luma, bgr = first.luma.copy(), first.bgr().copy()
    read(camera, 8)
    camera.close()
    assert np.array_equal(first.luma, luma)
    assert np.array_equal(first.bgr(), bgr)


def test_a_closed_camera_can_be_opened_again(kind: Kind, opened: Opened) -> None:
    camera = opened(kind.make())
    first = read(camera, 4)
    camera.close()
    camera.open()
    again = read(camera, 4)
    assert [frame.number for frame in again] == [frame.number for frame in first]
    assert np.array_equal(again[0].luma, first[0].luma)


def test_closing_is_allowed_at_any_time(kind: Kind) -> None:
    camera = kind.make()
    camera.close()
    camera.open()
    camera.read()
    camera.close()
    camera.close()


def test_reading_a_closed_camera_is_an_error_with_its_name(kind: Kind) -> None:
    camera = kind.make()
    with pytest.raises(CameraError, match=r"^attic \(.* is not open$"):
        camera.read()
    camera.open()
    camera.close()
    with pytest.raises(CameraError, match=r"^attic \(.* is not open$"):
        camera.read()


@pytest.mark.parametrize(("vflip", "hflip"), [(True, False), (False, True), (True, True)])
def test_pictures_are_flipped_as_the_settings_say(
    kind: Kind, opened: Opened, vflip: bool, hflip: bool
) -> None:
    straight = kind.make()
    straight.open()
    plain = straight.read()
    straight.close()
    turned = opened(kind.make(vflip=vflip, hflip=hflip)).read()
    how = CameraSettings(vflip=vflip, hflip=hflip)
    assert np.abs(turned.luma.astype(int) - flipped(plain.luma, how)).mean() < 1
    assert np.abs(turned.bgr().astype(int) - flipped(plain.bgr(), how)).mean() < 1
    assert np.abs(turned.luma.astype(int) - plain.luma).mean() > 5


def test_frames_do_not_come_faster_than_fps(kind: Kind, opened: Opened) -> None:
    frames = read(opened(kind.make(fps=FPS / 2)), 10)
    steps_s = [after.at_s - before.at_s for before, after in pairwise(frames)]
    assert min(steps_s) >= 0.7 * 2 / FPS
    if kind.clock is FakeClock:
        assert max(steps_s) == pytest.approx(2 / FPS)


@pytest.mark.parametrize("kind", SIZED, indirect=True)
@pytest.mark.parametrize("size", [(320, 240), (202, 150)])
def test_pictures_have_the_resolution_of_the_settings(
    kind: Kind, opened: Opened, size: tuple[int, int]
) -> None:
    frame = opened(kind.make(resolution=size)).read()
    assert frame.luma.shape == (size[1], size[0])
    assert frame.luma.flags.c_contiguous
    assert np.abs(frame.luma - grey_of(frame)).mean() < 2.5


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in SIZED], indirect=True)
def test_a_video_keeps_its_own_size(kind: Kind, opened: Opened) -> None:
    assert opened(kind.make(resolution=(640, 480))).read().luma.shape == (SIZE[1], SIZE[0])


@pytest.mark.parametrize("kind", [name for name in KINDS if "picamera" not in name], indirect=True)
def test_a_missing_source_is_an_error_with_its_name(kind: Kind) -> None:
    camera = kind.make(missing=True)
    with pytest.raises(CameraMissing, match=r"^attic \(.*none\)"):
        camera.open()
    camera.close()
