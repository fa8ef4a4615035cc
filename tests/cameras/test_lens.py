"""A lens with autofocus, on a camera that keeps picamera2's rules."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.cameras.base import Focus
from app.cameras.lens import RETRY_S, SWEEP_S
from app.cameras.picamera2 import Picamera2Camera
from app.clock import FakeClock
from app.frames import Frame
from tests.cameras.pi_settings import pi_settings

Pi = dict[str, ModuleType]


class Scene:
    """A camera with a lens; each picture comes *every_s* seconds after the one before."""

    def __init__(self, focus: Focus, file: Path | None = None) -> None:
        self.clock = FakeClock()
        self.camera = Picamera2Camera(
            "front", pi_settings(focus=focus, fps=200), self.clock, focus_file=file
        )
        self.camera.open()

    @property
    def lens(self) -> Any:
        return self.camera._camera.lens

    def read(self, count: int = 1, every_s: float = 0.1) -> list[Frame]:
        frames = []
        for _ in range(count):
            self.clock.sleep(every_s)
            frames.append(self.camera.read())
        return frames

    def read_until(self, done: Callable[[Frame], bool], every_s: float = 0.1) -> Frame:
        for _ in range(200):
            (frame,) = self.read(1, every_s)
            if done(frame):
                return frame
        raise AssertionError("it never happens")


@pytest.fixture
def lens(pi: Pi, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set what the lens does."""

    def set_all(**given: object) -> None:
        for name, value in given.items():
            monkeypatch.setattr(pi["picamera2"], name, value)

    return set_all


def test_a_sweep_finds_the_sharpest_picture_and_stays(
    pi: Pi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene("auto", tmp_path / "focus")
    first = scene.read()[0]
    assert first.focusing
    at_rest = scene.read_until(lambda frame: not frame.focusing)
    assert (scene.lens.mode, scene.lens.position) == (0, 0.5)
    assert at_rest.scene == first.scene + 1  # the detector begins again
    assert scene.camera.focus == "2 m"
    assert (tmp_path / "focus").read_text() == "0.5000\n"
    assert not any(frame.focusing for frame in scene.read(40))
    assert scene.lens.sweeps == 1
    scene.camera.close()
    again = Scene("auto", tmp_path / "focus")
    assert not any(frame.focusing for frame in again.read(5))
    assert (again.lens.sweeps, again.lens.position) == (0, 0.5)
    again.camera.refocus()
    assert again.read()[0].focusing
    again.read_until(lambda frame: not frame.focusing)
    again.camera.close()


@pytest.mark.parametrize(("metres", "dioptres"), [(2, 0.5), (0.05, 15.0), (1000, 0.001)])
def test_a_distance_is_set_and_never_changed(pi: Pi, metres: float, dioptres: float) -> None:
    scene = Scene(metres)
    assert not any(frame.focusing for frame in scene.read(5))
    assert (scene.lens.mode, scene.lens.position, scene.lens.sweeps) == (0, dioptres, 0)
    scene.camera.close()


def test_without_a_setting_the_lens_is_left_alone(pi: Pi) -> None:
    scene = Scene(None)
    scene.read(5)
    assert (scene.lens.position, scene.lens.sweeps) == (1.0, 0)
    assert scene.camera.focus == "as the camera has it"
    scene.camera.close()


def test_a_lens_that_never_settles_is_given_up_for_a_while(
    pi: Pi, lens: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    lens(SETTLES=False)
    scene = Scene("auto")
    began_s = scene.read()[0].at_s
    at_rest = scene.read_until(lambda frame: not frame.focusing)
    assert SWEEP_S <= at_rest.at_s - began_s <= SWEEP_S + 1
    assert (scene.lens.mode, scene.lens.position) == (0, 1.0)
    assert "no sharp picture was found; focused at 1 m" in caplog.text
    lens(SETTLES=True)
    again = scene.read_until(lambda frame: frame.focusing, every_s=10)
    assert RETRY_S <= again.at_s - began_s <= RETRY_S + 30
    scene.camera.close()


def test_in_the_dark_the_sweep_waits_for_light(pi: Pi, lens: Callable[..., None]) -> None:
    lens(LUX=0.0)
    scene = Scene("auto")
    assert not any(frame.focusing for frame in scene.read(5, every_s=RETRY_S / 2))
    lens(LUX=300.0)
    scene.read_until(lambda frame: frame.focusing, every_s=60)
    scene.camera.close()


def test_pictures_that_stay_blurred_begin_a_sweep(pi: Pi) -> None:
    scene = Scene("auto")
    scene.read_until(lambda frame: not frame.focusing)
    scene.read(30)
    scene.lens.position = 8.0  # the lens has slipped
    assert not any(frame.focusing for frame in scene.read(10, every_s=10))
    scene.lens.position = 0.5
    scene.read()
    scene.lens.position = 8.0
    assert not any(frame.focusing for frame in scene.read(15, every_s=10))
    scene.read_until(lambda frame: frame.focusing, every_s=10)
    scene.read_until(lambda frame: not frame.focusing)
    assert scene.lens.position == 0.5
    scene.camera.close()


@pytest.mark.parametrize("focus", ["auto", 2.0])
def test_a_camera_without_a_lens_that_moves_says_so(
    pi: Pi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, focus: Focus
) -> None:
    cameras = [pi["picamera2"].CAMERAS[0] | {"Model": "imx219"}]
    monkeypatch.setattr(pi["picamera2"], "CAMERAS", cameras)
    scene = Scene(focus)
    scene.camera.refocus()
    assert not any(frame.focusing for frame in scene.read(5))
    assert "front has no lens that moves; its focus is not set" in caplog.text
    assert scene.camera.focus == ""
    scene.camera.close()


@pytest.mark.parametrize("content", [b"", b"far away", b"nan", b"-3", b"inf", b"\xff" * 100])
def test_a_damaged_file_of_the_focus_means_a_sweep(pi: Pi, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "focus").write_bytes(content)
    scene = Scene("auto", tmp_path / "focus")
    assert scene.read()[0].focusing
    scene.camera.close()


def test_a_focus_that_cannot_be_kept_is_used(
    pi: Pi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    scene = Scene("auto", tmp_path / "file" / "focus")
    scene.read_until(lambda frame: not frame.focusing)
    assert scene.lens.position == 0.5
    assert "the focus is not kept for later" in caplog.text
    scene.camera.close()
