"""Keeps the disk within its limits by deleting what `app.uploads.retention` selects."""

import errno
import heapq
import logging
import math
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from app.clock import Clock
from app.files import (
    GB,
    free_bytes,
    free_inodes,
    is_read_only,
    remove_if_empty,
    try_to_write,
)
from app.uploads.base import DiskSettings
from app.uploads.inventory import EventFolder, Inventory
from app.uploads.retention import (
    MARGIN,
    PRIORITY_TEXTS,
    Candidate,
    Deletion,
    Priority,
    deletion_order,
    is_short,
    make_room,
)
from app.uploads.sources import STILLS

#: The seconds between two checks of the free space, and between two searches while it is too small.
CHECK_EVERY_S = 5.0
SEARCH_EVERY_S = 15.0
#: The seconds between two tries to write: a disk that refuses writes after errors may not say so.
WRITE_EVERY_S = 60.0
#: A disk that can hold fewer new files than both, a number and a share of all, has too few inodes.
LEAST_INODES, LEAST_INODE_SHARE = 1000, 0.02
#: A file that was changed this recently may be in use.
SPARED_S = 60.0
#: The same for a folder with an unfinished file, which may be a clip.
SPARED_UNFINISHED_S = 7200.0
#: The number of candidates that the heartbeat names as those that are deleted next.
NEXT_SHOWN = 3
#: For this long after a loss the disk counts as low.
REMEMBERED_S = 3600.0

_WORN = (
    "The system reports errors of the disk (“dmesg” shows them). If that does not end with a "
    "restart, the disk is worn out or loose: replace it. "
)
_CURES = {
    errno.EROFS: "The system no longer writes to the disk, which it does after errors. " + _WORN,
    errno.EIO: _WORN,
    errno.EACCES: "This user may not write there any more: chown it. ",
}

Found = TypeVar("Found")

_log = logging.getLogger(__name__)


class DiskGuard:
    """Guards the disk with *data_dir*. Call `step` in a thread of its own.

    It searches for candidates every *every_s*. *alerts* is the folder with the notifier's files if
    it is under *data_dir*; *stills_wait* says whether the stills wait for Dropbox.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: DiskSettings,
        inventory: Inventory,
        clock: Clock,
        *,
        every_s: float,
        alerts: Path | None = None,
        stills_wait: bool = False,
    ) -> None:
        self._data_dir = data_dir
        self._settings = settings
        self._inventory = inventory
        self._clock = clock
        self._every_s = every_s
        self._alerts = alerts
        self._still_priority = Priority.WAITING if stills_wait else Priority.PLAIN
        self._search_at_s = 0.0
        self._search_soonest_s = 0.0
        self._write_at_s = 0.0
        self._write_error: OSError | None = None
        self._lost_at_s = -math.inf
        self._undeletable: set[Path] = set()
        self._unreadable: set[Path] = set()
        self.free_gb: float | None = None
        self.deleted = 0
        #: The size of all candidates, in GB; None before the first search.
        self.recordings_gb: float | None = None
        #: The candidates that are deleted next when room is needed, in their order.
        self.next_deleted: tuple[Candidate, ...] = ()
        #: Why the owner should check the disk; None while that is not needed.
        self.low: str | None = None
        #: Why the disk can hold no more files although it has room; None while it can.
        self.few_inodes: str | None = None
        #: The reason why this guard cannot work; None while it can.
        self.trouble: str | None = None

    def step(self) -> float:
        """Check, and delete files if necessary; returns the seconds until the next check."""
        try:
            self._check()
        except OSError as error:
            if self.trouble is None:
                _log.error("the disk cannot be kept within its limits: %s", error)
            self.trouble = _trouble_text(error)
        else:
            self.trouble = None
        return CHECK_EVERY_S

    def _check(self) -> None:
        if is_read_only(self._data_dir):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self._data_dir))
        now_s = self._clock.monotonic()
        self._check_writing(now_s)
        self.few_inodes = self._inode_trouble()
        free = free_bytes(self._data_dir)
        due = now_s >= self._search_at_s or (
            is_short(free, self._settings) and now_s >= self._search_soonest_s
        )
        if due:
            self._search_at_s = now_s + self._every_s
            self._search_soonest_s = now_s + SEARCH_EVERY_S
            self._make_room(free)
            free = free_bytes(self._data_dir)
        self.free_gb = round(free / GB, 3)
        enough = self._settings.min_free_gb * GB * MARGIN
        if due and is_short(free, self._settings) and self.low is None:
            self.low = self._nearly_full(free)
        elif free >= enough and now_s - self._lost_at_s > REMEMBERED_S:
            self.low = None

    def _check_writing(self, now_s: float) -> None:
        """Raise the `OSError` of the last try to write, which is made when it is time.

        A full disk is no such error: that it is full is reported otherwise.
        """
        if now_s >= self._write_at_s:
            self._write_at_s = now_s + WRITE_EVERY_S
            self._write_error = None
            try:
                self._data_dir.mkdir(parents=True, exist_ok=True)
                try_to_write(self._data_dir, sync=False)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    self._write_error = error
                    self._write_at_s = now_s + SEARCH_EVERY_S
        if self._write_error:
            raise self._write_error

    def _inode_trouble(self) -> str | None:
        """Return why too few new files fit on the disk; None when there is room for them."""
        found = free_inodes(self._data_dir)
        if found is None:
            return None
        left, of_all = found
        least = min(LEAST_INODES, of_all * LEAST_INODE_SHARE) * (MARGIN if self.few_inodes else 1)
        if left >= least:
            return None
        return (
            f"The disk has room for only {left} more files, whatever their size: of its {of_all} "
            "inodes nearly all are used (“df -i” shows that). Find the folder with very many small "
            "files, and delete them. Meanwhile clips and samples may be lost. Alerts still come."
        )

    def _make_room(self, free: int) -> None:
        now = self._clock.now()
        gone: list[Candidate] = []
        candidates = list(self._candidates())
        make_room(
            candidates,
            now.timestamp(),
            free,
            self._settings,
            lambda deletion: self._delete(deletion, gone),
        )
        self.deleted += len(gone)
        gone_paths = {candidate.path for candidate in gone}
        left = [one for one in candidates if one.path not in gone_paths]
        self.recordings_gb = round(sum(one.size for one in left) / GB, 3)
        self.next_deleted = tuple(heapq.nsmallest(NEXT_SHOWN, left, key=deletion_order))
        last_day = f"{now - timedelta(days=2):%Y-%m-%d}"
        days = {candidate.path.parent for candidate in gone}
        for day in days:
            if day.name < last_day:
                remove_if_empty(day)
        lost = sum(candidate.priority == Priority.WAITING for candidate in gone)
        if lost:
            self._lost_at_s = self._clock.monotonic()
            self.low = (
                "The disk was full, and files that still waited for their upload were deleted "
                f"({lost} at once). Find out why nothing is uploaded."
            )

    def _nearly_full(self, free: int) -> str:
        return (
            f"The disk is nearly full: {free / GB:.2f} GB are free, less than the "
            f"{self._settings.min_free_gb:g} GB of disk.min_free_gb. To delete all recordings that "
            "may go would not be enough. Make room on the disk, or lower disk.min_free_gb: while "
            "less than half of that is free, no clips and samples are kept. Alerts still come."
        )

    def _candidates(self) -> Iterator[Candidate]:
        """Return all candidates that may be deleted now.

        A file whose change is in the future was changed under another clock, and is not in use.
        """
        now_s = self._clock.now().timestamp()
        for folder in self._inventory.scan(self._clock.now()):
            spared_s = SPARED_UNFINISHED_S if folder.unfinished else SPARED_S
            if abs(now_s - folder.changed_ns / 1e9) > spared_s:
                at_s = folder.started_at.timestamp()
                yield Candidate(folder.path, self._priority(folder), at_s, folder.size)
        for path, priority in self._other_paths():
            found = self._read(_time_and_size, path)
            if found and abs(now_s - found[0]) > SPARED_S:
                yield Candidate(path, priority, *found)

    def _other_paths(self) -> Iterator[tuple[Path, Priority]]:
        """Yield the stills, and the days in the folder with the notifier's files."""
        for still in self._read(_entries, self._data_dir / STILLS) or []:
            yield still, self._still_priority
        alerts = self._read(_entries, self._alerts) if self._alerts else None
        for day in alerts or []:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", day.name):
                yield day, Priority.PLAIN

    def _read(self, read: Callable[[Path], Found], path: Path) -> Found | None:
        """Return the result of *read* for *path*; None when it is missing or unreadable."""
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if path not in self._unreadable:
                _log.warning("%s is skipped: %s", path, error)
            self._unreadable.add(path)
            return None

    def _priority(self, folder: EventFolder) -> Priority:
        if any(self._inventory.missing_stores(file) for file in folder.files):
            return Priority.WAITING
        if folder.files and all(file.confirmed for file in folder.files):
            return Priority.UPLOADED
        return Priority.LABELLED if folder.labelled else Priority.PLAIN

    def _delete(self, deletion: Deletion, gone: list[Candidate]) -> bool:
        """Delete it and add it to *gone*; returns False when that fails, which is logged once."""
        candidate, why = deletion.candidate, deletion.why
        path = candidate.path
        try:
            self._inventory.remove(path)
        except OSError as error:
            if path not in self._undeletable:
                _log.error("%s should be deleted (%s), but cannot be deleted: %s", path, why, error)
            self._undeletable.add(path)
            return False
        self._undeletable.discard(path)
        gone.append(candidate)
        text = PRIORITY_TEXTS[candidate.priority]
        _log.info("deleted %s (%.1f MB; %s), since %s", path, candidate.size / 1e6, text, why)
        return True


def _trouble_text(error: OSError) -> str:
    """Return the sentences for the owner about *error*, which stops the guard."""
    undone = "kept" if error.errno == errno.EROFS else "deleted"
    cure = _CURES.get(error.errno or 0, "")
    return (
        f"The disk cannot be kept within its limits: {error}. {cure}Nothing is {undone} meanwhile; "
        "alerts still come."
    )


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _time_and_size(path: Path) -> tuple[float, int]:
    """Return when *path* last changed, and its size on disk in bytes with all its entries."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link", str(path))
    paths = _entries(path) if path.is_dir() else [path]
    return path.lstat().st_mtime, sum(one.lstat().st_blocks * 512 for one in paths)
