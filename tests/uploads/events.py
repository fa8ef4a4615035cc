"""Events on disk, as the camera's program leaves them."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import protocol
from app.clock import FakeClock

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def event_of(hours_ago: float, camera: str = "front") -> str:
    """The id of an event so long before `NOON`."""
    return protocol.event_id(NOON - timedelta(hours=hours_ago), camera)


def make_event(
    data_dir: Path, event: str, *names: str, label: str | None = None, size: int = 1000
) -> Path:
    """The folder of *event* with *names* in it, each of *size* bytes of its own, last changed when
    the event began.
    """
    started_at = protocol.event_started_at(event)
    folder = data_dir / "events" / f"{started_at:%Y-%m-%d}" / event
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(f"{event} {name} ".encode().ljust(size, b"."))
    if label:
        set_label(folder, label)
    age(folder, started_at)
    return folder


def set_label(folder: Path, label: str) -> None:
    """Label the event in *folder*, as a new file."""
    fresh = folder / ".label.json.part"
    fresh.write_text(json.dumps({"label": label, "event": folder.name}))
    fresh.replace(folder / "label.json")


def age(path: Path, when: datetime) -> None:
    """Let *path* have been changed at *when*."""
    os.utime(path, (when.timestamp(), when.timestamp()))


def noon() -> FakeClock:
    """A clock that stands at `NOON`."""
    return FakeClock(NOON)
