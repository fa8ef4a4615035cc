"""Reads the folder of an event: its size, and its files that some store does not have yet."""

import json
import re
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import lstat, scandir, stat_result
from pathlib import Path

from pydantic_core import from_json

from app.errors import ProtocolError
from app.files import is_unfinished, read_unlinked, write_atomic
from app.protocol import event_started_at
from app.uploads.markers import Confirmation, marker_name, of_version, read_marker

SAMPLE, LABEL, WITHDRAWN = "sample.tar", "label.json", "label-withdrawn.json"
_KEYS = {
    SAMPLE: ("training/{event}.tar", "application/x-tar"),
    LABEL: ("labels/{event}.json", "application/json"),
    WITHDRAWN: ("labels/{event}.json", "application/json"),
    "snapshot.jpg": ("clips/{event}.jpg", "image/jpeg"),
}
_MOST_BYTES = 65_536
_CLIP = re.compile(r"clip(-\d+)?\.mp4")
#: A folder that changed this recently may change again without a new time.
_TICK_NS = 2_000_000_000


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
        return self.path.name in (SAMPLE, WITHDRAWN)


@dataclass(frozen=True, slots=True)
class EventFolder:
    """The folder of *event* in *day*, which began at *at_s* in seconds since 1970.

    Its *size* on disk is in bytes, *changed_ns* the time of its last change. *settled* says that
    another change would certainly change *changed_ns*, *labelled* that it has a label, *unfinished*
    that a file in it is still being written. *files* are those that some store does not have, or
    whose upload is not published. *uploaded* says that the stores have all that is for them.

    There are thousands of these, so paths are made only when they are needed.
    """

    day: Path
    event: str
    at_s: float
    size: int
    changed_ns: int
    settled: bool
    labelled: bool
    unfinished: bool
    uploaded: bool
    files: tuple[UploadFile, ...]

    @property
    def path(self) -> Path:
        return self.day / self.event


class FolderReader:
    """Reads the folders of events, whose files go to *stores*.

    *unwritten* has the markers that the disk has not accepted yet. *complain* gets a path and the
    reason why it is skipped.
    """

    def __init__(
        self,
        stores: Collection[str],
        unwritten: Mapping[Path, dict[str, Confirmation]],
        complain: Callable[[Path, str], None],
    ) -> None:
        self._stores = frozenset(stores)
        self._unwritten = unwritten
        self._complain = complain

    def read(self, day: Path, event: str, now: datetime) -> EventFolder | None:
        """Return the folder of *event* in *day*; None when it is gone, or cannot be read."""
        try:
            found = lstat(f"{day}/{event}")
            if stat.S_ISLNK(found.st_mode):
                self._complain(day / event, "skipped: it is a link")
                return None
            return self._read(day, event, found.st_mtime_ns, now)
        except FileNotFoundError:
            return None
        except (OSError, ProtocolError) as error:
            self._complain(day / event, f"skipped: {error}")
            return None

    def _read(self, day: Path, event: str, changed_ns: int, now: datetime) -> EventFolder:
        path = f"{day}/{event}"
        at_s = event_started_at(event).timestamp()
        stats, is_whole = self._stats(path)
        if marker_name(LABEL) in stats or WITHDRAWN in stats:
            self._withdraw_label(day / event, stats)
        unfinished = any(map(is_unfinished, stats))
        files, uploaded = self._files(day, event, stats)
        return EventFolder(
            day,
            event,
            at_s,
            size=sum(one.st_blocks * 512 for one in stats.values()),
            changed_ns=changed_ns,
            settled=is_whole and not unfinished and is_settled(changed_ns, now),
            labelled=LABEL in stats and _has_label(path),
            unfinished=unfinished,
            uploaded=uploaded,
            files=files,
        )

    def _stats(self, path: str) -> tuple[dict[str, stat_result], bool]:
        """Return the files in *path*, and whether none was renamed or deleted meanwhile."""
        stats, is_whole = {}, True
        with scandir(path) as entries:
            for entry in entries:
                if entry.is_symlink():
                    self._complain(Path(entry.path), "skipped: it is a link")
                    continue
                try:
                    stats[entry.name] = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    is_whole = False
        return stats, is_whole

    def _withdraw_label(self, path: Path, stats: dict[str, stat_result]) -> None:
        """Write a file for the stores when a label that they have was removed here.

        *stats* are the entries of *path*, and are updated.
        """
        withdrawn = path / WITHDRAWN
        try:
            if {LABEL, WITHDRAWN} <= stats.keys():
                del stats[WITHDRAWN]
                withdrawn.unlink(missing_ok=True)
            elif (
                marker_name(LABEL) in stats
                and not stats.keys() & {LABEL, WITHDRAWN}
                and self._stores
            ):
                write_atomic(withdrawn, json.dumps({"label": None, "event": path.name}).encode())
                stats[WITHDRAWN] = withdrawn.stat()
        except OSError as error:
            self._complain(
                path, f"its label was removed, and the stores cannot be informed: {error}"
            )

    def _files(
        self, day: Path, event: str, stats: Mapping[str, stat_result]
    ) -> tuple[tuple[UploadFile, ...], bool]:
        """Return the files with something left to do, and whether the stores have all."""
        left, of_stores, has_all = [], 0, True
        for name, found in stats.items():
            if name not in _KEYS and not _CLIP.fullmatch(name):
                continue
            confirmed = of_version(self._recorded(day, event, name, stats), found.st_mtime_ns)
            of_stores += 1
            has_all = has_all and bool(confirmed) and self._stores <= confirmed.keys()
            is_only_for_them = bool(self._stores) and name in (SAMPLE, WITHDRAWN)
            if is_only_for_them or not self._is_done(confirmed):
                left.append(_upload_file(day / event / name, found, confirmed))
        return tuple(left), has_all and of_stores > 0

    def _is_done(self, confirmed: Mapping[str, Confirmation]) -> bool:
        return all(store in confirmed and confirmed[store].published for store in self._stores)

    def _recorded(
        self, day: Path, event: str, name: str, names: Collection[str]
    ) -> dict[str, Confirmation]:
        """Return the confirmations of any version of the file *name* of *event*, by store.

        *names* are all in its folder.
        """
        marker = marker_name(name)
        stored = read_marker(f"{day}/{event}/{marker}") if marker in names else {}
        return stored | self._unwritten.get(day / event / marker, {}) if self._unwritten else stored


def is_settled(changed_ns: int, now: datetime) -> bool:
    """Return whether a change *now* would certainly give a folder another time than *changed_ns*.

    That is so of a time in the future too, from a clock that was ahead.
    """
    return abs(now.timestamp() * 1e9 - changed_ns) > _TICK_NS


def _upload_file(
    path: Path, found: stat_result, confirmed: Mapping[str, Confirmation]
) -> UploadFile:
    key, content_type = _KEYS.get(path.name, ("", ""))
    if clip := _CLIP.fullmatch(path.name):
        key, content_type = f"clips/{{event}}{clip[1] or ''}.mp4", "video/mp4"
    event = path.parent.name
    return UploadFile(
        path,
        key.format(event=event),
        content_type,
        found.st_size,
        found.st_mtime_ns,
        event,
        confirmed,
    )


def _has_label(folder: str) -> bool:
    try:
        stored = read_unlinked(f"{folder}/{LABEL}", _MOST_BYTES)
        return bool(from_json(stored, cache_strings="keys").get("label"))
    except (OSError, ValueError, AttributeError):
        return False
