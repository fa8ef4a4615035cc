"""The events on the disk of this machine, read day by day and only when something has changed."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from os import DirEntry, scandir
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from app.errors import ProtocolError
from app.files import open_unlinked
from app.protocol import EVENT_ID, event_from_plain
from app.recording.event_folder import PART_NAME, SNAPSHOT
from app.web.dashboard.events.row import EventRow, day_of, label_of, new_row

_log = logging.getLogger(__name__)

#: The largest file of JSON that is read.
_MOST_BYTES = 65_536
#: A folder that changed this recently may change again without a new time.
_TICK_NS = 2_000_000_000
#: The newest days, whose events are looked at each time. Of the others a tag changes the label,
#: and Redis has that first.
_NEWEST_DAYS = 2
_OTHERS_EVERY_S = 60.0
_NOTHING: dict[str, EventRow] = {}


@dataclass(slots=True)
class _Day:
    """The rows of one day, and the time of change of each folder, 0 for one to be read again."""

    changed_ns: int = 0
    looked_s: float = float("-inf")
    rows: dict[str, EventRow] = field(default_factory=dict)
    folders_ns: dict[str, int] = field(default_factory=dict)


class EventDisk:
    """The rows of the events below *data_dir*. One thread at a time may use it.

    What cannot be read costs that event only, and is logged once.
    """

    def __init__(
        self,
        data_dir: Path,
        monotonic: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._events = data_dir / "events"
        self._monotonic = monotonic
        self._wall_ns = wall_ns
        self._days: dict[str, _Day] = {}
        self.names: list[str] = []
        self._complained: set[str] = set()

    def look(self) -> None:
        """Find the days with a folder of events: *names*, in UTC and the newest first."""
        try:
            with scandir(self._events) as entries:
                found = [one.name for one in entries if _is_day(one)]
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self._complain(str(self._events), error)
            found = []
        self.names = sorted(found, reverse=True)
        for gone in self._days.keys() - set(found):
            del self._days[gone]

    def day(self, name: str) -> dict[str, EventRow]:
        """Return the rows of the day *name*; the same object as long as nothing has changed."""
        if name not in self.names:
            return _NOTHING
        known = self._days.setdefault(name, _Day())
        folder = self._events / name
        try:
            changed_ns = folder.stat().st_mtime_ns
            now_s, is_old = self._monotonic(), name not in self.names[:_NEWEST_DAYS]
            if (
                is_old
                and known.changed_ns == changed_ns
                and now_s - known.looked_s < _OTHERS_EVERY_S
            ):
                return known.rows
            with scandir(folder) as entries:
                self._refresh(known, [one for one in entries if _is_event(one, name)])
        except FileNotFoundError:  # the disk guard removes empty days
            return _NOTHING
        except OSError as error:
            self._complain(name, error)
            return known.rows
        known.changed_ns = changed_ns if self._is_settled(changed_ns) else 0
        known.looked_s = now_s
        return known.rows

    def _refresh(self, day: _Day, entries: "list[DirEntry[str]]") -> None:
        changed: dict[str, EventRow | None] = {}
        for entry in entries:
            try:
                changed_ns = entry.stat(follow_symlinks=False).st_mtime_ns
                if day.folders_ns.get(entry.name) == changed_ns:
                    continue
                changed[entry.name] = self._row(entry)
                day.folders_ns[entry.name] = changed_ns if self._is_settled(changed_ns) else 0
            except (OSError, ProtocolError) as error:
                self._complain(entry.name, error)
        for gone in day.folders_ns.keys() - {entry.name for entry in entries}:
            del day.folders_ns[gone]
            changed[gone] = None
        changed = {event: row for event, row in changed.items() if day.rows.get(event) != row}
        if changed:
            rows = day.rows | changed
            day.rows = {event: row for event, row in rows.items() if row}

    def _row(self, entry: "DirEntry[str]") -> EventRow | None:
        """Return the row of the event in the folder *entry*; None when there is no event."""
        with scandir(entry) as files:
            names = {one.name for one in files if one.is_file(follow_symlinks=False)}
        has_clip = "clip.mp4" in names
        if not (has_clip or names & {"event.json", SNAPSHOT} or any(map(PART_NAME.match, names))):
            return None
        row = new_row(entry.name)
        plain = self._read(entry.path, "event.json", names) or {}
        try:
            record = event_from_plain(plain) if plain else None
            if record and (plain.get("id"), record.camera) != (row.id, row.camera):
                raise ProtocolError("its event.json is that of another event")
        except ProtocolError as error:
            self._complain(entry.name, error)
            record = None
        if record:
            row = row.of_record(record)
        label, by = label_of(self._read(entry.path, "label.json", names))
        return replace(
            row.tagged(label, by),
            is_here=True,
            has_clip=has_clip,
            has_snapshot=SNAPSHOT in names,
            asked=plain.get("forced") is True,
        )

    def _read(self, folder: str, name: str, names: Collection[str]) -> dict[str, Any] | None:
        """Return the fields in the file *name*; None when there is none, or it is broken."""
        if name not in names:
            return None
        try:
            # No Path here: it would keep the name of every event in memory.
            with open_unlinked(f"{folder}/{name}") as file:
                plain = from_json(file.read(_MOST_BYTES), allow_inf_nan=False, cache_strings="keys")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._complain(f"{folder}/{name}", error)
            return None
        return plain if isinstance(plain, dict) else None

    def _is_settled(self, changed_ns: int) -> bool:
        return changed_ns < self._wall_ns() - _TICK_NS

    def _complain(self, what: str, why: object) -> None:
        if what not in self._complained:
            _log.warning("%s cannot be read for the timeline: %s", what, why)
        self._complained.add(what)


def _is_day(entry: "DirEntry[str]") -> bool:
    name = entry.name
    shape = len(name) == 10 and name.replace("-", "").isdecimal() and name[4] == name[7] == "-"
    return shape and name.isascii() and entry.is_dir(follow_symlinks=False)


def _is_event(entry: "DirEntry[str]", day: str) -> bool:
    name = entry.name
    is_of_day = bool(EVENT_ID.fullmatch(name)) and day_of(name) == day
    return is_of_day and entry.is_dir(follow_symlinks=False)
