"""Keeps the disk within its budget: deletes what `app.uploads.retention` dooms, and says when that
is not enough.
"""

import errno
import logging
import math
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from app.clock import Clock
from app.files import GB, free_bytes, is_read_only, remove_if_empty
from app.uploads.base import DiskSettings
from app.uploads.inventory import EventFolder, Inventory
from app.uploads.retention import MARGIN, WORDS, Doomed, Rank, Thing, is_short, make_room
from app.uploads.sources import STILLS

#: How often it looks how much is free, and how often it looks for what can go while that is too
#: little.
LOOK_EVERY_S = 5.0
SEARCH_EVERY_S = 15.0
#: What was touched so recently may be in use; longer if a file in it is unfinished, which may be a
#: clip.
SPARED_S = 60.0
SPARED_UNFINISHED_S = 7200.0
#: For so long after something was lost the disk counts as low.
REMEMBERED_S = 3600.0

Found = TypeVar("Found")

_log = logging.getLogger(__name__)


class DiskGuard:
    """Guards the disk with *data_dir*. Call `step` in a thread of its own.

    *alerts* is the folder with the notifier's files if it is in there; *stills_wait* says whether
    the stills wait for Dropbox.
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
        self._stills_rank = Rank.WAITING if stills_wait else Rank.PLAIN
        self._search_at_s = 0.0
        self._search_soonest_s = 0.0
        self._lost_at_s = -math.inf
        self._undeletable: set[Path] = set()
        self._unreadable: set[Path] = set()
        self.free_gb: float | None = None
        self.deleted = 0
        #: Why the owner should look after the disk; None while that is not needed.
        self.low: str | None = None
        #: Why it cannot look after it; None while it can.
        self.trouble: str | None = None

    def step(self) -> float:
        """Look, and delete what has to go; returns the seconds until the next look."""
        try:
            self._look()
        except OSError as error:
            if self.trouble is None:
                _log.error("the disk cannot be looked after: %s", error)
            self.trouble = _told(error)
        else:
            self.trouble = None
        return LOOK_EVERY_S

    def _look(self) -> None:
        if is_read_only(self._data_dir):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self._data_dir))
        free = free_bytes(self._data_dir)
        now_s = self._clock.monotonic()
        due = now_s >= self._search_at_s or (
            is_short(free, self._settings) and now_s >= self._search_soonest_s
        )
        if due:
            self._search_at_s, self._search_soonest_s = (
                now_s + self._every_s,
                now_s + SEARCH_EVERY_S,
            )
            self._make_room(free)
            free = free_bytes(self._data_dir)
        self.free_gb = round(free / GB, 3)
        if due and is_short(free, self._settings) and self.low is None:
            self.low = self._nearly_full(free)
        elif (
            free >= self._settings.min_free_gb * GB * MARGIN
            and now_s - self._lost_at_s > REMEMBERED_S
        ):
            self.low = None

    def _make_room(self, free: int) -> None:
        """Delete what has to go."""
        now = self._clock.now()
        gone: list[Thing] = []
        make_room(
            self._things(),
            now.timestamp(),
            free,
            self._settings,
            lambda one: self._delete(one, gone),
        )
        self.deleted += len(gone)
        last_day = f"{now - timedelta(days=2):%Y-%m-%d}"
        for day in {thing.path.parent for thing in gone if thing.path.parent.name < last_day}:
            remove_if_empty(day)
        if lost := [thing for thing in gone if thing.rank == Rank.WAITING]:
            self._lost_at_s = self._clock.monotonic()
            self.low = (
                f"The disk was full, and what still waited for its upload had to go ({len(lost)} "
                "at once). See why uploads do not go out."
            )

    def _nearly_full(self, free: int) -> str:
        return (
            f"The disk is nearly full: {free / GB:.2f} GB are free, less than the "
            f"{self._settings.min_free_gb:g} GB of disk.min_free_gb,"
            " and to delete what of ours may go would not do. Make room on it, or lower "
            "disk.min_free_gb: while less than half of that is"
            " free, no clips and samples are kept. Alerts still come."
        )

    def _things(self) -> Iterator[Thing]:
        """All that may go now. What changed in the future did so by another clock, and is not in
        use.
        """
        now_s = self._clock.now().timestamp()
        for folder in self._inventory.look(self._clock.now()):
            if abs(now_s - folder.changed_ns / 1e9) > (
                SPARED_UNFINISHED_S if folder.unfinished else SPARED_S
            ):
                yield Thing(
                    folder.path, self._rank(folder), folder.started_at.timestamp(), folder.size
                )
        files = [
            (still, self._stills_rank)
            for still in self._read(_inside, self._data_dir / STILLS) or []
        ]
        alerts = self._read(_inside, self._alerts) if self._alerts else None
        days = [
            (day, Rank.PLAIN) for day in alerts or [] if re.fullmatch(r"\d{4}-\d\d-\d\d", day.name)
        ]
        for path, rank in files + days:
            touched = self._read(_touched, path)
            if touched and abs(now_s - touched[0]) > SPARED_S:
                yield Thing(path, rank, *touched)

    def _read(self, read: Callable[[Path], Found], path: Path) -> Found | None:
        """What *read* finds at *path*; None when it is gone, or is not ours to read, which is
        logged once.
        """
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if path not in self._unreadable:
                _log.warning("%s is passed over: %s", path, error)
            self._unreadable.add(path)
            return None

    def _rank(self, folder: EventFolder) -> Rank:
        if any(self._inventory.waits_for(parcel) for parcel in folder.parcels):
            return Rank.WAITING
        if folder.parcels and all(parcel.confirmed for parcel in folder.parcels):
            return Rank.UPLOADED
        return Rank.LABELLED if folder.labelled else Rank.PLAIN

    def _delete(self, one: Doomed, gone: list[Thing]) -> bool:
        """Delete it and add it to *gone*; False when that fails, which is logged once."""
        thing = one.thing
        try:
            self._inventory.remove(thing.path)
        except OSError as error:
            if thing.path not in self._undeletable:
                _log.error(
                    "%s should go, since %s, but cannot be deleted: %s", thing.path, one.why, error
                )
            self._undeletable.add(thing.path)
            return False
        self._undeletable.discard(thing.path)
        gone.append(thing)
        _log.info(
            "deleted %s (%.1f MB; %s), since %s",
            thing.path,
            thing.size / 1e6,
            WORDS[thing.rank],
            one.why,
        )
        return True


def _told(error: OSError) -> str:
    """What the owner is told of *error*, for which the disk cannot be looked after."""
    worn = (
        " If that stays so, it is worn out or loose."
        if error.errno in (errno.EROFS, errno.EIO)
        else ""
    )
    undone = "kept" if error.errno == errno.EROFS else "deleted"
    return (
        f"The disk cannot be looked after: {error}.{worn} Nothing is {undone} meanwhile; alerts "
        "still come."
    )


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _touched(path: Path) -> tuple[float, int]:
    """When *path* changed last, and its size on disk with what is in it."""
    own = path.lstat()
    return own.st_mtime, sum(
        one.lstat().st_blocks * 512 for one in (_inside(path) if path.is_dir() else [path])
    )
