"""Fixtures for the tests of recording: source videos, and the rest of a clip after a kill."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from app.recording.base import RecordingSettings
from tests.recording.harness import RecorderHarness
from tests.recording.videos import SOURCES, numbered_video

Source = Callable[[str], Path]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Makes each video of `SOURCES` once: 120 numbered pictures, with a key frame every 3 s."""
    folder = tmp_path_factory.mktemp("sources")

    @cache
    def make(name: str) -> Path:
        return numbered_video(folder / name, 120, **SOURCES[name])

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an event, not made yet."""
    return tmp_path / "events" / "one"


@pytest.fixture(scope="session")
def killed_part(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a clip whose program was killed 4.5 s after the event began.

    The video has a key frame every 3 s, and the clip begins with picture 15.
    """
    folder = tmp_path_factory.mktemp("event")
    video = numbered_video(folder / "video.mp4", 66, options={"g": "30", "bf": "2"}, noise=10)
    harness = RecorderHarness(RecordingSettings(pre_roll_s=2))
    recorder = harness.recorder
    begin = {20: lambda frame: recorder.begin_clip(folder, frame.at_s - 0.5, "it was an alert")}
    harness.play(video, begin)
    harness.write_all()
    return (folder / ".clip.mp4.part").read_bytes()
