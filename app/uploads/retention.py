"""Decides which files are deleted from the disk, and in which order. The caller deletes them."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from app.files import GB
from app.uploads.base import DiskSettings

DAY_S = 86_400.0
#: More than necessary is freed at once, or something would be deleted every few seconds.
MARGIN = 1.05
#: A gap without any candidate that is longer than this is more likely a wrong clock.
JUMP_S = 180 * DAY_S


class Priority(IntEnum):
    """The order of deletion: the lowest is deleted first."""

    UPLOADED = 0
    PLAIN = 1
    LABELLED = 2
    WAITING = 3


#: The words of the log about a deleted candidate.
PRIORITY_TEXTS = {
    Priority.UPLOADED: "it is uploaded",
    Priority.PLAIN: "nobody has labelled it",
    Priority.LABELLED: "it is labelled",
    Priority.WAITING: "it still waited for its upload",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A folder or file that may be deleted: its *size* on disk in bytes, and its time, *at_s*.

    *at_s* is in seconds since 1970.
    """

    path: Path
    priority: Priority
    at_s: float
    size: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """A candidate to delete, and the reason: the setting that demands it."""

    candidate: Candidate
    why: str


def deletion_order(candidate: Candidate) -> tuple[Priority, float]:
    """Return the key by which candidates are sorted: what is deleted first comes first."""
    return candidate.priority, candidate.at_s


def is_short(free: int, settings: DiskSettings) -> bool:
    """Return whether *free* bytes are less than must stay free."""
    return free < settings.min_free_gb * GB


class _Pile:
    """Some candidates in the order of their deletion.

    *taken* bytes of the disk are theirs, and *free* bytes are free.
    """

    def __init__(
        self, candidates: Iterable[Candidate], free: int, delete: Callable[[Deletion], bool]
    ) -> None:
        self.candidates = sorted(candidates, key=deletion_order)
        self.taken = sum(candidate.size for candidate in self.candidates)
        self.free = free
        self._delete = delete

    def clear(self, why: str, goes: Callable[[Candidate], bool]) -> None:
        """Delete each candidate for which *goes* is true, in order.

        A candidate that cannot be deleted is tried once, and then no longer counts as ours.
        """
        kept = []
        for candidate in self.candidates:
            if not goes(candidate):
                kept.append(candidate)
                continue
            self.taken -= candidate.size
            if self._delete(Deletion(candidate, why)):
                self.free += candidate.size
        self.candidates = kept

    def free_up(self, least: float, why: str) -> None:
        """Delete until *least* bytes are free; delete nothing when that cannot be reached."""
        if self.free < least:
            self.clear(
                why, lambda _: self.free + self.taken >= least and self.free < least * MARGIN
            )


def is_within_limits(
    settings: DiskSettings, now_s: float, *, free: int, taken: int, oldest_s: float
) -> bool:
    """Return whether nothing must be deleted, when *free* bytes are free.

    All candidates take *taken* bytes, and the oldest is from *oldest_s*.
    """
    return (
        now_s - oldest_s <= settings.keep_days * DAY_S
        and taken <= settings.max_gb * GB
        and not is_short(free, settings)
    )


def make_room(
    candidates: Iterable[Candidate],
    now_s: float,
    free: int,
    settings: DiskSettings,
    delete: Callable[[Deletion], bool],
    *,
    spared_s: Collection[float] = (),
) -> None:
    """Call *delete* for each candidate that must be deleted, in order, when *free* bytes are free.

    *delete* returns whether it succeeded; if not, the next candidate is deleted instead. A file
    that waits for an upload is never deleted for its age alone. *spared_s* are the times of what is
    in use, so that it is no candidate.
    """
    keep_s = settings.keep_days * DAY_S
    pile = _Pile(candidates, free, delete)
    times_s = [*(one.at_s for one in pile.candidates), *spared_s]
    if _is_age_reliable(times_s, now_s, keep_s):
        pile.clear(
            f"it is older than disk.keep_days ({settings.keep_days:g})",
            lambda one: now_s - one.at_s > keep_s and one.priority != Priority.WAITING,
        )
    pile.clear(
        f"all of it together is more than disk.max_gb ({settings.max_gb:g})",
        lambda _: pile.taken > settings.max_gb * GB,
    )
    _keep_free(pile, now_s, settings, delete)


def _keep_free(
    pile: _Pile, now_s: float, settings: DiskSettings, delete: Callable[[Deletion], bool]
) -> None:
    """Delete candidates of *pile* until `min_free_gb` is free.

    Sometimes deleting everything would not be enough: somebody else has filled the disk, or
    min_free_gb is a mistake. Then only candidates older than a day are deleted. Uploaded ones are
    deleted, since nothing is lost. Plain ones are deleted only to free half of min_free_gb, which
    new clips need; when even that cannot be reached, no plain one is deleted.
    """

    def is_old(candidate: Candidate) -> bool:
        return now_s - candidate.at_s > DAY_S

    least = settings.min_free_gb * GB
    too_full = f"less than disk.min_free_gb ({settings.min_free_gb:g}) is free"
    pile.free_up(least, too_full)
    pile.clear(
        too_full,
        lambda one: pile.free < least and one.priority == Priority.UPLOADED and is_old(one),
    )
    spare = [one for one in pile.candidates if one.priority == Priority.PLAIN and is_old(one)]
    _Pile(spare, pile.free, delete).free_up(least / 2, too_full)


def _is_age_reliable(times_s: Collection[float], now_s: float, keep_s: float) -> bool:
    """Return whether candidates from *times_s* may be deleted because they are older than *keep_s*.

    They may not when nothing is younger, or when the gap before the younger ones is so long
    that the clock has probably jumped. Nothing is lost by keeping them.
    """
    newest_old_s = max((at_s for at_s in times_s if now_s - at_s > keep_s), default=-math.inf)
    oldest_young_s = min((at_s for at_s in times_s if now_s - at_s <= keep_s), default=math.inf)
    return oldest_young_s - newest_old_s <= max(keep_s, JUMP_S)
