"""Clips show every picture that they should, whatever a source gives and the disk does."""

import logging
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from app.frames import Frame, Image
from app.recording.base import RecordingSettings
from app.recording.event_folder import EventFolders, part_path, ready_path
from tests.recording.conftest import Source
from tests.recording.harness import Action, RecorderHarness
from tests.recording.videos import (
    COPIED,
    FPS,
    LONG_GOP,
    SOURCES,
    changing_video,
    is_for_browsers,
    lasts_s,
    number_of,
    numbered,
    numbered_video,
    numbers,
    shown,
    sizes,
)
from tests.servers.small_disk import SmallDisk

SETTINGS = RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=60)
IN_PARTS = RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=4)
EVENT = "20261120T101500.123Z-front"


def begin(harness: RecorderHarness, folder: Path, end_s: float | None = None) -> Action:
    """Begins a clip with the name of its *folder*, two seconds before now, until *end_s*."""

    def act(frame: Frame) -> None:
        clip = harness.recorder.begin_clip(folder, frame.at_s - 2, folder.name)
        if end_s is not None:
            clip.end(end_s)

    return act


@pytest.fixture
def event(tmp_path: Path) -> Path:
    """The folder of an event of the camera "front", empty."""
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    return folder


SMALL, LARGE = (320, 240), (640, 368)
CHANGES = {
    "h264 by size": ("libx264", (SMALL, LONG_GOP), (LARGE, LONG_GOP)),
    "h264 by parameters": (
        "libx264",
        (SMALL, {"profile": "baseline"}),
        (SMALL, {"refs": "4", "bf": "0"}),
    ),
    "hevc by size": (
        "libx265",
        *((size, {"x265-params": "bframes=0:log-level=none"}) for size in (LARGE, SMALL)),
    ),
    "mjpeg by size": ("mjpeg", (SMALL, {}), (LARGE, {})),
}


@pytest.mark.parametrize(
    ("change", "flipped"), [*((change, False) for change in CHANGES), ("h264 by size", True)]
)
def test_a_change_of_format_ends_one_part_and_begins_another(
    tmp_path: Path, folder: Path, change: str, flipped: bool
) -> None:
    codec, *encoders = CHANGES[change]
    path = tmp_path / f"changing.{'avi' if codec == 'mjpeg' else 'ts'}"
    video = changing_video(path, 40, codec, *encoders)  # type: ignore[arg-type]
    harness = RecorderHarness(SETTINGS)
    clips = harness.record(video, folder, start_s=4.5, end_s=6.0, hflip=flipped)
    assert [clip.name for clip in clips] == ["clip.mp4", "clip-2.mp4"]
    assert [sizes(clip) for clip in clips] == [{size} for size, _ in encoders]
    assert [one.last for one in harness.ready] == [False, True]
    assert all(is_for_browsers(clip) for clip in clips)
    if not flipped:
        there = [number for clip in clips for number in numbers(clip)]
        assert there == list(range(there[0], there[-1] + 1))
        assert there[0] == pytest.approx(25, abs=1)
        assert there[-1] == pytest.approx(69, abs=2)


def test_raw_pictures_of_another_size_are_another_part(folder: Path) -> None:
    harness = RecorderHarness(SETTINGS)
    for number in range(40):
        picture = numbered(number, SMALL if number < 20 else LARGE)
        at_s = number / FPS
        frame = Frame(picture[:, :, 0], at_s, harness.clock.now(), number, lambda it=picture: it)  # type: ignore[misc]
        harness.recorder.add_frame(frame)
        if number == 30:
            harness.recorder.begin_clip(folder, 1.0, "purpose")
    harness.finish()
    clips = [one.clip for one in harness.ready]
    assert [sizes(clip) for clip in clips] == [{SMALL}, {LARGE}]
    assert [number for clip in clips for number in numbers(clip)] == list(range(10, 40))


def test_every_clip_of_a_camera_that_changes_its_size_plays(footage: Path, folder: Path) -> None:
    harness = RecorderHarness(SETTINGS)
    clips = harness.record(footage / "trouble" / "size-change.ts", folder, start_s=4.0, end_s=9.0)
    assert [sizes(clip) for clip in clips] == [{(640, 480)}, {(1280, 720)}]
    assert sum(map(lasts_s, clips)) == pytest.approx(8.0, abs=0.3)
    assert sum(len(shown(clip)) for clip in clips) == pytest.approx(80, abs=2)


@pytest.mark.parametrize("name", SOURCES)
def test_a_clip_shows_all_pictures_around_the_event(
    source: Source, folder: Path, name: str
) -> None:
    video = source(name)
    (clip,) = RecorderHarness(SETTINGS).record(video, folder, start_s=5.0, end_s=7.0)
    pictures = shown(clip)
    assert [number_of(one.grey) for one in pictures] == list(range(30, 80))
    times_s = [number / FPS for number in range(50)]
    assert [one.at_s for one in pictures] == pytest.approx(times_s, abs=0.001)
    assert lasts_s(clip) == pytest.approx(5.0, abs=0.01)
    assert is_for_browsers(clip)
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == ["clip.mp4"]
    with av.open(str(video)) as opened:
        keys = [bytes(packet) for packet in opened.demux(video=0) if packet.is_keyframe]
    assert (keys[1][-40:] in clip.read_bytes()) is (name in COPIED)


@pytest.mark.parametrize(("hflip", "vflip"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("name", ["h264.mp4", "mjpeg.avi"])
def test_a_clip_is_flipped_as_the_pictures_are(
    source: Source, folder: Path, name: str, hflip: bool, vflip: bool
) -> None:
    (clip,) = RecorderHarness(SETTINGS).record(
        source(name), folder, start_s=3.0, end_s=3.5, hflip=hflip, vflip=vflip, last=50
    )
    for number, one in enumerate(shown(clip), start=10):
        flipped = one.grey[:: -1 if vflip else 1, :: -1 if hflip else 1]
        assert number_of(flipped) == number


def test_a_drawn_scene_is_recorded_too(folder: Path) -> None:
    harness = RecorderHarness(SETTINGS)
    lumas: dict[int, Image] = {}
    actions: dict[int, Action] = dict.fromkeys(
        range(60), lambda frame: lumas.update({frame.number: frame.luma})
    )
    actions[40] = begin(harness, folder)
    harness.play("synthetic:person", actions, last=60, resolution=(160, 120))
    harness.finish()
    pictures = shown(harness.ready[0].clip)
    assert len(pictures) == 41
    for number, one in enumerate(pictures[:39], start=20):
        assert number == 40 or np.abs(one.grey.astype(int) - lumas[number]).mean() < 6


def test_clips_that_overlap_are_each_complete(source: Source, folder: Path) -> None:
    harness = RecorderHarness(SETTINGS)
    actions = {
        30: begin(harness, folder / "one", 6.0),
        45: begin(harness, folder / "two", 7.0),
        55: begin(harness, folder / "three", 8.0),
    }
    harness.play(source("h264.mkv"), actions)
    harness.finish()
    assert {one.purpose: numbers(one.clip) for one in harness.ready} == {
        "one": list(range(10, 60)),
        "two": list(range(25, 70)),
        "three": list(range(35, 80)),
    }


def test_a_clip_begins_with_the_first_picture_there_is(source: Source, folder: Path) -> None:
    video = source("h264.mkv")
    (clip,) = RecorderHarness(SETTINGS).record(video, folder, start_s=0.5, end_s=2.0, last=50)
    assert numbers(clip) == list(range(30))


def test_a_camera_closed_during_an_event_ends_the_clip(tmp_path: Path, folder: Path) -> None:
    video = numbered_video(tmp_path / "video.mp4", 60, options=LONG_GOP)
    harness = RecorderHarness(SETTINGS)
    harness.play(video, {30: begin(harness, folder)})
    harness.finish()
    assert numbers(harness.ready[0].clip) == list(range(10, 60))
    assert harness.recorder.ring.used_bytes == 0


def test_a_camera_opened_again_begins_another_clip(tmp_path: Path, folder: Path) -> None:
    video = numbered_video(tmp_path / "video.mp4", 40, options=LONG_GOP)
    harness = RecorderHarness(SETTINGS)
    harness.play(video, {30: begin(harness, folder / "one")}, write_every=1000)
    harness.play(video, {25: begin(harness, folder / "two")}, write_every=1000)
    harness.finish()
    assert {one.purpose: numbers(one.clip) for one in harness.ready} == {
        "one": list(range(10, 40)),
        "two": list(range(5, 40)),
    }


def test_a_disk_that_hangs_costs_a_gap_and_no_memory(tmp_path: Path, folder: Path) -> None:
    options = {"g": "10", "preset": "ultrafast"}
    video = numbered_video(tmp_path / "video.mp4", 300, options=options, noise=30)
    harness = RecorderHarness(RecordingSettings(pre_roll_s=2, post_roll_s=1, preroll_mb=1))
    hangs = range(60, 230)
    actions: dict[int, Action] = {
        number: lambda _: harness.write_all() for number in range(30, 300) if number not in hangs
    }
    actions[31] = begin(harness, folder)
    assert video.stat().st_size * len(hangs) / 300 > 1_100_000
    harness.play(video, actions, write_every=1000)
    assert harness.recorder.gaps == 1
    harness.finish()
    pictures = shown(harness.ready[0].clip)
    there = [number_of(one.grey) for one in pictures]
    assert set(range(11, 60)) | set(range(230, 300)) <= set(there)
    assert len(there) < 285
    times_s = [(number - 11) / FPS for number in there]
    assert [one.at_s for one in pictures] == pytest.approx(times_s, abs=0.001)


def test_a_full_disk_is_logged_once_and_tried_again(
    source: Source, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / ".clip.mp4.part").symlink_to("/dev/full")
    harness = RecorderHarness(SETTINGS)
    troubles: list[str | None] = []
    actions: dict[int, Action] = {
        30: begin(harness, folder / "one", 5),
        50: begin(harness, folder / "two", 7),
        80: lambda _: troubles.append(harness.recorder.trouble),
        85: begin(harness, folder / "three", 11),
    }
    harness.play(source("h264.mkv"), actions)
    harness.finish()
    assert [one.purpose for one in harness.ready] == ["three"]
    assert [one.partition(":")[0] for one in harness.failed] == ["one", "two"]
    assert "No space left" in (troubles[0] or "")
    assert harness.recorder.trouble is None
    assert caplog.text.count("clips cannot be written:") == 1
    assert "clips can be written again" in caplog.text


def test_nothing_is_written_to_a_folder_that_is_refused(source: Source, folder: Path) -> None:
    harness = RecorderHarness(SETTINGS, refused="the disk has little left")
    assert harness.record(source("h264.mkv"), folder, start_s=3, end_s=4, last=60) == []
    assert harness.failed == ["purpose: the disk has little left"]
    assert not folder.exists()


def test_a_clip_is_finished_when_the_disk_accepts_files_again(source: Source, folder: Path) -> None:
    folder.mkdir(parents=True)
    refused = ready_path(folder / "clip.mp4")
    refused.symlink_to(refused.name)
    harness = RecorderHarness(SETTINGS)
    assert harness.record(source("h264.mkv"), folder, start_s=3, end_s=4, last=60) == []
    assert harness.recorder.trouble
    assert not (folder / "clip.mp4").exists()
    refused.unlink()
    harness.clock.advance(31)
    harness.write_all()
    assert numbers(harness.ready[0].clip) == list(range(10, 50))
    assert harness.recorder.trouble is None


def test_a_full_disk_leaves_a_clip_up_to_that_moment(source: Source, tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "card", 1) as card:
        harness, folder = RecorderHarness(SETTINGS), card.path / "one"
        actions: dict[int, Action] = {
            30: begin(harness, folder, 9.0),
            60: lambda _: harness.write_all(),
            61: lambda _: card.fill(),
            90: lambda _: harness.write_all(),
            91: lambda _: card.empty(),
        }
        harness.play(source("h264.mkv"), actions, write_every=1000)
        harness.clock.advance(31)
        harness.write_all()
        there = numbers(harness.ready[0].clip)
        assert there == list(range(10, 10 + len(there)))
        assert len(there) >= 50


def test_a_clip_whose_folder_is_deleted_is_dropped(
    source: Source, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness = RecorderHarness(SETTINGS)

    def delete(_: Frame) -> None:
        harness.write_all()
        shutil.rmtree(folder)

    harness.play(source("h264.mkv"), {30: begin(harness, folder), 50: delete}, last=60)
    harness.finish()
    assert (harness.ready, harness.recorder.busy) == ([], False)
    assert "there is no" in caplog.text


def repair(harness: RecorderHarness, data_dir: Path) -> None:
    """Do what the next start of the program does."""
    harness.recorder.repair(EventFolders(data_dir).unfinished_clips("front"))


def test_the_next_start_makes_the_clip_of_a_killed_run(
    killed_part: bytes, tmp_path: Path, event: Path
) -> None:
    (event / ".clip.mp4.part").write_bytes(killed_part)
    (event / ".clip-2.mp4.part").write_bytes(killed_part[:20])
    (event / ".clip-2.mp4.whole.part").write_bytes(b"half a clip")
    other = event.with_name("20261120T101500.123Z-back")
    other.mkdir()
    (other / ".clip.mp4.part").write_bytes(killed_part)
    harness = RecorderHarness(IN_PARTS)
    repair(harness, tmp_path)
    (ready,) = harness.ready
    assert (ready.clip, ready.purpose, ready.last) == (event / "clip.mp4", "it was an alert", True)
    assert numbers(event / "clip.mp4")[0] == 15
    assert ready.mark.stat().st_size == 0
    assert not part_path(ready.clip).exists()
    assert not (event / "clip-2.mp4").exists()
    assert not (other / "clip.mp4").exists()


@pytest.fixture(scope="module")
def killed(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a kill leaves of a clip of 10.5 s, in parts of 4 s.

    Nobody has heard of its finished parts.
    """
    folder = tmp_path_factory.mktemp("killed") / EVENT
    harness = RecorderHarness(IN_PARTS)
    actions = {30: begin(harness, folder)}
    harness.play(source("h264.mp4"), actions, last=115)
    harness.write_all()
    assert [one.clip.name for one in harness.ready] == ["clip.mp4", "clip-2.mp4"]
    return folder


@pytest.mark.parametrize(
    "gone",
    [(), (".clip.mp4.ready.part",), (".clip.mp4.ready.part", ".clip-2.mp4.ready.part", "clip.mp4")],
)
def test_only_the_last_part_of_a_killed_clip_is_the_last(
    killed: Path, tmp_path: Path, event: Path, gone: tuple[str, ...]
) -> None:
    shutil.copytree(killed, event, dirs_exist_ok=True)
    for name in gone:
        (event / name).unlink()
    harness = RecorderHarness(IN_PARTS)
    repair(harness, tmp_path)
    *earlier, last = harness.ready
    assert (last.clip.name, last.last) == ("clip-3.mp4", True)
    assert [one.last for one in earlier] == [False] * (2 - len(gone[:2]))
    assert last.reaches_s == pytest.approx(8 + last.lasts_s, abs=0.11)
    assert last.reaches_s > 8.2


def test_a_part_is_not_the_last_if_a_later_one_exists(
    killed: Path, tmp_path: Path, event: Path
) -> None:
    shutil.copyfile(killed / "clip.mp4", event / "clip-2.mp4")
    shutil.copyfile(killed / ".clip-3.mp4.part", event / ".clip.mp4.part")
    harness = RecorderHarness(IN_PARTS)
    repair(harness, tmp_path)
    assert [(one.clip.name, one.last) for one in harness.ready] == [("clip.mp4", False)]


def test_a_part_is_not_the_last_if_the_next_is_unreadable(
    killed: Path, tmp_path: Path, event: Path
) -> None:
    shutil.copyfile(killed / ".clip-3.mp4.part", event / ".clip.mp4.part")
    # Reading the beginning of this file is an EIO, as on a card that makes mistakes.
    (event / ".clip-2.mp4.part").symlink_to("/proc/self/mem")
    harness = RecorderHarness(IN_PARTS)
    repair(harness, tmp_path)
    assert harness.recorder.trouble
    (event / ".clip-2.mp4.part").unlink()
    shutil.copyfile(killed / ".clip-3.mp4.part", event / ".clip-2.mp4.part")
    harness.clock.advance(31)
    harness.write_all()
    found = [(one.clip.name, one.last) for one in harness.ready]
    assert found == [("clip.mp4", False), ("clip-2.mp4", True)]


def test_a_clip_that_may_be_unreported_is_reported_again(
    killed_part: bytes, tmp_path: Path, event: Path
) -> None:
    (event / ".clip.mp4.part").write_bytes(killed_part)
    first, second = RecorderHarness(IN_PARTS), RecorderHarness(IN_PARTS)
    repair(first, tmp_path)
    made = (event / "clip.mp4").read_bytes()
    repair(second, tmp_path)
    assert second.ready[0].purpose == first.ready[0].purpose == "it was an alert"
    assert second.ready[0].lasts_s == pytest.approx(first.ready[0].lasts_s, abs=0.2)
    assert (event / "clip.mp4").read_bytes() == made
    second.ready[0].mark.unlink()
    assert list(EventFolders(tmp_path).unfinished_clips("front")) == []


def test_the_mark_of_an_earlier_version_is_replaced(
    killed_part: bytes, tmp_path: Path, event: Path
) -> None:
    (event / ".clip.mp4.part").write_bytes(killed_part)
    repair(RecorderHarness(IN_PARTS), tmp_path)
    (event / ".clip.mp4.ready.part").rename(event / ".clip.mp4.part")
    made = (event / "clip.mp4").read_bytes()
    harness = RecorderHarness(IN_PARTS)
    repair(harness, tmp_path)
    assert [one.mark for one in harness.ready] == [event / ".clip.mp4.ready.part"]
    assert {path.name for path in event.iterdir()} == {"clip.mp4", ".clip.mp4.ready.part"}
    assert (event / "clip.mp4").read_bytes() == made


def test_a_part_that_is_no_video_is_deleted_and_logged(
    tmp_path: Path, event: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (event / ".clip.mp4.part").write_bytes(b"\0" * 5000)
    harness = RecorderHarness(IN_PARTS)
    repair(harness, tmp_path)
    assert harness.ready == []
    assert list(event.iterdir()) == []
    assert "clip.mp4" in caplog.text


def test_a_part_that_cannot_be_deleted_is_tried_again(killed_part: bytes, tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "card", 2) as card:
        event = card.path / "events" / "2026-11-20" / EVENT
        event.mkdir(parents=True)
        (event / ".clip.mp4.part").write_bytes(killed_part)
        (event / ".clip-2.mp4.part").touch()
        card.hold(event / ".clip-2.mp4.part")
        harness = RecorderHarness(IN_PARTS)
        repair(harness, card.path)
        assert [one.clip for one in harness.ready] == [event / "clip.mp4"]
        card.let_go(event / ".clip-2.mp4.part")
        harness.clock.advance(31)
        harness.write_all()
        assert {path.name for path in event.iterdir()} == {"clip.mp4", ".clip.mp4.ready.part"}
