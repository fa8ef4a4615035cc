"""The folders of events, read only when something in them has changed."""

import os
from pathlib import Path

from app.web.dashboard.events.disk import EventDisk
from tests.web.dashboard.made_events import an_event, folder_of, write_event

DAY = "2026-11-20"
LONG_AGO_NS = 1_700_000_000 * 10**9


def age(folder: Path) -> None:
    """Make the *folder* as if nothing had changed in it for a long time."""
    os.utime(folder, ns=(LONG_AGO_NS, LONG_AGO_NS))


def test_a_folder_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    event = write_event(tmp_path, an_event())
    folder = folder_of(tmp_path, event)
    age(folder)
    disk = EventDisk(tmp_path)
    disk.look()
    known = disk.day(DAY)
    with (folder / "event.json").open("w") as file:  # in place, so the folder stays as it was
        file.write("{}")
    assert disk.day(DAY) is known
    (folder / "new").touch()
    assert disk.day(DAY)[event].lasted_s is None


def test_an_old_day_is_looked_at_once_a_minute(tmp_path: Path) -> None:
    now_s = 0.0
    disk = EventDisk(tmp_path, lambda: now_s)
    events = [write_event(tmp_path, an_event(-day * 24 * 60), clip=None) for day in range(3)]
    old = folder_of(tmp_path, events[2])
    age(old.parent)
    disk.look()
    assert not disk.day("2026-11-18")[events[2]].has_clip
    (old / "clip.mp4").touch()
    assert not disk.day("2026-11-18")[events[2]].has_clip
    now_s = 61.0
    assert disk.day("2026-11-18")[events[2]].has_clip


def test_days_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    disk = EventDisk(tmp_path)
    disk.look()
    assert disk.names == []
    write_event(tmp_path, an_event())
    (tmp_path / "events" / "2026-11-2x").mkdir()
    disk.look()
    assert disk.names == [DAY]
    assert len(disk.day(DAY)) == 1
    assert disk.day("2026-11-19") == {}
