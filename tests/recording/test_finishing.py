"""What is left of a clip when its program is killed, or the disk full, becomes a clip at the next
start.
"""

import logging
import shutil
from pathlib import Path
from random import Random

import pytest

from app.errors import ClipError
from app.recording.base import RecordingSettings
from app.recording.event_folder import EventFolders, clip_name, part_path
from app.recording.finishing import finish
from tests.recording.harness import Studio
from tests.recording.videos import is_for_browsers, lasts_s, numbered_video, numbers
from tests.servers.small_disk import SmallDisk

SETTINGS = RecordingSettings(pre_roll_s=2, post_roll_s=1, max_clip_s=4)


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is on disk when a program is killed 4.5 s after an event began, of a film with a key
    frame every 3 s; nothing is closed.
    """
    folder = tmp_path_factory.mktemp("event")
    source = numbered_video(folder / "film.mp4", 66, options={"g": "30", "bf": "2"}, noise=10)
    studio = Studio(RecordingSettings(pre_roll_s=2))
    studio.play(
        source,
        {20: lambda frame: studio.recorder.begin_clip(folder, frame.at_s - 0.5, "it was an alert")},
    )
    studio.write_all()
    return (folder / ".clip.mp4.part").read_bytes()


def test_a_kill_costs_less_than_the_last_seconds(part: bytes, tmp_path: Path) -> None:
    (tmp_path / ".clip.mp4.part").write_bytes(part)
    film = finish(tmp_path / ".clip.mp4.part", tmp_path / "clip.mp4")
    there = numbers(tmp_path / "clip.mp4")
    assert there == list(range(15, 15 + len(there)))
    assert 15 + len(there) > 66 - 15
    assert film.metadata.note == "it was an alert"
    assert lasts_s(tmp_path / "clip.mp4") == pytest.approx(film.shown_s, abs=0.01)


def test_wherever_the_writing_was_cut_off_the_clip_is_playable_or_there_is_none(
    part: bytes, tmp_path: Path
) -> None:
    unfinished, clip = tmp_path / ".clip.mp4.part", tmp_path / "clip.mp4"
    most = 0
    for length in sorted(Random(1).sample(range(len(part)), 60)):
        unfinished.write_bytes(part[:length])
        clip.unlink(missing_ok=True)
        try:
            finish(unfinished, clip)
        except ClipError:
            assert most == 0
            assert not clip.exists()
            continue
        there = numbers(clip)
        assert there == list(range(15, 15 + len(there)))
        assert len(there) >= most
        assert is_for_browsers(clip)
        most = len(there)
    assert most > 30


def test_the_next_start_makes_the_clip_and_tells_of_it(part: bytes, tmp_path: Path) -> None:
    event = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
    event.mkdir(parents=True)
    (event / ".clip.mp4.part").write_bytes(part)
    (event / ".clip-2.mp4.part").write_bytes(part[:20])
    (event / ".clip-2.mp4.whole.part").write_bytes(b"half a clip")
    other = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-back"
    other.mkdir()
    (other / ".clip.mp4.part").write_bytes(part)
    folders, studio = EventFolders(tmp_path), Studio(SETTINGS)
    studio.recorder.repair(folders.unfinished_clips("front"))
    (ready,) = studio.ready
    assert (ready.clip, ready.note, ready.last) == (event / "clip.mp4", "it was an alert", True)
    assert numbers(event / "clip.mp4")[0] == 15
    assert ready.part.stat().st_size == 0
    assert not (event / "clip-2.mp4").exists()
    assert not (other / "clip.mp4").exists()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a kill leaves of a clip that is 9 s long so far, in parts of 4 s, and
    whose finished parts nobody was told of.
    """
    folder = tmp_path_factory.mktemp("film") / "20261120T101500.123Z-front"
    studio = Studio(SETTINGS)
    acts = {10: lambda frame: studio.recorder.begin_clip(folder, frame.at_s, "")}
    studio.play(
        numbered_video(folder.parent / "film.mp4", 120, options={"g": "10"}), acts, last=100
    )
    studio.write_all()
    assert [one.clip.name for one in studio.ready] == ["clip.mp4", "clip-2.mp4"]
    return folder


@pytest.mark.parametrize(
    "gone", [(), (".clip.mp4.part",), (".clip.mp4.part", ".clip-2.mp4.part", "clip.mp4")]
)
def test_of_a_killed_clip_only_the_last_part_is_the_last_and_reaches_as_far_as_all_of_it(
    parts: Path, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    event = tmp_path / "events" / "2026-11-20" / parts.name
    shutil.copytree(parts, event)
    for name in gone:
        (event / name).unlink()
    studio = Studio(SETTINGS)
    studio.recorder.repair(EventFolders(tmp_path).unfinished_clips("front"))
    *earlier, last = studio.ready
    assert (last.clip.name, last.last, [one.last for one in earlier]) == (
        "clip-3.mp4",
        True,
        [False] * (2 - len(gone[:2])),
    )
    assert last.reaches_s == pytest.approx(8 + last.lasts_s, abs=0.11)
    assert last.reaches_s > 8.2


def test_a_part_that_is_done_at_last_is_not_the_last_if_a_later_one_was_done_before(
    parts: Path, tmp_path: Path
) -> None:
    event = tmp_path / "events" / "2026-11-20" / parts.name
    shutil.copytree(parts, event)
    (event / "clip.mp4").rename(event / "clip-2.mp4")
    shutil.copyfile(parts / ".clip-3.mp4.part", event / ".clip.mp4.part")
    for name in (".clip-2.mp4.part", ".clip-3.mp4.part"):
        (event / name).unlink()
    studio = Studio(SETTINGS)
    studio.recorder.repair(EventFolders(tmp_path).unfinished_clips("front"))
    assert [(one.clip.name, one.last) for one in studio.ready] == [("clip.mp4", False)]


def test_a_part_is_not_the_last_when_the_next_cannot_be_read_at_first(
    parts: Path, tmp_path: Path
) -> None:
    event = tmp_path / "events" / "2026-11-20" / parts.name
    event.mkdir(parents=True)
    shutil.copyfile(parts / ".clip-3.mp4.part", event / ".clip.mp4.part")
    (event / ".clip-2.mp4.part").symlink_to(
        "/proc/self/mem"
    )  # reading its beginning is an EIO, as of a card that makes mistakes
    studio = Studio(SETTINGS)
    studio.recorder.repair(EventFolders(tmp_path).unfinished_clips("front"))
    assert studio.recorder.trouble
    (event / ".clip-2.mp4.part").unlink()
    shutil.copyfile(parts / ".clip-3.mp4.part", event / ".clip-2.mp4.part")
    studio.clock.advance(31)
    studio.write_all()
    assert [(one.clip.name, one.last) for one in studio.ready] == [
        ("clip.mp4", False),
        ("clip-2.mp4", True),
    ]


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = [part_path(Path(clip_name(number))).name for number in range(1, 13)]
    event = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
    event.mkdir(parents=True)
    for name in (*names, ".clip-2.mp4.whole.part", ".clips.mp4.part"):
        (event / name).touch()
    assert [part.name for part in EventFolders(tmp_path).unfinished_clips("front")] == names


def test_what_was_made_but_perhaps_not_told_is_told_again(part: bytes, tmp_path: Path) -> None:
    event = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
    event.mkdir(parents=True)
    (event / ".clip.mp4.part").write_bytes(part)
    folders, first, second = EventFolders(tmp_path), Studio(SETTINGS), Studio(SETTINGS)
    first.recorder.repair(folders.unfinished_clips("front"))
    made = (event / "clip.mp4").read_bytes()
    second.recorder.repair(folders.unfinished_clips("front"))
    assert second.ready[0].note == first.ready[0].note == "it was an alert"
    assert second.ready[0].lasts_s == pytest.approx(first.ready[0].lasts_s, abs=0.2)
    assert (event / "clip.mp4").read_bytes() == made
    second.ready[0].part.unlink()
    assert list(folders.unfinished_clips("front")) == []


def test_half_written_files_are_cleared_away_but_clips_are_kept(
    part: bytes, tmp_path: Path
) -> None:
    event = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
    event.mkdir(parents=True)
    for name in (
        ".clip.mp4.part",
        ".clip-12.mp4.part",
        ".clip.mp4.whole.part",
        ".snapshot.jpg.part",
        ".clips.mp4.part",
    ):
        (event / name).write_bytes(part)
    (event / "event.json").write_text("{}")
    assert list(EventFolders(tmp_path).unfinished_events("front")) == []
    assert {path.name for path in event.iterdir()} == {
        "event.json",
        ".clip.mp4.part",
        ".clip-12.mp4.part",
    }


def test_of_an_event_that_was_killed_while_it_began_nothing_is_left_but_its_sample(
    part: bytes, tmp_path: Path
) -> None:
    day = tmp_path / "events" / "2026-11-20"
    for second, names in (
        (0, (".clip.mp4.part", ".snapshot.jpg.part")),
        (1, (".clip.mp4.part", "sample.tar")),
        (2, (".sample.tar.part",)),
    ):
        event = day / f"20261120T10150{second}.123Z-front"
        event.mkdir(parents=True)
        for name in names:
            (event / name).write_bytes(part)
    assert list(EventFolders(tmp_path).unfinished_events("front")) == []
    assert [path.name for path in day.rglob("*")] == ["20261120T101501.123Z-front", "sample.tar"]


def test_what_has_its_picture_is_an_event_of_which_only_the_id_is_known(tmp_path: Path) -> None:
    event = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
    event.mkdir(parents=True)
    for name in ("snapshot.jpg", ".clip.mp4.part"):
        (event / name).write_bytes(b"something")
    ((facts, _),) = EventFolders(tmp_path).unfinished_events("front")
    assert facts == {"id": "20261120T101500.123Z-front"}
    assert (event / ".clip.mp4.part").exists()


def test_what_is_no_clip_at_all_is_cleared_away_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    event = tmp_path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
    event.mkdir(parents=True)
    (event / ".clip.mp4.part").write_bytes(b"\0" * 5000)
    caplog.set_level(logging.WARNING)
    studio = Studio(SETTINGS)
    studio.recorder.repair(EventFolders(tmp_path).unfinished_clips("front"))
    assert studio.ready == []
    assert list(event.iterdir()) == []
    assert "clip.mp4" in caplog.text


def test_what_the_disk_does_not_let_go_stops_nobody_and_is_tried_again(
    part: bytes, tmp_path: Path
) -> None:
    with SmallDisk(tmp_path / "card", 2) as card:
        event = card.path / "events" / "2026-11-20" / "20261120T101500.123Z-front"
        event.mkdir(parents=True)
        (event / ".clip.mp4.part").write_bytes(part)
        (event / ".clip-2.mp4.part").touch()
        card.hold(event / ".clip-2.mp4.part")
        studio = Studio(SETTINGS)
        studio.recorder.repair(EventFolders(card.path).unfinished_clips("front"))
        assert [one.clip for one in studio.ready] == [event / "clip.mp4"]
        card.let_go(event / ".clip-2.mp4.part")
        studio.clock.advance(31)
        studio.write_all()
        assert {path.name for path in event.iterdir()} == {"clip.mp4", ".clip.mp4.part"}
