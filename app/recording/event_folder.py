"""The folder of an event, `events/2026-11-20/<id>/`: its record, pictures, label and clips.

The files are `event.json`, `snapshot.jpg`, `snapshot-clean.jpg`, `label.json`, `trace.json` and
`clip.mp4`. A trace has the fields of `app.recording.trace.EventTrace`, as in

    {"t_s":[-0.1,0.0,0.1],"area_px":[0,5120,5433],"hidden":[null,0.71,0.7],"score":[null,null,0.83],
     "least_area_px":394.0,"least_hidden":0.58,"least_score":0.5}

Columns and limits without a value are left out. There is no trace of an event during which the
program was killed, or that an earlier version has recorded.
"""

import json
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.files import (
    is_unfinished,
    open_unlinked,
    remove_if_empty,
    remove_unfinished,
    write_atomic,
    write_together,
)
from app.frames import Image, jpeg, shrunk
from app.recording import thumbnail
from app.recording.trace import MOST_BYTES, EventTrace, decode_trace, encode_trace

#: Nobody sees a difference to 85, which takes 1.4 times as many bytes.
_QUALITY = 75
SNAPSHOT, CLEAN_SNAPSHOT, TRACE = "snapshot.jpg", "snapshot-clean.jpg", "trace.json"
#: `.clip.mp4.part`, `.clip-2.mp4.part`: a clip that is being written, or whose program was killed.
#: `.clip.mp4.ready.part`: the mark of a clip that perhaps is not published yet.
PART_NAME = re.compile(r"\.(?P<clip>clip(-(?P<number>\d+))?\.mp4)(\.ready)?\.part")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SnapshotPair:
    """The frame of an event as JPEG: *marked* with box and time drawn in, and *clean*.

    *marked* has a thumbnail in it.
    """

    marked: bytes
    clean: bytes

    @classmethod
    def encoded(cls, marked: Image, clean: Image) -> "SnapshotPair":
        """Return the pictures *marked* and *clean*, (rows, columns, BGR) uint8, as JPEG."""
        small = jpeg(shrunk(marked, thumbnail.WIDTH), thumbnail.QUALITY)
        large = thumbnail.with_thumbnail(jpeg(marked, _QUALITY), small)
        return cls(large, jpeg(clean, _QUALITY))


class EventFolders:
    """The folders of all events under *data_dir*.

    The content of a JSON file is a plain mapping; the reader must check it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._events = data_dir / "events"

    def folder(self, event: str, started_at: datetime) -> Path:
        """Return the folder of *event*, which may not exist yet."""
        return self._events / f"{started_at.astimezone(UTC):%Y-%m-%d}" / event

    def write_event(
        self,
        event: str,
        started_at: datetime,
        fields: dict[str, Any],
        pictures: SnapshotPair | None = None,
    ) -> None:
        """Write the record of *event*, after its *pictures*.

        In this order, the pictures are always beside an `event.json`.
        """
        folder = self.folder(event, started_at)
        files = [(folder / "event.json", json.dumps({"id": event, **fields}, indent=1).encode())]
        if pictures:
            both = (folder / SNAPSHOT, pictures.marked), (folder / CLEAN_SNAPSHOT, pictures.clean)
            files = [*both, *files]
        write_together(files)

    def write_label(self, event: str, started_at: datetime, fields: dict[str, Any] | None) -> bool:
        """Write the label *fields* of *event*, or delete its label if they are None.

        Returns False when the event has no folder here.
        """
        folder = self.folder(event, started_at)
        if not folder.is_dir():
            return False
        path = folder / "label.json"
        if fields is None:
            path.unlink(missing_ok=True)
        else:
            write_atomic(path, json.dumps({**fields, "event": event}, indent=1).encode())
        return True

    def write_trace(self, event: str, started_at: datetime, trace: EventTrace) -> bool:
        """Write the *trace* of *event*; returns False when the event has no folder here."""
        folder = self.folder(event, started_at)
        if not folder.is_dir():
            return False
        write_atomic(folder / TRACE, encode_trace(trace))
        return True

    def trace(self, event: str, started_at: datetime) -> EventTrace | None:
        """Return the trace of *event*; None when there is none, or it cannot be read."""
        try:
            with open_unlinked(self.folder(event, started_at) / TRACE) as file:
                return decode_trace(file.read(MOST_BYTES + 1))
        except (OSError, ValueError):
            return None

    def read_event(self, event: str, started_at: datetime) -> dict[str, Any]:
        """Return the record of *event*; empty when there is none, or it cannot be read."""
        return _read(self.folder(event, started_at) / "event.json") or {}

    def snapshot(self, event: str, started_at: datetime) -> bytes | None:
        """Return the marked picture of *event* as JPEG, None when there is none."""
        path = self.folder(event, started_at) / SNAPSHOT
        return path.read_bytes() if path.exists() else None

    def records(
        self, camera: str, days: Collection[str] | None, newest: int = 0
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Yield the fields and the label of each event of *camera*, the oldest first.

        Only events of *days*, as in 2026-11-20, and of the *newest* days are read; None reads all.
        What is invalid or unreadable is skipped.
        """
        names = self.days()
        for day in names:
            if days is not None and day not in days and day not in names[-newest:]:
                continue
            for event in self._of_camera(day, camera):
                folder = self._events / day / event
                fields = _read(folder / "event.json")
                if fields and fields.get("id") == folder.name:
                    yield fields, _read(folder / "label.json")

    def days(self) -> list[str]:
        """Return the days with events, as in 2026-11-20, the oldest first."""
        return sorted(name for name in _names(self._events) if _DAY.fullmatch(name))

    def unfinished_events(self, camera: str) -> Iterator[tuple[dict[str, Any], datetime]]:
        """Yield the fields of events of *camera* that have no end, and when each was last written.

        The oldest event comes first. Only the last two days with events are searched. If a program
        was killed after it wrote the picture, only the event's id is known; without a picture there
        was no event. Unfinished files are deleted, except an event's clips. An `event.json` that is
        invalid or unreadable is skipped.
        """
        for day in self.days()[-2:]:
            for event in self._of_camera(day, camera):
                folder = self._events / day / event
                names = _names(folder)
                path = next(
                    (folder / name for name in ("event.json", SNAPSHOT) if name in names), None
                )
                if any(map(is_unfinished, names)):
                    remove_unfinished(folder, but=PART_NAME if path else None)
                if path is None:
                    remove_if_empty(folder)
                    continue
                fields = _read(path)
                if fields and _is_unfinished(fields, folder):
                    yield fields, datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def unfinished_clips(self, camera: str, days: Iterable[str] | None = None) -> Iterator[Path]:
        """Yield the unfinished clips of *camera*, oldest first; only those of *days* if given.

        An earlier run was killed, or the disk was full.
        """
        for day in self.days() if days is None else days:
            for event in self._of_camera(day, camera):
                # No Path here: it would take as long as the reading.
                names = filter(is_unfinished, _names(f"{self._events}/{day}/{event}"))
                matches = (PART_NAME.fullmatch(name) for name in names)
                for match in sorted((match for match in matches if match), key=part_number):
                    yield self._events / day / event / match[0]

    def _of_camera(self, day: str, camera: str) -> list[str]:
        """Return the events of *camera* on *day*, the oldest first."""
        names = _names(self._events / day)
        return sorted(name for name in names if name.endswith(f"Z-{camera}"))


def part_number(name: re.Match[str]) -> int:
    """Return the number, from 1, of the part of a long clip that has this `PART_NAME`."""
    return int(name["number"] or 1)


def clip_name(number: int) -> str:
    """Return the file name of the part *number*, from 1, of a long clip."""
    return "clip.mp4" if number == 1 else f"clip-{number}.mp4"


def part_path(clip: Path) -> Path:
    """Return the path of *clip* while it is written."""
    return clip.with_name(f".{clip.name}.part")


def ready_path(clip: Path) -> Path:
    """Return the path of the empty file that marks *clip* until the world knows of it."""
    return clip.with_name(f".{clip.name}.ready.part")


def _names(folder: Path | str) -> list[str]:
    """Return the names in *folder*; none when that is missing, or cannot be read."""
    try:
        return os.listdir(folder)  # noqa: PTH208 (a Path for each name takes too long)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _log.warning("%s cannot be read: %s", folder, error)
        return []


def _read(path: Path) -> dict[str, Any] | None:
    """Return the fields in an event's file, or only the id for a picture; None when invalid."""
    if path.name == SNAPSHOT:
        return {"id": path.parent.name}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return fields if isinstance(fields, dict) else None


def _is_unfinished(fields: dict[str, Any], folder: Path) -> bool:
    return fields.get("id") == folder.name and fields.get("ended_at") is None
