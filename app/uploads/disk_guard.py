"""Keeps the disk within its limits by deleting what `app.uploads.retention` selects."""

import errno
import heapq
import logging
import math
import re
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.clock import Clock
from app.files import GB, free_bytes, remove_if_empty
from app.uploads.base import DiskSettings
from app.uploads.disk_health import DiskHealth, trouble_text
from app.uploads.folder_reader import EventFolder
from app.uploads.inventory import Inventory
from app.uploads.retention import (
    MARGIN,
    PRIORITY_TEXTS,
    Candidate,
    Deletion,
    Priority,
    deletion_order,
    is_short,
    is_within_limits,
    make_room,
)
from app.uploads.sources import STILLS

#: The shortest and the longest time between two checks of the free space. A disk with much room
#: cannot fill up soon: nothing fills it with more than `FILL_RATE` bytes a second.
CHECK_EVERY_S, CHECK_AT_LEAST_EVERY_S = 5.0, 30.0
FILL_RATE = 100e6
#: The time in which the inventory looks at all older days once.
ROUND_S = 1800.0
#: The time between two searches while the space is too small.
SEARCH_EVERY_S = 15.0
#: A file that was changed this recently may be in use.
SPARED_S = 60.0
#: The same for a folder with an unfinished file, which may be a clip.
SPARED_UNFINISHED_S = 7200.0
#: The number of candidates that the heartbeat names as those that are deleted next.
NEXT_SHOWN = 3
#: Below this many free bytes the disk is full, even if `disk.min_free_gb` is 0.
FULL_BYTES = 4 * 2**20
#: For this long after a loss the disk counts as low.
REMEMBERED_S = 3600.0

_FULL = (
    "The disk is full. Since disk.min_free_gb is 0, no recordings are deleted for new ones: make "
    "room on the disk, or raise disk.min_free_gb. Meanwhile no clips and samples are kept. Alerts "
    "still come."
)

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
        self._walked_s = clock.monotonic()
        self._lost_at_s = -math.inf
        self._health = DiskHealth(data_dir, clock)
        self._sizes: dict[Path, tuple[int, int]] = {}
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
        #: The reason why this guard cannot work; None while it can.
        self.trouble: str | None = None

    @property
    def few_inodes(self) -> str | None:
        """Why the disk can hold no more files although it has room; None while it can."""
        return self._health.few_inodes

    def step(self) -> float:
        """Check, and delete files if necessary; returns the seconds until the next check."""
        try:
            free = self._check()
        except OSError as error:
            if self.trouble is None:
                _log.error("the disk cannot be kept within its limits: %s", error)
            self.trouble = trouble_text(error)
            return CHECK_EVERY_S
        self.trouble = None
        spare = free - self._settings.min_free_gb * GB
        return max(CHECK_EVERY_S, min(spare / FILL_RATE, CHECK_AT_LEAST_EVERY_S, self._every_s))

    def _check(self) -> int:
        """Check, and delete files if necessary; returns the free bytes."""
        self._health.check()
        now_s = self._clock.monotonic()
        self._inventory.walk(self._clock.now(), (now_s - self._walked_s) / ROUND_S)
        self._walked_s = now_s
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
        enough = max(self._settings.min_free_gb * GB, FULL_BYTES) * MARGIN
        if is_short(free, self._settings):
            self.low = self.low or (self._nearly_full(free) if due else None)
        elif free < FULL_BYTES:
            self.low = self.low or _FULL
        elif free >= enough and now_s - self._lost_at_s > REMEMBERED_S:
            self.low = None
        return free

    def _make_room(self, free: int) -> None:
        now_s = self._clock.now().timestamp()
        found = self._inventory.scan(self._clock.now())
        folders = [folder for folder in found if not _is_in_use(folder, now_s)]
        others = list(self._others(now_s))
        taken = sum(one.size for one in folders) + sum(one.size for one in others)
        times_s = [*(one.at_s for one in folders), *(one.at_s for one in others)]
        oldest_s = min(times_s, default=now_s)
        if not is_within_limits(self._settings, now_s, free=free, taken=taken, oldest_s=oldest_s):
            candidates = [*map(self._candidate, folders), *others]
            spared_s = [folder.at_s for folder in found if _is_in_use(folder, now_s)]
            gone = self._delete_some(candidates, now_s, free, spared_s)
            taken -= sum(one.size for one in gone)
            gone_paths = {one.path for one in gone}
            folders = [folder for folder in folders if folder.path not in gone_paths]
            others = [one for one in others if one.path not in gone_paths]
        self.recordings_gb = round(taken / GB, 3)
        first = heapq.nsmallest(
            NEXT_SHOWN, folders, key=lambda folder: (self._priority(folder), folder.at_s)
        )
        likely = [*map(self._candidate, first), *others]
        self.next_deleted = tuple(heapq.nsmallest(NEXT_SHOWN, likely, key=deletion_order))

    def _delete_some(
        self, candidates: list[Candidate], now_s: float, free: int, spared_s: list[float]
    ) -> list[Candidate]:
        """Delete as many *candidates* as the limits demand, and return them."""
        gone: list[Candidate] = []
        make_room(
            candidates,
            now_s,
            free,
            self._settings,
            lambda deletion: self._delete(deletion, gone),
            spared_s=spared_s,
        )
        self.deleted += len(gone)
        last_day = f"{self._clock.now() - timedelta(days=2):%Y-%m-%d}"
        for day in {candidate.path.parent for candidate in gone}:
            if day.name < last_day:
                remove_if_empty(day)
        lost = sum(candidate.priority == Priority.WAITING for candidate in gone)
        if lost:
            self._lost_at_s = self._clock.monotonic()
            self.low = (
                "The disk was full, and files that still waited for their upload were deleted "
                f"({lost} at once). Find out why nothing is uploaded."
            )
        return gone

    def _nearly_full(self, free: int) -> str:
        return (
            f"The disk is nearly full: {free / GB:.2f} GB are free, less than the "
            f"{self._settings.min_free_gb:g} GB of disk.min_free_gb. To delete all recordings that "
            "may go would not be enough. Make room on the disk, or lower disk.min_free_gb: while "
            "less than half of that is free, no clips and samples are kept. Alerts still come."
        )

    def _candidate(self, folder: EventFolder) -> Candidate:
        return Candidate(folder.path, self._priority(folder), folder.at_s, folder.size)

    def _others(self, now_s: float) -> Iterator[Candidate]:
        """Yield the candidates that are no events."""
        for path, priority in self._other_paths():
            found = self._read(partial(self._time_and_size, now_s), path)
            if found:
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

    def _time_and_size(self, now_s: float, path: Path) -> tuple[float, int] | None:
        """Return when *path* last changed, and its size on disk in bytes with all its entries.

        None when it may be in use. A folder that has not changed is not read again.
        """
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise OSError(errno.ELOOP, "it is a link", str(path))
        if abs(now_s - found.st_mtime) <= SPARED_S:
            return None
        if not stat.S_ISDIR(found.st_mode):
            return found.st_mtime, found.st_blocks * 512
        changed_ns, size = self._sizes.get(path, (0, 0))
        if changed_ns != found.st_mtime_ns:
            size = sum(one.lstat().st_blocks * 512 for one in _entries(path))
            self._sizes[path] = found.st_mtime_ns, size
        return found.st_mtime, size

    def _priority(self, folder: EventFolder) -> Priority:
        if any(self._inventory.missing_stores(file) for file in folder.files):
            return Priority.WAITING
        if folder.uploaded:
            return Priority.UPLOADED
        return Priority.LABELLED if folder.labelled else Priority.PLAIN

    def _delete(self, deletion: Deletion, gone: list[Candidate]) -> bool:
        """Delete it and add it to *gone*; returns False when that fails, which is logged once.

        Another program may have changed it since the inventory has looked at it, so it may be in
        use, or be labelled, or wait for an upload now. Then it stays.
        """
        candidate, why = deletion.candidate, deletion.why
        path, now = candidate.path, self._clock.now()
        folder = self._inventory.look(path.name, now)
        if folder and (
            _is_in_use(folder, now.timestamp()) or self._priority(folder) != candidate.priority
        ):
            return False
        try:
            self._inventory.remove(path)
        except OSError as error:
            if path not in self._undeletable:
                _log.error("%s should be deleted (%s), but cannot be deleted: %s", path, why, error)
            self._undeletable.add(path)
            return False
        self._undeletable.discard(path)
        self._sizes.pop(path, None)
        gone.append(candidate)
        text = PRIORITY_TEXTS[candidate.priority]
        _log.info("deleted %s (%.1f MB; %s), since %s", path, candidate.size / 1e6, text, why)
        return True


def _is_in_use(folder: EventFolder, now_s: float) -> bool:
    """Return whether a program may be writing to *folder* now.

    A folder whose change is in the future was changed under another clock, and is not in use.
    """
    spared_s = SPARED_UNFINISHED_S if folder.unfinished else SPARED_S
    return abs(now_s - folder.changed_ns / 1e9) <= spared_s


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
