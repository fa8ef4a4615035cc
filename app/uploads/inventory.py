"""What lies in `data_dir/events`, and which stores have confirmed what of it.

An upload's state is the marker `.NAME.uploaded` beside the file NAME: by store, what it has
confirmed and of which version of the file, so that a label that is given anew goes up anew. A
training sample is deleted as soon as every store has it, and so needs no marker then.
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
#: Folders changed so recently may change again without a new time on them.
_TICK_NS = 2_000_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a store has confirmed of a file: under which *key*, of the version *changed_ns*, when;
    *told*: whether the house knows.
    """

    key: str
    size: int
    checksum: str
    changed_ns: int
    at: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file for the stores. *changed_ns* is its version; *confirmed* is what stores have said of
    that version.
    """

    path: Path
    key: str
    content_type: str
    size: int
    changed_ns: int
    event: str | None = None
    confirmed: Mapping[str, Confirmed] | None = None

    @property
    def is_media(self) -> bool:
        """Whether somebody may be sent a link to it."""
        return self.key.startswith("clips/")

    @property
    def is_for_stores_only(self) -> bool:
        """Whether it is of no use here once the stores have it."""
        return self.path.name in (_SAMPLE, _WITHDRAWN)


@dataclass(frozen=True, slots=True)
class EventFolder:
    """An event's folder: its *size* on disk in bytes, when it changed last, whether it has a label,
    and whether something is being written.

    *settled* says that another change would show in *changed_ns*.
    """

    path: Path
    event: str
    started_at: datetime
    size: int
    changed_ns: int
    settled: bool
    labelled: bool
    unfinished: bool
    parcels: tuple[Parcel, ...]


class Inventory:
    """All events under *data_dir*, for *stores*, those that are to have them. Any thread may use
    it.

    What has not changed since it was last looked at is not read again.
    """

    def __init__(self, data_dir: Path, stores: Collection[str]) -> None:
        self.stores = frozenset(stores)
        self._events = data_dir / "events"
        self._known: dict[Path, EventFolder] = {}
        self._unwritten: dict[Path, dict[str, Confirmed]] = {}
        self._complained: set[Path] = set()
        self._lock = threading.Lock()

    def look(self, now: datetime) -> list[EventFolder]:
        """Every event's folder, the oldest first."""
        with self._lock:
            for marker in list(self._unwritten):
                self._write_marker(marker)
            self._known = {
                path: folder for path in self._paths() if (folder := self._folder(path, now))
            }
            folders = list(self._known.values())
            for parcel in (
                parcel for folder in folders for parcel in folder.parcels if self._is_spare(parcel)
            ):
                self._dispense(parcel)
            return folders

    def waits_for(self, parcel: Parcel) -> set[str]:
        """The stores that *parcel* still waits for."""
        return set(self.stores - (parcel.confirmed or {}).keys())

    def confirm(
        self, parcel: Parcel, store: str, receipt: Receipt, at: datetime, told: bool = True
    ) -> None:
        """*store* has *parcel*: note it, and delete what nobody needs any more. A disk that takes
        no marker is no error here.
        """
        confirmed = Confirmed(
            parcel.key, receipt.size, receipt.checksum, parcel.changed_ns, at.isoformat(), told
        )
        with self._lock:
            marker = _marker(parcel.path)
            noted = _read_marker(marker) | self._unwritten.get(marker, {}) | {store: confirmed}
            parcel = replace(parcel, confirmed=_current(noted, parcel.changed_ns))
            self._note(marker, noted, written=not self._is_spare(parcel))
            if self._is_spare(parcel):
                self._dispense(parcel)

    def set_told(self, parcel: Parcel, store: str) -> None:
        """The house knows where *store* has *parcel*."""
        with self._lock:
            marker = _marker(parcel.path)
            noted = _read_marker(marker) | self._unwritten.get(marker, {})
            if store in noted:
                self._note(marker, noted | {store: replace(noted[store], told=True)})

    def remove(self, path: Path) -> None:
        """Delete *path*, an event's folder with all in it or any other file or folder, while nobody
        looks for what is in it.

        A kill in between must repeat no upload, so that markers go last; but a label's goes first,
        for by itself it says that the label was taken away.
        """
        with self._lock:
            if not path.is_dir():
                path.unlink(missing_ok=True)
                return
            _marker(path / _LABEL).unlink(missing_ok=True)
            for inner in sorted(path.iterdir(), key=lambda inner: inner.name.startswith(".")):
                inner.unlink(missing_ok=True)
            path.rmdir()

    def _is_spare(self, parcel: Parcel) -> bool:
        """Whether *parcel* is of no use any more."""
        return parcel.is_for_stores_only and bool(self.stores) and not self.waits_for(parcel)

    def _paths(self) -> Iterator[Path]:
        for day in sorted(self._events.glob("????-??-??")):
            try:
                with scandir(day) as entries:
                    paths = sorted(
                        Path(entry.path) for entry in entries if EVENT_ID.fullmatch(entry.name)
                    )
            except FileNotFoundError:  # the guard removes empty ones
                continue
            except OSError as error:
                self._complain(day, f"passed over: {error}")
                continue
            yield from paths

    def _folder(self, path: Path, now: datetime) -> EventFolder | None:
        """What is in *path*; None when it is gone, or cannot be read."""
        try:
            changed_ns = path.stat().st_mtime_ns
            known = self._known.get(path)
            if known and known.settled and known.changed_ns == changed_ns:
                return known
            with scandir(path) as entries:
                return self._read(path, changed_ns, now, {entry.name: entry for entry in entries})
        except FileNotFoundError:
            return None
        except (OSError, ProtocolError) as error:
            self._complain(path, f"passed over: {error}")
            return None

    def _read(
        self, path: Path, changed_ns: int, now: datetime, entries: Mapping[str, "DirEntry[str]"]
    ) -> EventFolder:
        stats = {name: entry.stat() for name, entry in entries.items()}
        self._withdraw_label(path, stats)
        parcels = tuple(
            parcel for name, stat in stats.items() if (parcel := self._parcel(path / name, stat))
        )
        size = sum(stat.st_blocks * 512 for stat in stats.values())
        unfinished = any(map(is_unfinished, stats))
        settled = not unfinished and changed_ns < now.timestamp() * 1e9 - _TICK_NS
        started_at = event_started_at(path.name)
        return EventFolder(
            path,
            path.name,
            started_at,
            size,
            changed_ns,
            settled,
            _has_label(path),
            unfinished,
            parcels,
        )

    def _withdraw_label(self, path: Path, stats: dict[str, stat_result]) -> None:
        """Have the stores told of a label that was taken away again since they have it. `stats` is
        what is in *path*.
        """
        withdrawn = path / _WITHDRAWN
        try:
            if {_LABEL, _WITHDRAWN} <= stats.keys():
                del stats[_WITHDRAWN]
                withdrawn.unlink(missing_ok=True)
            elif (
                _marker(path / _LABEL).name in stats
                and not stats.keys() & {_LABEL, _WITHDRAWN}
                and self.stores
            ):
                write_atomic(withdrawn, json.dumps({"label": None, "event": path.name}).encode())
                stats[_WITHDRAWN] = withdrawn.stat()
        except OSError as error:
            self._complain(
                path, f"its label was taken away, which the stores cannot be told: {error}"
            )

    def _parcel(self, path: Path, stat: stat_result) -> Parcel | None:
        clip = _CLIP.fullmatch(path.name)
        key, content_type = (
            (f"clips/{{event}}{clip[1] or ''}.mp4", "video/mp4")
            if clip
            else _KEYS.get(path.name, (None, ""))
        )
        if key is None:
            return None
        event, marker = path.parent.name, _marker(path)
        noted = _read_marker(marker) | self._unwritten.get(marker, {})
        confirmed = _current(noted, stat.st_mtime_ns)
        return Parcel(
            path,
            key.format(event=event),
            content_type,
            stat.st_size,
            stat.st_mtime_ns,
            event,
            confirmed,
        )

    def _note(self, marker: Path, noted: dict[str, Confirmed], written: bool = True) -> None:
        """Have *marker* say what is *noted*, on disk too if it is to be *written* and what it is
        about is still there.
        """
        self._known.pop(marker.parent, None)
        self._unwritten[marker] = noted
        if written:
            self._write_marker(marker)

    def _write_marker(self, marker: Path) -> None:
        """Write what is noted; while the disk takes nothing it stays in memory."""
        noted = {store: asdict(confirmed) for store, confirmed in self._unwritten[marker].items()}
        try:
            if _marked(marker).exists():
                write_atomic(marker, json.dumps(noted).encode())
            del self._unwritten[marker]
        except OSError as error:
            self._complain(marker, f"what is uploaded cannot be marked so: {error}")

    def _dispense(self, parcel: Parcel) -> None:
        """Delete what every store has, unless there is another version by now; and its folder, if
        nothing else is in it.
        """
        try:
            if parcel.path.stat().st_mtime_ns == parcel.changed_ns:
                parcel.path.unlink()
            if parcel.path.name == _WITHDRAWN:
                _marker(parcel.path.with_name(_LABEL)).unlink(missing_ok=True)
            _marker(parcel.path).unlink(missing_ok=True)
            self._unwritten.pop(_marker(parcel.path), None)
            if not any(parcel.path.parent.iterdir()):
                parcel.path.parent.rmdir()
        except OSError as error:
            self._complain(parcel.path, f"it is uploaded, but cannot be deleted: {error}")

    def _complain(self, path: Path, what: str) -> None:
        """Log *what* is wrong with *path*, once."""
        if path not in self._complained:
            _log.warning("%s: %s", path, what)
        self._complained.add(path)


def total(parcels: Iterable[Parcel]) -> float:
    """How many MB (of 10⁶ bytes) *parcels* are."""
    return round(sum(parcel.size for parcel in parcels) / 1e6, 1)


def _marker(path: Path) -> Path:
    return path.with_name(f".{path.name}{_UPLOADED}")


def _marked(marker: Path) -> Path:
    """What *marker* is about."""
    return marker.with_name(marker.name[1:].removesuffix(_UPLOADED))


def _current(noted: Mapping[str, Confirmed], changed_ns: int) -> dict[str, Confirmed]:
    """What is *noted* of the version *changed_ns*."""
    return {
        store: confirmed for store, confirmed in noted.items() if confirmed.changed_ns == changed_ns
    }


def _read_marker(marker: Path) -> dict[str, Confirmed]:
    """What *marker* says; nothing when it is not there or says nothing sensible, for twice is
    once.
    """
    try:
        noted: Any = json.loads(marker.read_text(encoding="utf-8"))
        return {str(store): Confirmed(**confirmed) for store, confirmed in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _has_label(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / _LABEL).read_text(encoding="utf-8")).get("label"))
    except (OSError, ValueError, AttributeError):
        return False
