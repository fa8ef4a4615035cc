"""Covers several modules: `make_camera` chooses the backend that the source names."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app.cameras import fast_frames, make_camera
from app.cameras.base import CameraSettings
from app.clock import FakeClock
from app.errors import CameraMissing
from tests.cameras.pictures import FPS, write_video
from tests.conftest import REPO


def kind_of(source: str) -> str:
    return type(make_camera("front", CameraSettings(source=source), FakeClock())).__name__


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("demo", "SyntheticCamera"),
        ("synthetic:lamp", "SyntheticCamera"),
        ("http://camera/stream", "VideoCamera"),
        ("https://camera/stream", "VideoCamera"),
        ("rtsp://camera/stream", "VideoCamera"),
        ("rtsps://camera/stream", "VideoCamera"),
        ("/dev/video0", "VideoCamera"),
        ("videos/visit.mp4", "VideoCamera"),
    ],
)
def test_a_source_names_its_kind_of_camera(source: str, kind: str) -> None:
    assert kind_of(source) == kind


def test_auto_uses_picamera2_where_both_exist(pi: dict[str, ModuleType]) -> None:
    assert pi
    assert kind_of("auto") == "Picamera2Camera"


def test_auto_uses_picamera_where_only_that_exists(
    pi: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pi
    monkeypatch.setattr(
        "app.cameras.find_spec", lambda package: True if package == "picamera" else None
    )
    assert kind_of("auto") == "PicameraCamera"


def test_a_video_is_played_fast_to_its_end(tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", 20)
    frames = fast_frames("front", CameraSettings(source=str(video), fps=FPS))
    assert [frame.number for frame in frames] == list(range(20))


def test_auto_without_a_pi_names_the_cure() -> None:
    camera = make_camera("front", CameraSettings(), FakeClock())
    cure = "sudo apt install python3-picamera2.*set the camera's source to a file"
    with pytest.raises(CameraMissing, match=rf"^front \(auto\): .*{cure}"):
        camera.open()


def test_an_error_for_an_unknown_scene_lists_the_scenes() -> None:
    camera = make_camera("front", CameraSettings(source="synthetic:party"), FakeClock())
    with pytest.raises(
        CameraMissing, match="there is no scene 'party', only demo, empty, person, noise, lamp"
    ):
        camera.open()


def test_importing_cameras_imports_no_backend() -> None:
    heavy = "{'cv2', 'av', 'numpy', 'picamera', 'picamera2'}"
    code = (
        f"import sys, app.cameras, app.cameras.feed, app.cameras.base; print(sorted({heavy} & "
        "set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )
