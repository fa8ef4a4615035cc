"""What has to go so that the disk neither fills nor holds more than it is to hold: pure reckoning, somebody else deletes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from app.files import GB
from app.uploads.base import DiskSettings

DAY_S = 86_400.0
#: More than the least is freed at once, lest something go every few seconds.
MARGIN = 1.05


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
    """A folder or file that can go: of which *size* on disk in bytes, and from when (seconds since 1970)."""

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


def make_room(things: Iterable[Thing], now_s: float, free: int, settings: DiskSettings, delete: Callable[[Doomed], bool]) -> None:
    """Have *delete* delete what of *things* has to go, in this order, when *free* bytes are free.

    It says whether it could; when it could not, the next goes instead. What waits for an upload never goes for its age alone.
    """
    kept = []
    for thing in sorted(things, key=lambda thing: (thing.rank, thing.at_s)):
        if now_s - thing.at_s <= settings.keep_days * DAY_S or thing.rank == Rank.WAITING:
            kept.append(thing)
        elif delete(Doomed(thing, f"it is older than disk.keep_days ({settings.keep_days:g})")):
            free += thing.size
    taken, short = sum(thing.size for thing in kept), is_short(free, settings)
    for thing in kept:
        if short and free < settings.min_free_gb * GB * MARGIN:
            why = f"less than disk.min_free_gb ({settings.min_free_gb:g}) is free"
        elif taken > settings.max_gb * GB:
            why = f"all of it together is more than disk.max_gb ({settings.max_gb:g})"
        else:
            return
        taken -= thing.size
        if delete(Doomed(thing, why)):
            free += thing.size
