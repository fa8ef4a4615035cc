"""The folder of an event: its files, and the files that a kill leaves."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.recording.event_folder import EventFolders, SnapshotPair, clip_name, part_path
from app.recording.trace import EventTrace

STARTED_AT = datetime(2026, 11, 20, 10, 15, 0, 123_000, tzinfo=UTC)
EVENT = "20261120T101500.123Z-front"


@pytest.fixture
def folders(tmp_path: Path) -> EventFolders:
    return EventFolders(tmp_path)


@pytest.fixture
def event(folders: EventFolders) -> Path:
    """The folder of the event, empty."""
    folder = folders.folder(EVENT, STARTED_AT)
    folder.mkdir(parents=True)
    return folder


def test_an_event_is_in_the_folder_of_its_utc_day(folders: EventFolders, tmp_path: Path) -> None:
    folders.write_event(EVENT, STARTED_AT, {"peak": 5}, SnapshotPair(b"marked", b"clean"))
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    assert {path.name for path in folder.iterdir()} == {
        "event.json",
        "snapshot.jpg",
        "snapshot-clean.jpg",
    }
    assert json.loads((folder / "event.json").read_text()) == {"id": EVENT, "peak": 5}
    assert folders.snapshot(EVENT, STARTED_AT) == b"marked"


def test_an_event_without_pictures_has_no_snapshot(folders: EventFolders) -> None:
    folders.write_event(EVENT, STARTED_AT, {})
    assert folders.snapshot(EVENT, STARTED_AT) is None


def test_a_label_is_written_and_deleted(folders: EventFolders, event: Path) -> None:
    assert folders.write_label(EVENT, STARTED_AT, {"label": "occupied"})
    written = json.loads((event / "label.json").read_text())
    assert written == {"label": "occupied", "event": EVENT}
    assert folders.write_label(EVENT, STARTED_AT, None)
    assert list(event.iterdir()) == []


def test_an_event_that_is_not_here_gets_no_label(folders: EventFolders, tmp_path: Path) -> None:
    assert not folders.write_label(EVENT, STARTED_AT, {"label": "occupied"})
    assert list(tmp_path.iterdir()) == []


def test_parts_come_in_the_order_of_their_numbers(folders: EventFolders, event: Path) -> None:
    names = [part_path(Path(clip_name(number))).name for number in range(1, 13)]
    for name in (*names, ".clip-2.mp4.whole.part", ".clips.mp4.part"):
        (event / name).touch()
    assert [part.name for part in folders.unfinished_clips("front")] == names


def test_an_event_without_an_end_is_unfinished(folders: EventFolders) -> None:
    folders.write_event(EVENT, STARTED_AT, {"ended_at": None})
    folders.write_event("20261120T101600.000Z-front", STARTED_AT, {"ended_at": "later"})
    folders.write_event("20261120T101500.123Z-back", STARTED_AT, {"ended_at": None})
    ((fields, last_written),) = folders.unfinished_events("front")
    assert fields == {"id": EVENT, "ended_at": None}
    assert abs((datetime.now(UTC) - last_written).total_seconds()) < 60


def test_unfinished_files_are_deleted_except_clips(folders: EventFolders, event: Path) -> None:
    clips = {".clip.mp4.part", ".clip-12.mp4.part"}
    others = {".clip.mp4.whole.part", ".snapshot.jpg.part", ".clips.mp4.part"}
    for name in clips | others:
        (event / name).write_bytes(b"half a file")
    (event / "event.json").write_text("{}")
    assert list(folders.unfinished_events("front")) == []
    assert {path.name for path in event.iterdir()} == {"event.json"} | clips


def test_an_event_killed_at_its_start_leaves_only_its_sample(
    folders: EventFolders, event: Path
) -> None:
    for second, names in (
        (0, (".clip.mp4.part", ".snapshot.jpg.part")),
        (1, (".clip.mp4.part", "sample.tar")),
        (2, (".sample.tar.part",)),
    ):
        folder = event.with_name(f"20261120T10150{second}.123Z-front")
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_bytes(b"half a file")
    assert list(folders.unfinished_events("front")) == []
    left = [path.name for path in event.parent.rglob("*")]
    assert left == ["20261120T101501.123Z-front", "sample.tar"]


def test_of_an_event_with_only_its_picture_the_id_is_known(
    folders: EventFolders, event: Path
) -> None:
    for name in ("snapshot.jpg", ".clip.mp4.part"):
        (event / name).write_bytes(b"something")
    ((fields, _),) = folders.unfinished_events("front")
    assert fields == {"id": EVENT}
    assert (event / ".clip.mp4.part").exists()


def test_a_trace_is_written_beside_the_event(folders: EventFolders, event: Path) -> None:
    trace = EventTrace((-0.1, 0.0), (0, 5120), least_area_px=394.0)
    assert folders.trace(EVENT, STARTED_AT) is None
    assert folders.write_trace(EVENT, STARTED_AT, trace)
    assert folders.trace(EVENT, STARTED_AT) == trace
    assert [path.name for path in event.iterdir()] == ["trace.json"]


def test_an_event_that_was_deleted_gets_no_trace(folders: EventFolders, tmp_path: Path) -> None:
    assert not folders.write_trace(EVENT, STARTED_AT, EventTrace((0.0,)))
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_is_something_else_is_none(folders: EventFolders, event: Path) -> None:
    path = event / "trace.json"
    path.write_bytes(b'{"t_s":[0.0]}' + b" " * 9000)
    assert folders.trace(EVENT, STARTED_AT) is None
    path.unlink()
    (event / "elsewhere").write_text('{"t_s":[0.0]}')
    path.symlink_to(event / "elsewhere")
    assert folders.trace(EVENT, STARTED_AT) is None
    path.unlink()
    path.mkdir()
    assert folders.trace(EVENT, STARTED_AT) is None
