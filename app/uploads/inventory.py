"""An index of the events in `data_dir/events`, and of what each store has confirmed of their files.

The folders on disk are the truth. The index is in memory only, so a kill costs no more than to read
them again. A scan looks for new and deleted events, at the events of the newest days, and at those
that this program has changed; `Inventory.walk` finds what else has changed in the older days. The
time of change of a folder tells whether anything in it was added, replaced or removed.

A training sample is deleted as soon as every store has it, and then needs no marker.
"""

import logging
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import lstat, scandir
from pathlib import Path

from app.files import write_atomic
from app.protocol import EVENT_ID
from app.uploads.base import Receipt
from app.uploads.folder_reader import (
    LABEL,
    WITHDRAWN,
    EventFolder,
    FolderReader,
    UploadFile,
    is_settled,
)
from app.uploads.markers import (
    Confirmation,
    encoded_marker,
    marked_path,
    marker_path,
    of_version,
    read_marker,
)

#: The newest days, of which each scan looks at every event: programs still write to them.
_NEWEST_DAYS = 2
_DAY_NAME = "[0-9]" * 4 + "-[0-9][0-9]" * 2

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Day:
    """The events of one day, the oldest first.

    The day's folder *path* changed at *changed_ns*; 0 means that it may have changed since.
    """

    path: Path
    changed_ns: int = 0
    folders: dict[str, EventFolder] = field(default_factory=dict)


class Inventory:
    """The index of all events under *data_dir*, for the *stores* that get them.

    Any thread may use it.
    """

    def __init__(self, data_dir: Path, stores: Collection[str]) -> None:
        self.stores = frozenset(stores)
        self._events = data_dir / "events"
        self._days: dict[str, _Day] = {}
        #: The day and the id of each event that must be read again.
        self._unsettled: set[tuple[str, str]] = set()
        self._walked = ""
        self._owed_days = 0.0
        self._unwritten: dict[Path, dict[str, Confirmation]] = {}
        self._complained: set[Path] = set()
        self._lock = threading.Lock()
        self._reader = FolderReader(self.stores, self._unwritten, self._complain)

    def scan(self, now: datetime) -> list[EventFolder]:
        """Bring the index up to date, and return the folder of every event, the oldest first."""
        with self._lock:
            for marker in list(self._unwritten):
                self._write_marker(marker)
            names = self._day_names()
            for gone in self._days.keys() - set(names):
                self._forget_day(gone)
        for name in names:
            # Another thread may come in between: the first scan takes a while.
            with self._lock:
                self._look_at_day(name, now, always=name in names[-_NEWEST_DAYS:])
        with self._lock:
            for day, event in tuple(self._unsettled):
                self._look_at(day, event, now)
            return [
                folder
                for name in sorted(self._days)
                for folder in self._days[name].folders.values()
            ]

    def walk(self, now: datetime, share: float) -> None:
        """Look at the events of some days, *share* of all days, in turn."""
        with self._lock:
            names = sorted(self._days)
            self._owed_days = min(self._owed_days + share * len(names), len(names))
            while self._owed_days >= 1:
                self._owed_days -= 1
                self._walked = next((name for name in names if name > self._walked), names[0])
                self._look_at_day(self._walked, now, always=True)

    def look(self, event: str, now: datetime) -> EventFolder | None:
        """Return the folder of *event* as it is now; None when it has none here."""
        if not EVENT_ID.fullmatch(event):
            return None
        day = f"{event[:4]}-{event[4:6]}-{event[6:8]}"
        with self._lock:
            if (self._events / day).is_symlink():
                return None
            return self._look_at(day, event, now)

    def missing_stores(self, file: UploadFile) -> set[str]:
        """Return the stores that have not confirmed *file*."""
        return set(self.stores - (file.confirmed or {}).keys())

    def confirm(
        self, file: UploadFile, store: str, receipt: Receipt, at: datetime, published: bool = True
    ) -> None:
        """Record that *store* has *file*, and delete the file if it is no longer needed.

        A marker that cannot be written is no error here.
        """
        confirmation = Confirmation(
            file.key, receipt.size, receipt.checksum, file.changed_ns, at.isoformat(), published
        )
        with self._lock:
            recorded = self._recorded(file) | {store: confirmation}
            file = replace(file, confirmed=of_version(recorded, file.changed_ns))
            self._record(file, recorded, written=not self._is_spare(file))
            if self._is_spare(file):
                self._delete_spare(file)

    def set_published(self, file: UploadFile, store: str) -> None:
        """Record that the event in Redis names the place of *file* in *store*."""
        with self._lock:
            recorded = self._recorded(file)
            if store in recorded:
                self._record(file, recorded | {store: replace(recorded[store], published=True)})

    def remove(self, path: Path) -> None:
        """Delete *path*: the folder of an event with its files, or any other file or folder.

        That folder is not read meanwhile. A kill in between must repeat no upload, so markers are
        deleted last. The marker of a label is deleted first, since without the label it would mean
        that the label was removed.
        """
        with self._lock:
            self._unsettle(path)
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
                return
            marker_path(path / LABEL).unlink(missing_ok=True)
            for inner in sorted(path.iterdir(), key=lambda inner: inner.name.startswith(".")):
                inner.unlink(missing_ok=True)
            path.rmdir()

    def _day(self, name: str) -> _Day:
        if name not in self._days:
            self._days[name] = _Day(self._events / name)
        return self._days[name]

    def _day_names(self) -> list[str]:
        """Return the names of the days with events, the oldest first."""
        names = []
        for day in sorted(self._events.glob(_DAY_NAME)):
            if day.is_symlink():
                self._complain(day, "skipped: it is a link")
            else:
                names.append(day.name)
        return names

    def _look_at_day(self, name: str, now: datetime, *, always: bool) -> None:
        """Bring the events of the day *name* up to date, if its folder has changed or *always*."""
        known = self._day(name)
        try:
            changed_ns = lstat(known.path).st_mtime_ns
            if not always and changed_ns == known.changed_ns:
                return
            found = _changes_in(known.path)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):  # the disk guard removes empty days
                self._complain(known.path, f"skipped: {error}")
            self._forget_day(name)
            return
        known.changed_ns = changed_ns if is_settled(changed_ns, now) else 0
        for gone in known.folders.keys() - found.keys():
            self._forget(name, gone)
        for event in sorted(found):
            folder = known.folders.get(event)
            if not (folder and folder.settled and folder.changed_ns == found[event]):
                self._look_at(name, event, now)

    def _look_at(self, day: str, event: str, now: datetime) -> EventFolder | None:
        """Read the folder of *event* in *day*, and delete in it what the stores have and need."""
        known = self._day(day)
        folder = self._reader.read(known.path, event, now)
        for file in filter(self._is_spare, folder.files if folder else ()):
            self._delete_spare(file)
            folder = self._reader.read(known.path, event, now)
        if folder is None:
            self._forget(day, event)
            return None
        if event not in known.folders and event < next(reversed(known.folders), ""):
            known.folders = dict(sorted([*known.folders.items(), (event, folder)]))
        known.folders[event] = folder
        if folder.settled:
            self._unsettled.discard((day, event))
        else:
            self._unsettled.add((day, event))
        return folder

    def _forget(self, day: str, event: str) -> None:
        self._days[day].folders.pop(event, None)
        self._unsettled.discard((day, event))

    def _forget_day(self, day: str) -> None:
        del self._days[day]
        self._unsettled = {one for one in self._unsettled if one[0] != day}

    def _unsettle(self, path: Path) -> None:
        """Have the folder of the event at *path* read again."""
        if path.parent.parent == self._events and path.parent.name in self._days:
            self._unsettled.add((path.parent.name, path.name))

    def _is_spare(self, file: UploadFile) -> bool:
        """Return whether *file* is of no use any more."""
        return file.is_for_stores_only and bool(self.stores) and not self.missing_stores(file)

    def _recorded(self, file: UploadFile) -> dict[str, Confirmation]:
        """Return the confirmations of any version of *file*, by store."""
        marker = marker_path(file.path)
        return read_marker(marker) | self._unwritten.get(marker, {})

    def _record(
        self, file: UploadFile, recorded: dict[str, Confirmation], written: bool = True
    ) -> None:
        """Record the confirmations of *file*, and *written* on disk too."""
        marker = marker_path(file.path)
        self._unwritten[marker] = recorded
        self._unsettle(marker.parent)
        if written:
            self._write_marker(marker)

    def _write_marker(self, marker: Path) -> None:
        """Write *marker* if its file still exists. If the disk refuses it, memory keeps it."""
        try:
            if marked_path(marker).exists():
                write_atomic(marker, encoded_marker(self._unwritten[marker]))
                self._unsettle(marker.parent)
            del self._unwritten[marker]
        except OSError as error:
            self._complain(marker, f"an uploaded file cannot be marked as uploaded: {error}")

    def _delete_spare(self, file: UploadFile) -> None:
        """Delete *file* unless it has changed meanwhile, and its folder if that is empty."""
        try:
            if file.path.stat().st_mtime_ns == file.changed_ns:
                file.path.unlink()
            if file.path.name == WITHDRAWN:
                marker_path(file.path.with_name(LABEL)).unlink(missing_ok=True)
            marker_path(file.path).unlink(missing_ok=True)
            self._unwritten.pop(marker_path(file.path), None)
            if not any(file.path.parent.iterdir()):
                file.path.parent.rmdir()
        except OSError as error:
            self._complain(file.path, f"it is uploaded, but cannot be deleted: {error}")

    def _complain(self, path: Path, trouble: str) -> None:
        """Log the *trouble* with *path*, once."""
        if path not in self._complained:
            _log.warning("%s: %s", path, trouble)
        self._complained.add(path)


def _changes_in(day: Path) -> dict[str, int]:
    """Return the time of the last change of each event in *day*, in nanoseconds."""
    found = {}
    with scandir(day) as entries:
        for entry in entries:
            if EVENT_ID.fullmatch(entry.name):
                with suppress(FileNotFoundError):  # it is deleted just now
                    found[entry.name] = entry.stat(follow_symlinks=False).st_mtime_ns
    return found


def total_mb(files: Iterable[UploadFile]) -> float:
    """Return the size of all *files* in MB of 10⁶ bytes."""
    return round(sum(file.size for file in files) / 1e6, 1)
