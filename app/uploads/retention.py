"""What has to go so that the disk neither fills nor holds more than it is to hold: pure reckoning,
somebody else deletes.
"""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from app.files import GB
from app.uploads.base import DiskSettings

DAY_S = 86_400.0
#: More than the least is freed at once, lest something go every few seconds.
MARGIN = 1.05
#: So long without anything is rather a wrong clock.
JUMP_S = 180 * DAY_S


class Rank(IntEnum):
    """What goes first."""

    UPLOADED = 0
    PLAIN = 1
    LABELLED = 2
    WAITING = 3


WORDS = {
    Rank.UPLOADED: "it is uploaded",
    Rank.PLAIN: "nobody has labelled it",
    Rank.LABELLED: "it is labelled",
    Rank.WAITING: "it still waited for its upload",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """A folder or file that can go: of which *size* on disk in bytes, and from when (seconds since
    1970).
    """

    path: Path
    rank: Rank
    at_s: float
    size: int


@dataclass(frozen=True, slots=True)
class Doomed:
    """A thing that is to go, and why: the setting that asks for it."""

    thing: Thing
    why: str


def is_short(free: int, settings: DiskSettings) -> bool:
    """Whether *free* bytes are less than what is to stay free."""
    return free < settings.min_free_gb * GB


class _Heap:
    """Some *things* in the order in which they go, all that is theirs of the disk, *taken*, and
    what is *free* of it; in bytes.
    """

    def __init__(
        self, things: Iterable[Thing], free: int, delete: Callable[[Doomed], bool]
    ) -> None:
        self.things = sorted(things, key=lambda thing: (thing.rank, thing.at_s))
        self.taken = sum(thing.size for thing in self.things)
        self.free = free
        self._delete = delete

    def clear(self, why: str, goes: Callable[[Thing], bool]) -> None:
        """Delete what *goes* when its turn comes. What cannot be deleted is tried once, and then
        counts as nothing of ours.
        """
        kept = []
        for thing in self.things:
            if not goes(thing):
                kept.append(thing)
                continue
            self.taken -= thing.size
            if self._delete(Doomed(thing, why)):
                self.free += thing.size
        self.things = kept

    def free_up(self, least: float, why: str) -> None:
        """Delete until *least* bytes are free, but nothing when all of it would not do."""
        if self.free < least:
            self.clear(
                why, lambda _: self.free + self.taken >= least and self.free < least * MARGIN
            )


def make_room(
    things: Iterable[Thing],
    now_s: float,
    free: int,
    settings: DiskSettings,
    delete: Callable[[Doomed], bool],
) -> None:
    """Have *delete* delete what of *things* has to go, in this order, when *free* bytes are free.

    It says whether it could; when it could not, the next goes instead. What waits for an upload
    never goes for its age alone. Where somebody else has filled the disk, or the least that is to
    stay free is a mistake, deleting everything would not do: then what is older than a day goes if
    it is uploaded, by which nothing is lost, and if it is plain, only to free half of the least,
    which new clips need; and when not even that would do, nothing plain goes for it.
    """
    keep_s, least = settings.keep_days * DAY_S, settings.min_free_gb * GB
    heap = _Heap(things, free, delete)
    if _tells_age([thing.at_s for thing in heap.things], now_s, keep_s):
        too_old = f"it is older than disk.keep_days ({settings.keep_days:g})"
        heap.clear(
            too_old, lambda thing: now_s - thing.at_s > keep_s and thing.rank != Rank.WAITING
        )
    heap.clear(
        f"all of it together is more than disk.max_gb ({settings.max_gb:g})",
        lambda _: heap.taken > settings.max_gb * GB,
    )
    too_full = f"less than disk.min_free_gb ({settings.min_free_gb:g}) is free"
    heap.free_up(least, too_full)
    heap.clear(
        too_full,
        lambda thing: (
            heap.free < least and thing.rank == Rank.UPLOADED and now_s - thing.at_s > DAY_S
        ),
    )
    spare = [
        thing for thing in heap.things if thing.rank == Rank.PLAIN and now_s - thing.at_s > DAY_S
    ]
    _Heap(spare, heap.free, delete).free_up(least / 2, too_full)


def _tells_age(times_s: Collection[float], now_s: float, keep_s: float) -> bool:
    """Whether things from *times_s* may go for being older than *keep_s*.

    Not when none is younger, or only after a gap so long that rather the clock has jumped: keeping
    them loses nothing.
    """
    newest_old_s = max((at_s for at_s in times_s if now_s - at_s > keep_s), default=-math.inf)
    oldest_young_s = min((at_s for at_s in times_s if now_s - at_s <= keep_s), default=math.inf)
    return oldest_young_s - newest_old_s <= max(keep_s, JUMP_S)
