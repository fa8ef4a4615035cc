"""Makes events on disk, as the camera's program leaves them."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import protocol
from app.clock import FakeClock

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def event_of(hours_ago: float, camera: str = "front") -> str:
    """Return the id of an event *hours_ago* before `NOON`."""
    return protocol.event_id(NOON - timedelta(hours=hours_ago), camera)


def make_event(
    data_dir: Path, event: str, *names: str, label: str | None = None, size: int = 1000
) -> Path:
    """Make the folder of *event* with *names*, each of *size* bytes; returns its path.

    It was last changed when the event began.
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


def write_file(path: Path, content: bytes) -> Path:
    """Write a file with *content*; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def set_label(folder: Path, label: str) -> None:
    """Label the event in *folder* with a new file."""
    fresh = folder / ".label.json.part"
    fresh.write_text(json.dumps({"label": label, "event": folder.name}))
    fresh.replace(folder / "label.json")


def age(path: Path, when: datetime) -> None:
    """Set the time of the last change of *path* to *when*."""
    os.utime(path, (when.timestamp(), when.timestamp()))


def noon() -> FakeClock:
    """Return a clock that stands at `NOON`."""
    return FakeClock(NOON)
