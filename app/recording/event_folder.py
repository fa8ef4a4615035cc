"""The folder of an event: `events/2026-11-20/<id>/` with `event.json`, `snapshot.jpg`,
`snapshot-clean.jpg` and `label.json`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.files import remove_if_empty, remove_unfinished, write_atomic

PICTURE = "snapshot.jpg"
#: `.clip.mp4.part`, `.clip-2.mp4.part`: also what is left of a clip when its program is killed.
PART_NAME = re.compile(r"\.(?P<clip>clip(-(?P<number>\d+))?\.mp4)\.part")


@dataclass(frozen=True, slots=True)
class SnapshotPair:
    """The moment's frame as JPEG, with box and time drawn in and without."""

    marked: bytes
    clean: bytes


class EventFolders:
    """All events under *data_dir*. What a file says is a plain mapping, checked by whoever reads
    it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._events = data_dir / "events"

    def folder(self, event: str, started_at: datetime) -> Path:
        """Where *event* has its files."""
        return self._events / f"{started_at.astimezone(UTC):%Y-%m-%d}" / event

    def write_event(
        self,
        event: str,
        started_at: datetime,
        facts: dict[str, Any],
        pictures: SnapshotPair | None = None,
    ) -> None:
        """Write what is known of *event*; the pictures first, so that an `event.json` has them
        beside it.
        """
        folder = self.folder(event, started_at)
        if pictures:
            write_atomic(folder / PICTURE, pictures.marked)
            write_atomic(folder / "snapshot-clean.jpg", pictures.clean)
        write_atomic(folder / "event.json", json.dumps({"id": event, **facts}, indent=1).encode())

    def write_label(self, event: str, started_at: datetime, facts: dict[str, Any] | None) -> bool:
        """Put the label that *facts* tell of beside *event*, or take it away when there are none;
        False when the event is not here.
        """
        folder = self.folder(event, started_at)
        if not folder.is_dir():
            return False
        if facts is None:
            (folder / "label.json").unlink(missing_ok=True)
        else:
            write_atomic(
                folder / "label.json", json.dumps({**facts, "event": event}, indent=1).encode()
            )
        return True

    def snapshot(self, event: str, started_at: datetime) -> bytes | None:
        """The marked picture of *event*, None when there is none."""
        path = self.folder(event, started_at) / PICTURE
        return path.read_bytes() if path.exists() else None

    def unfinished_events(
        self, camera: str, days: int = 2
    ) -> Iterator[tuple[dict[str, Any], datetime]]:
        """The events of *camera* that nobody has ended, of the last *days* that have any, oldest
        first, and when each was last written.

        Of one whose program was killed when its picture was there and no more, only the id is
        known; without a picture there was no event. Half-written files are cleared away, but for an
        event's clips. An `event.json` that is none, or cannot be read, is passed over.
        """
        for day in sorted(self._events.glob("????-??-??"))[-days:]:
            for folder in sorted(day.glob(f"*Z-{camera}")):
                path = next(
                    (folder / name for name in ("event.json", PICTURE) if (folder / name).exists()),
                    None,
                )
                remove_unfinished(folder, but=PART_NAME if path else None)
                remove_if_empty(folder)
                facts = _read(path) if path else None
                if (
                    path
                    and facts
                    and facts.get("id") == folder.name
                    and facts.get("ended_at") is None
                ):
                    yield facts, datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def unfinished_clips(self, camera: str) -> Iterator[Path]:
        """What a run that was killed, or found the disk full, has left of the clips of *camera*,
        oldest first.
        """
        for folder in sorted(self._events.glob(f"????-??-??/*Z-{camera}")):
            names = filter(
                None, (PART_NAME.fullmatch(path.name) for path in folder.glob(".clip*.part"))
            )
            yield from (folder / name[0] for name in sorted(names, key=part_number))


def part_number(name: re.Match[str]) -> int:
    """Which part of a long clip, from 1, has this `PART_NAME`."""
    return int(name["number"] or 1)


def clip_name(number: int) -> str:
    """What the part *number*, from 1, of a long clip is called."""
    return "clip.mp4" if number == 1 else f"clip-{number}.mp4"


def part_path(clip: Path) -> Path:
    """Where *clip* is written until it is whole."""
    return clip.with_name(f".{clip.name}.part")


def _read(path: Path) -> dict[str, Any] | None:
    """What an event's file says of it: its picture only which it is."""
    if path.name == PICTURE:
        return {"id": path.parent.name}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None
