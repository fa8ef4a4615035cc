"""Clips show what they should, from the first picture to the last, whatever a source gives."""

from pathlib import Path

import av
import numpy as np
import pytest

from app.frames import Frame, Image
from app.recording.base import RecordingSettings
from app.recording.clip_writer import ClipWriter
from tests.recording.harness import Act, Studio
from tests.recording.videos import (
    FPS,
    is_for_browsers,
    lasts_s,
    number_of,
    numbered_video,
    numbers,
    shown,
)

SETTINGS = RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=60)
LONG_GOP = {"g": "30", "sc_threshold": "0"}
SOURCES: dict[str, dict[str, object]] = {
    "h264.mp4": {"options": LONG_GOP | {"bf": "0"}},
    "h264 with B-frames.mp4": {"options": LONG_GOP | {"bf": "3", "b-pyramid": "1"}},
    "h264 with open groups.mp4": {"options": LONG_GOP | {"bf": "3", "x264-params": "open-gop=1"}},
    "h264.ts": {"options": LONG_GOP | {"bf": "2"}},
    "h264.mkv": {"options": LONG_GOP},
    "full range.mp4": {"options": LONG_GOP, "pixels": "yuvj420p"},
    "444.mp4": {"options": LONG_GOP, "pixels": "yuv444p"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj422p"},
    "hevc.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "keyint=30:bframes=3:log-level=none"},
    },
    "hevc.ts": {
        "codec": "libx265",
        "options": {"x265-params": "keyint=30:bframes=0:log-level=none"},
    },
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "30", "bf": "2", "qscale": "2"}},
    "lossless.mkv": {"codec": "ffv1"},
}
COPIED = (
    "h264.mp4",
    "h264 with B-frames.mp4",
    "h264 with open groups.mp4",
    "h264.ts",
    "h264.mkv",
    "full range.mp4",
)


def filming(studio: Studio, folder: Path, end_s: float) -> Act:
    """Begins a clip, named like its *folder*, two seconds before now, which goes until *end_s*."""
    return lambda frame: studio.recorder.begin_clip(folder, frame.at_s - 2, folder.name).end(end_s)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "events" / "one"


@pytest.mark.parametrize("name", SOURCES)
def test_a_clip_shows_every_picture_from_before_the_event_until_after_it(
    tmp_path: Path, folder: Path, name: str
) -> None:
    source = numbered_video(tmp_path / name, 120, **SOURCES[name])  # type: ignore[arg-type]
    (clip,) = Studio(SETTINGS).film(source, folder, start_s=5.0, end_s=7.0)
    pictures = shown(clip)
    assert [number_of(one.grey) for one in pictures] == list(range(30, 80))
    assert [one.at_s for one in pictures] == pytest.approx(
        [number / FPS for number in range(50)], abs=0.001
    )
    assert lasts_s(clip) == pytest.approx(5.0, abs=0.01)
    assert is_for_browsers(clip)
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == ["clip.mp4"]


@pytest.mark.parametrize("start_s", [4.9, 5.0, 5.1, 5.7, 5.9])
def test_the_first_picture_is_right_wherever_the_key_frames_are(
    tmp_path: Path, folder: Path, start_s: float
) -> None:
    source = numbered_video(tmp_path / "film.mp4", 120, options=LONG_GOP | {"bf": "3"})
    (clip,) = Studio(SETTINGS).film(source, folder, start_s=start_s, end_s=7.0)
    assert numbers(clip) == list(range(round(start_s * FPS) - 20, 80))


@pytest.mark.parametrize("name", SOURCES)
def test_what_browsers_play_is_copied_and_all_else_encoded(
    tmp_path: Path, folder: Path, name: str
) -> None:
    source = numbered_video(tmp_path / name, 60, **SOURCES[name])  # type: ignore[arg-type]
    (clip,) = Studio(SETTINGS).film(source, folder, start_s=3.0, end_s=3.5)
    with av.open(str(source)) as opened:
        keys = [bytes(packet) for packet in opened.demux(video=0) if packet.is_keyframe]
    assert (keys[0][-40:] in clip.read_bytes()) is (name in COPIED)


@pytest.mark.parametrize(("hflip", "vflip"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("name", ["h264.mp4", "mjpeg.avi"])
def test_a_clip_is_turned_as_the_pictures_are(
    tmp_path: Path, folder: Path, name: str, hflip: bool, vflip: bool
) -> None:
    source = numbered_video(tmp_path / name, 60, **SOURCES[name])  # type: ignore[arg-type]
    (clip,) = Studio(SETTINGS).film(
        source, folder, start_s=3.0, end_s=3.5, hflip=hflip, vflip=vflip
    )
    for number, one in enumerate(shown(clip), start=10):
        turned = one.grey[:: -1 if vflip else 1, :: -1 if hflip else 1]
        assert number_of(turned) == number


def test_a_drawn_scene_is_filmed_too(folder: Path) -> None:
    studio = Studio(SETTINGS)
    lumas: dict[int, Image] = {}
    acts: dict[int, Act] = dict.fromkeys(
        range(60), lambda frame: lumas.update({frame.number: frame.luma})
    )
    acts[40] = lambda frame: studio.recorder.begin_clip(folder, frame.at_s - 2, "")
    studio.play("synthetic:person", acts, last=60, resolution=(160, 120))
    studio.finish()
    pictures = shown(studio.ready[0].clip)
    assert len(pictures) == 41
    for number, one in enumerate(pictures[:39], start=20):
        assert number == 40 or np.abs(one.grey.astype(int) - lumas[number]).mean() < 6


def test_a_long_event_becomes_parts_that_join_without_a_seam(tmp_path: Path, folder: Path) -> None:
    for name in ("h264 with B-frames.mp4", "mjpeg.avi"):
        source = numbered_video(tmp_path / name, 260, **SOURCES[name])  # type: ignore[arg-type]
        studio = Studio(RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=6.25))
        clips = studio.film(source, folder / name, start_s=4.0, end_s=20.0)
        assert [clip.name for clip in clips] == [
            "clip.mp4",
            "clip-2.mp4",
            "clip-3.mp4",
            "clip-4.mp4",
        ]
        assert [number for clip in clips for number in numbers(clip)] == list(range(20, 210))
        assert all(lasts_s(clip) <= 6.4 for clip in clips)
        assert [one.last for one in studio.ready] == [False, False, False, True]
        assert studio.ready[-1].reaches_s == pytest.approx(19.0, abs=0.05)


@pytest.mark.parametrize("split_at", range(60, 66))
def test_a_clip_that_is_split_has_a_file_at_once_and_goes_on_in_another(
    tmp_path: Path, folder: Path, split_at: int
) -> None:
    source = numbered_video(
        tmp_path / "film.mp4", 120, options=LONG_GOP | {"bf": "3", "b_strategy": "0"}
    )
    studio = Studio(SETTINGS)
    clips: list[ClipWriter] = []
    made: list[int] = []
    studio.play(
        source,
        {
            30: lambda frame: clips.append(studio.recorder.begin_clip(folder, frame.at_s - 2, "")),
            split_at: lambda _: clips[0].split(),
            split_at + 6: lambda _: made.append(len(studio.ready)),
            90: lambda frame: clips[0].end(frame.at_s),
        },
        write_every=2,
    )
    studio.finish()
    assert made == [1]
    parts = [numbers(one.clip) for one in studio.ready]
    assert [number for part in parts for number in part] == list(range(10, 90))
    assert len(parts[0]) == pytest.approx(split_at - 9, abs=3)


def test_an_end_that_is_past_when_it_is_known_is_kept(tmp_path: Path, folder: Path) -> None:
    source = numbered_video(tmp_path / "film.mp4", 120, options=LONG_GOP | {"bf": "3"})
    studio = Studio(SETTINGS)
    clips: list[ClipWriter] = []
    studio.play(
        source,
        {
            30: lambda frame: clips.append(studio.recorder.begin_clip(folder, frame.at_s - 2, "")),
            89: lambda _: studio.write_all(),
            90: lambda _: clips[0].end(5.0),
        },
    )
    studio.finish()
    assert numbers(studio.ready[0].clip) == list(range(10, 50))


def test_a_part_that_begins_after_the_end_is_none(tmp_path: Path, folder: Path) -> None:
    source = numbered_video(tmp_path / "film.mp4", 120, options=LONG_GOP)
    studio = Studio(RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=5))
    clips: list[ClipWriter] = []
    studio.play(
        source,
        {
            30: lambda frame: clips.append(studio.recorder.begin_clip(folder, frame.at_s - 2, "")),
            79: lambda _: studio.write_all(),
            80: lambda _: clips[0].end(5.5),
        },
    )
    studio.finish()
    assert [one.clip.name for one in studio.ready] == ["clip.mp4"]
    assert {path.name for path in folder.iterdir()} == {".clip.mp4.part", "clip.mp4"}


def test_clips_that_overlap_are_each_whole(tmp_path: Path, folder: Path) -> None:
    source = numbered_video(tmp_path / "film.mp4", 120, options=LONG_GOP)
    studio = Studio(SETTINGS)

    acts = {
        30: filming(studio, folder / "one", 6.0),
        45: filming(studio, folder / "two", 7.0),
        55: filming(studio, folder / "three", 8.0),
    }
    studio.play(source, acts)
    studio.finish()
    found = {one.note: numbers(one.clip) for one in studio.ready}
    assert found == {
        "one": list(range(10, 60)),
        "two": list(range(25, 70)),
        "three": list(range(35, 80)),
    }


def test_of_what_was_not_there_yet_a_clip_shows_nothing(tmp_path: Path, folder: Path) -> None:
    source = numbered_video(tmp_path / "film.mp4", 60, options=LONG_GOP)
    (clip,) = Studio(SETTINGS).film(source, folder, start_s=0.5, end_s=2.0)
    assert numbers(clip) == list(range(30))


def test_a_camera_that_is_closed_in_mid_event_leaves_a_clip_up_to_there(
    tmp_path: Path, folder: Path
) -> None:
    source = numbered_video(tmp_path / "film.mp4", 60, options=LONG_GOP)
    studio = Studio(SETTINGS)
    studio.play(source, {30: lambda frame: studio.recorder.begin_clip(folder, frame.at_s - 2, "")})
    studio.finish()
    assert numbers(studio.ready[0].clip) == list(range(10, 60))
    assert studio.recorder.ring.used_bytes == 0


def test_a_camera_that_is_opened_again_begins_another_film(tmp_path: Path, folder: Path) -> None:
    source = numbered_video(tmp_path / "film.mp4", 40, options=LONG_GOP)
    studio = Studio(SETTINGS)
    clips: list[ClipWriter] = []
    studio.play(
        source,
        {
            20: lambda frame: clips.append(
                studio.recorder.begin_clip(folder / "one", frame.at_s - 1, "")
            )
        },
        write_every=1000,
    )
    studio.play(
        source,
        {15: lambda frame: studio.recorder.begin_clip(folder / "two", frame.at_s - 1, "")},
        write_every=1000,
    )
    studio.finish()
    assert {one.clip.parent.name: numbers(one.clip) for one in studio.ready} == {
        "one": list(range(10, 40)),
        "two": list(range(5, 40)),
    }


def test_memory_is_bounded_and_a_disk_that_hangs_costs_a_gap_and_nothing_else(
    tmp_path: Path, folder: Path
) -> None:
    source = numbered_video(
        tmp_path / "film.mp4", 400, options={"g": "10", "preset": "ultrafast"}, noise=30
    )
    settings = RecordingSettings(pre_roll_s=2, post_roll_s=1, preroll_mb=1)
    studio = Studio(settings)
    clips: list[ClipWriter] = []
    hangs = range(100, 300)
    acts: dict[int, Act] = {
        number: lambda _: studio.write_all() for number in range(30, 400) if number not in hangs
    }
    acts[31] = lambda frame: clips.append(studio.recorder.begin_clip(folder, frame.at_s - 2, ""))
    assert source.stat().st_size > 1_500_000
    studio.play(source, acts, write_every=1000)
    assert studio.recorder.gaps == 1
    studio.finish()
    pictures = shown(studio.ready[0].clip)
    there = [number_of(one.grey) for one in pictures]
    assert set(range(11, 100)) | set(range(300, 400)) <= set(there)
    assert len(there) < 380
    assert [one.at_s for one in pictures] == pytest.approx(
        [(number - 11) / FPS for number in there], abs=0.001
    )


def test_a_full_disk_is_said_once_and_the_next_clip_is_tried_all_the_same(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    source = numbered_video(tmp_path / "film.mp4", 150, options=LONG_GOP)
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / ".clip.mp4.part").symlink_to("/dev/full")
    studio = Studio(SETTINGS)
    troubles: list[str | None] = []
    acts: dict[int, Act] = {
        number: filming(studio, folder / name, end_s)
        for number, name, end_s in ((30, "one", 5), (60, "two", 8))
    }
    acts[95] = lambda _: troubles.append(studio.recorder.trouble)
    acts[100] = filming(studio, folder / "three", 12)
    studio.play(source, acts)
    studio.finish()
    assert [one.note for one in studio.ready] == ["three"]
    assert [one.partition(":")[0] for one in studio.failed] == ["one", "two"]
    assert "No space left" in (troubles[0] or "")
    assert studio.recorder.trouble is None
    assert caplog.text.count("clips cannot be written:") == 1
    assert "clips can be written again" in caplog.text


@pytest.mark.parametrize("name", ["h264.mp4", "mjpeg.avi"])
def test_a_film_has_begun_when_a_kill_leaves_something_of_it(
    tmp_path: Path, folder: Path, name: str
) -> None:
    source = numbered_video(tmp_path / name, 60, **SOURCES[name])  # type: ignore[arg-type]
    studio = Studio(SETTINGS)
    clips: list[ClipWriter] = []
    begin: Act = lambda frame: clips.append(studio.recorder.begin_clip(folder, frame.at_s - 2, ""))  # noqa: E731
    studio.play(source, {35: begin}, write_every=1000, last=36)
    assert not clips[0].begun.is_set()
    while not clips[0].begun.is_set():
        studio.recorder.step()
    left = (folder / ".clip.mp4.part").read_bytes()
    studio.finish()
    (folder / "clip.mp4").unlink()
    (folder / ".clip.mp4.part").write_bytes(left)
    studio.recorder.repair([folder / ".clip.mp4.part"])
    assert numbers(folder / "clip.mp4")[:5] == [15, 16, 17, 18, 19]


def test_a_film_of_which_there_is_little_so_far_or_nothing_can_be_written_has_begun_too(
    tmp_path: Path, folder: Path
) -> None:
    source = numbered_video(tmp_path / "film.mp4", 60, options=LONG_GOP)
    studio = Studio(SETTINGS)
    clips: list[ClipWriter] = []
    begin: Act = lambda frame: clips.append(studio.recorder.begin_clip(folder, frame.at_s, ""))  # noqa: E731
    studio.play(source, {35: begin}, last=35)
    studio.write_all()
    studio.refused = "the disk has little left"
    studio.play(source, {35: begin}, write_every=1000, last=35)
    studio.recorder.step()
    assert [clip.begun.is_set() for clip in clips] == [True, True]


def test_nothing_is_written_where_it_may_not_be(tmp_path: Path, folder: Path) -> None:
    source = numbered_video(tmp_path / "film.mp4", 60, options=LONG_GOP)
    studio = Studio(SETTINGS, refused="the disk has little left")
    assert studio.film(source, folder, start_s=3, end_s=4) == []
    assert studio.failed == ["note: the disk has little left"]
    assert not folder.exists()


def test_a_clip_that_has_no_room_to_be_finished_is_finished_when_there_is(
    tmp_path: Path, folder: Path
) -> None:
    source = numbered_video(tmp_path / "film.mp4", 60, options=LONG_GOP)
    folder.mkdir(parents=True)
    blocked = folder / ".clip.mp4.whole.part"
    blocked.symlink_to("/dev/full")
    studio = Studio(SETTINGS)
    assert studio.film(source, folder, start_s=3, end_s=4) == []
    assert studio.recorder.trouble
    assert not (folder / "clip.mp4").exists()
    studio.clock.advance(31)
    studio.write_all()
    assert numbers(studio.ready[0].clip) == list(range(10, 50))
    assert studio.recorder.trouble is None


def test_a_clip_whose_folder_is_deleted_meanwhile_is_let_go(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = numbered_video(tmp_path / "film.mp4", 60, options=LONG_GOP)
    studio = Studio(SETTINGS)

    def delete(_: Frame) -> None:
        studio.write_all()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    studio.play(
        source,
        {30: lambda frame: studio.recorder.begin_clip(folder, frame.at_s - 2, ""), 50: delete},
    )
    studio.finish()
    assert (studio.ready, studio.recorder.busy) == ([], False)
    assert "there is no" in caplog.text
