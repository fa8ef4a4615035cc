"""The files in `data_dir/events`, and which of them each store has confirmed.

The marker `.NAME.uploaded` beside the file NAME says which version of the file each store has
confirmed. So a changed label is uploaded again. A training sample is deleted as soon as every store
has it, and then needs no marker.
"""

import json
import logging
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from os import DirEntry, scandir, stat_result
from pathlib import Path
from typing import Any

from app.errors import ProtocolError
from app.files import is_unfinished, write_atomic
from app.protocol import EVENT_ID, event_started_at
from app.uploads.base import Receipt

_SAMPLE, _LABEL, _WITHDRAWN = "sample.tar", "label.json", "label-withdrawn.json"
_KEYS = {
    _SAMPLE: ("training/{event}.tar", "application/x-tar"),
    _LABEL: ("labels/{event}.json", "application/json"),
    _WITHDRAWN: ("labels/{event}.json", "application/json"),
    "snapshot.jpg": ("clips/{event}.jpg", "image/jpeg"),
}
_UPLOADED = ".uploaded"
_CLIP = re.compile(r"clip(-\d+)?\.mp4")
#: A folder that changed this recently may change again without a new time.
_TICK_NS = 2_000_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A store's confirmation that it has the version *changed_ns* of a file, given *at*.

    *published* says whether the event in Redis has this too.
    """

    key: str
    size: int
    checksum: str
    changed_ns: int
    at: str
    published: bool = True

    @classmethod
    def from_marker(cls, stored: Mapping[str, Any]) -> "Confirmation":
        """Read the output of `for_marker`. Raises a `TypeError` when it is something else."""
        fields = dict(stored)
        published = fields.pop("told", True)
        return cls(**fields, published=published)

    def for_marker(self) -> dict[str, Any]:
        """Return the fields for a marker, where `published` is stored as `told`."""
        fields = asdict(self)
        fields["told"] = fields.pop("published")
        return fields


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file for the stores: *changed_ns* is its version.

    *confirmed* has the confirmations of that version, by store.
    """

    path: Path
    key: str
    content_type: str
    size: int
    changed_ns: int
    event: str | None = None
    confirmed: Mapping[str, Confirmation] | None = None

    @property
    def is_media(self) -> bool:
        """Return whether messages may link to it."""
        return self.key.startswith("clips/")

    @property
    def is_for_stores_only(self) -> bool:
        """Return whether it can be deleted here as soon as the stores have it."""
        return self.path.name in (_SAMPLE, _WITHDRAWN)


@dataclass(frozen=True, slots=True)
class EventFolder:
    """The folder of an event: its *size* on disk in bytes, and when it changed last, *changed_ns*.

    *settled* says that another change would certainly change *changed_ns*. *labelled* says that it
    has a label, *unfinished* that a file in it is still being written.
    """

    path: Path
    event: str
    started_at: datetime
    size: int
    changed_ns: int
    settled: bool
    labelled: bool
    unfinished: bool
    files: tuple[UploadFile, ...]


class Inventory:
    """All events under *data_dir*, for the *stores* that get them. Any thread may use it.

    A folder that has not changed since the last scan is not read again.
    """

    def __init__(self, data_dir: Path, stores: Collection[str]) -> None:
        self.stores = frozenset(stores)
        self._events = data_dir / "events"
        self._known: dict[Path, EventFolder] = {}
        self._unwritten: dict[Path, dict[str, Confirmation]] = {}
        self._complained: set[Path] = set()
        self._lock = threading.Lock()

    def scan(self, now: datetime) -> list[EventFolder]:
        """Return the folder of every event, the oldest first."""
        with self._lock:
            for marker in list(self._unwritten):
                self._write_marker(marker)
            self._known = {
                path: folder for path in self._paths() if (folder := self._folder(path, now))
            }
            folders = list(self._known.values())
            for folder in folders:
                for file in filter(self._is_spare, folder.files):
                    self._delete_spare(file)
            return folders

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
            file = replace(file, confirmed=_of_version(recorded, file.changed_ns))
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

        No scan runs meanwhile. A kill in between must repeat no upload, so markers are deleted
        last. The marker of a label is deleted first, since without the label it would mean that the
        label was removed.
        """
        with self._lock:
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
                return
            _marker(path / _LABEL).unlink(missing_ok=True)
            for inner in sorted(path.iterdir(), key=lambda inner: inner.name.startswith(".")):
                inner.unlink(missing_ok=True)
            path.rmdir()

    def _is_spare(self, file: UploadFile) -> bool:
        """Return whether *file* is of no use any more."""
        return file.is_for_stores_only and bool(self.stores) and not self.missing_stores(file)

    def _paths(self) -> Iterator[Path]:
        for day in sorted(self._events.glob("????-??-??")):
            if day.is_symlink():
                self._complain(day, "skipped: it is a link")
                continue
            try:
                with scandir(day) as entries:
                    names = sorted(entry.name for entry in entries)
            except FileNotFoundError:  # the disk guard removes empty days
                continue
            except OSError as error:
                self._complain(day, f"skipped: {error}")
                continue
            yield from (day / name for name in names if EVENT_ID.fullmatch(name))

    def _folder(self, path: Path, now: datetime) -> EventFolder | None:
        """Return the folder at *path*; None when it is gone, or cannot be read."""
        try:
            if path.is_symlink():
                self._complain(path, "skipped: it is a link")
                return None
            changed_ns = path.stat().st_mtime_ns
            known = self._known.get(path)
            if known and known.settled and known.changed_ns == changed_ns:
                return known
            with scandir(path) as entries:
                return self._read(path, changed_ns, now, {entry.name: entry for entry in entries})
        except FileNotFoundError:
            return None
        except (OSError, ProtocolError) as error:
            self._complain(path, f"skipped: {error}")
            return None

    def _read(
        self, path: Path, changed_ns: int, now: datetime, entries: Mapping[str, "DirEntry[str]"]
    ) -> EventFolder:
        for entry in entries.values():
            if entry.is_symlink():
                self._complain(Path(entry.path), "skipped: it is a link")
        stats = {name: entry.stat() for name, entry in entries.items() if not entry.is_symlink()}
        self._withdraw_label(path, stats)
        files = (self._file(path / name, stat) for name, stat in stats.items())
        unfinished = any(map(is_unfinished, stats))
        return EventFolder(
            path,
            event=path.name,
            started_at=event_started_at(path.name),
            size=sum(stat.st_blocks * 512 for stat in stats.values()),
            changed_ns=changed_ns,
            settled=not unfinished and changed_ns < now.timestamp() * 1e9 - _TICK_NS,
            labelled=_has_label(path),
            unfinished=unfinished,
            files=tuple(file for file in files if file),
        )

    def _withdraw_label(self, path: Path, stats: dict[str, stat_result]) -> None:
        """Write a file for the stores when a label that they have was removed here.

        *stats* are the entries of *path*, and are updated.
        """
        withdrawn = path / _WITHDRAWN
        has_marker = _marker(path / _LABEL).name in stats
        try:
            if {_LABEL, _WITHDRAWN} <= stats.keys():
                del stats[_WITHDRAWN]
                withdrawn.unlink(missing_ok=True)
            elif has_marker and not stats.keys() & {_LABEL, _WITHDRAWN} and self.stores:
                write_atomic(withdrawn, json.dumps({"label": None, "event": path.name}).encode())
                stats[_WITHDRAWN] = withdrawn.stat()
        except OSError as error:
            self._complain(
                path, f"its label was removed, and the stores cannot be informed: {error}"
            )

    def _file(self, path: Path, stat: stat_result) -> UploadFile | None:
        """Return the file at *path*; None when it is not for the stores."""
        key, content_type = _KEYS.get(path.name, ("", ""))
        if clip := _CLIP.fullmatch(path.name):
            key, content_type = f"clips/{{event}}{clip[1] or ''}.mp4", "video/mp4"
        if not key:
            return None
        event = path.parent.name
        changed_ns = stat.st_mtime_ns
        file = UploadFile(
            path, key.format(event=event), content_type, stat.st_size, changed_ns, event
        )
        return replace(file, confirmed=_of_version(self._recorded(file), changed_ns))

    def _recorded(self, file: UploadFile) -> dict[str, Confirmation]:
        """Return the confirmations of any version of *file*, by store."""
        marker = _marker(file.path)
        return _read_marker(marker) | self._unwritten.get(marker, {})

    def _record(
        self, file: UploadFile, recorded: dict[str, Confirmation], written: bool = True
    ) -> None:
        """Record the confirmations of *file*, and *written* on disk too."""
        marker = _marker(file.path)
        self._known.pop(marker.parent, None)
        self._unwritten[marker] = recorded
        if written:
            self._write_marker(marker)

    def _write_marker(self, marker: Path) -> None:
        """Write *marker* if its file still exists. If the disk refuses it, memory keeps it."""
        stored = {store: one.for_marker() for store, one in self._unwritten[marker].items()}
        try:
            if _marked(marker).exists():
                write_atomic(marker, json.dumps(stored).encode())
            del self._unwritten[marker]
        except OSError as error:
            self._complain(marker, f"an uploaded file cannot be marked as uploaded: {error}")

    def _delete_spare(self, file: UploadFile) -> None:
        """Delete *file* unless it has changed meanwhile, and its folder if that is empty."""
        try:
            if file.path.stat().st_mtime_ns == file.changed_ns:
                file.path.unlink()
            if file.path.name == _WITHDRAWN:
                _marker(file.path.with_name(_LABEL)).unlink(missing_ok=True)
            _marker(file.path).unlink(missing_ok=True)
            self._unwritten.pop(_marker(file.path), None)
            if not any(file.path.parent.iterdir()):
                file.path.parent.rmdir()
        except OSError as error:
            self._complain(file.path, f"it is uploaded, but cannot be deleted: {error}")

    def _complain(self, path: Path, trouble: str) -> None:
        """Log the *trouble* with *path*, once."""
        if path not in self._complained:
            _log.warning("%s: %s", path, trouble)
        self._complained.add(path)


def read_confirmations(path: Path) -> dict[str, Confirmation]:
    """Return the confirmations of any version of the file *path*, by store."""
    return _read_marker(_marker(path))


def total_mb(files: Iterable[UploadFile]) -> float:
    """Return the size of all *files* in MB of 10⁶ bytes."""
    return round(sum(file.size for file in files) / 1e6, 1)


def _marker(path: Path) -> Path:
    return path.with_name(f".{path.name}{_UPLOADED}")


def _marked(marker: Path) -> Path:
    return marker.with_name(marker.name[1:].removesuffix(_UPLOADED))


def _of_version(recorded: Mapping[str, Confirmation], changed_ns: int) -> dict[str, Confirmation]:
    return {store: one for store, one in recorded.items() if one.changed_ns == changed_ns}


def _read_marker(marker: Path) -> dict[str, Confirmation]:
    """Return the content of *marker*; nothing when it is missing or broken."""
    try:
        stored: Any = json.loads(marker.read_text(encoding="utf-8"))
        return {str(store): Confirmation.from_marker(fields) for store, fields in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _has_label(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / _LABEL).read_text(encoding="utf-8")).get("label"))
    except (OSError, ValueError, AttributeError):
        return False
