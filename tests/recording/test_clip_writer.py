"""A clip's beginning, end and parts."""

from pathlib import Path

import pytest

from app.frames import Frame
from app.recording.base import RecordingSettings
from app.recording.clip_writer import ClipWriter
from app.recording.event_folder import part_path
from tests.recording.conftest import Source
from tests.recording.harness import Action, RecorderHarness
from tests.recording.videos import LONG_GOP, SOURCES, lasts_s, numbered_video, numbers

SETTINGS = RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=60)


def begin_into(
    clips: list[ClipWriter], harness: RecorderHarness, folder: Path, before_s: float = 2
) -> Action:
    """Adds to *clips* one that begins *before_s* before now."""
    recorder = harness.recorder
    return lambda frame: clips.append(recorder.begin_clip(folder, frame.at_s - before_s, ""))


@pytest.mark.parametrize("start_s", [4.9, 5.0, 5.1, 5.7, 5.9])
def test_the_first_picture_is_right_wherever_key_frames_are(
    source: Source, folder: Path, start_s: float
) -> None:
    video = source("h264 with B-frames.mp4")
    (clip,) = RecorderHarness(SETTINGS).record(video, folder, start_s=start_s, end_s=7.0, last=100)
    assert numbers(clip) == list(range(round(start_s * 10) - 20, 80))


@pytest.mark.parametrize("name", ["h264 with B-frames.mp4", "mjpeg.avi"])
def test_the_parts_of_a_long_event_join_without_a_seam(
    tmp_path: Path, folder: Path, name: str
) -> None:
    video = numbered_video(tmp_path / name, 180, **SOURCES[name])
    harness = RecorderHarness(RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=6.25))
    clips = harness.record(video, folder, start_s=4.0, end_s=15.0)
    assert [clip.name for clip in clips] == ["clip.mp4", "clip-2.mp4", "clip-3.mp4"]
    assert [number for clip in clips for number in numbers(clip)] == list(range(20, 160))
    assert all(lasts_s(clip) <= 6.4 for clip in clips)
    assert [one.last for one in harness.ready] == [False, False, True]
    assert harness.ready[-1].reaches_s == pytest.approx(14.0, abs=0.05)


@pytest.fixture(scope="module")
def reordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video in which every key frame has three B-frames before the next picture."""
    options = LONG_GOP | {"bf": "3", "b_strategy": "0"}
    return numbered_video(tmp_path_factory.mktemp("video") / "video.mp4", 100, options=options)


@pytest.mark.parametrize("split_at", range(60, 66))
def test_a_split_makes_a_file_at_once_and_another_later(
    reordered: Path, folder: Path, split_at: int
) -> None:
    harness = RecorderHarness(SETTINGS)
    clips: list[ClipWriter] = []
    made: list[int] = []
    actions: dict[int, Action] = {
        30: begin_into(clips, harness, folder),
        split_at: lambda _: clips[0].split(),
        split_at + 6: lambda _: made.append(len(harness.ready)),
        90: lambda frame: clips[0].end(frame.at_s),
    }
    harness.play(reordered, actions, write_every=2)
    harness.finish()
    assert made == [1]
    parts = [numbers(one.clip) for one in harness.ready]
    assert [number for part in parts for number in part] == list(range(10, 90))
    assert len(parts[0]) == pytest.approx(split_at - 9, abs=3)


def test_an_end_in_the_past_is_kept(source: Source, folder: Path) -> None:
    harness = RecorderHarness(SETTINGS)
    clips: list[ClipWriter] = []
    actions: dict[int, Action] = {
        30: begin_into(clips, harness, folder),
        89: lambda _: harness.write_all(),
        90: lambda _: clips[0].end(5.0),
    }
    harness.play(source("h264 with B-frames.mp4"), actions)
    harness.finish()
    assert numbers(harness.ready[0].clip) == list(range(10, 50))


def test_what_may_be_cut_off_is_not_written_yet(source: Source, folder: Path) -> None:
    harness = RecorderHarness(SETTINGS)
    clips: list[ClipWriter] = []
    written: list[int] = []

    def note(_: Frame) -> None:
        harness.write_all()
        written.append(len(numbers(part_path(folder / "clip.mp4"))))

    actions: dict[int, Action] = {
        30: begin_into(clips, harness, folder),
        31: lambda _: clips[0].show_until(4.0),
        55: note,
        56: lambda _: clips[0].show_until(5.5),
        57: note,
        # Memory keeps no more than four seconds of it.
        110: note,
        111: lambda _: clips[0].end(5.5),
    }
    harness.play(source("h264 with B-frames.mp4"), actions, write_every=1000)
    harness.finish()
    assert written == pytest.approx([40, 55, 70], abs=2)
    assert numbers(harness.ready[0].clip) == list(range(10, 55))


def test_a_part_that_begins_after_the_end_is_deleted(source: Source, folder: Path) -> None:
    harness = RecorderHarness(RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=5))
    clips: list[ClipWriter] = []
    actions: dict[int, Action] = {
        30: begin_into(clips, harness, folder),
        79: lambda _: harness.write_all(),
        80: lambda _: clips[0].end(5.5),
    }
    harness.play(source("h264.mkv"), actions)
    harness.finish()
    assert [one.clip.name for one in harness.ready] == ["clip.mp4"]
    assert {path.name for path in folder.iterdir()} == {".clip.mp4.ready.part", "clip.mp4"}


@pytest.mark.parametrize("name", ["h264.mp4", "mjpeg.avi"])
def test_a_clip_has_begun_when_a_kill_leaves_pictures(
    source: Source, folder: Path, name: str
) -> None:
    harness = RecorderHarness(SETTINGS)
    clips: list[ClipWriter] = []
    begin = begin_into(clips, harness, folder)
    harness.play(source(name), {35: begin}, write_every=1000, last=36)
    assert not clips[0].begun.is_set()
    while not clips[0].begun.is_set():
        harness.recorder.step()
    part = part_path(folder / "clip.mp4")
    left = part.read_bytes()
    harness.finish()
    (folder / "clip.mp4").unlink()
    part.write_bytes(left)
    harness.recorder.repair([part])
    assert numbers(folder / "clip.mp4")[:5] == [15, 16, 17, 18, 19]


def test_a_short_or_refused_clip_has_begun_too(source: Source, folder: Path) -> None:
    video, harness = source("h264.mkv"), RecorderHarness(SETTINGS)
    clips: list[ClipWriter] = []
    begin = begin_into(clips, harness, folder, before_s=0)
    harness.play(video, {35: begin}, last=35)
    harness.write_all()
    harness.refused = "the disk has little left"
    harness.play(video, {35: begin}, write_every=1000, last=35)
    harness.recorder.step()
    assert [clip.begun.is_set() for clip in clips] == [True, True]
