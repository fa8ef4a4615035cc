"""Carries to one store what waits for it, a file at a time, and rests for longer each time that it
cannot.
"""

import logging
import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.errors import StoreError, StoreRefused
from app.uploads.base import Store
from app.uploads.inventory import Parcel, total
from app.uploads.sources import Shelf

REST_MAX_S = 300.0
#: The longest that a store can ask us to wait.
PATIENCE_MAX_S = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Failed:
    """How often a file could not be carried, and when it is to be tried again."""

    times: int
    retry_at_s: float


class Carrier:
    """Carries from *shelf* to *store*, looking every *every_s* what is new. Call `step` in a thread
    of its own.

    A file that fails comes last, and is tried again less and less often by itself, so that it keeps
    no other from going. The more different ones fail in a row, the longer the store is left alone.
    """

    def __init__(self, store: Store, shelf: Shelf, clock: Clock, every_s: float) -> None:
        self.store = store
        self.trouble: str | None = None
        self.uploaded = 0
        self.uploaded_mb = 0.0
        self.failures = 0
        self.last_at: datetime | None = None
        #: Whether it is known by now that the store takes files or refuses them, or that nobody
        #: needs to know.
        self.settled = False
        self._shelf = shelf
        self._clock = clock
        self._every_s = every_s
        self._left: deque[Parcel] = deque()
        self._failed: dict[str, _Failed] = {}
        self._refused: dict[str, str] = {}
        self._urgent: set[str] = set()
        self._unreadable = False
        self._mended = False
        self._in_a_row: set[str] = set()
        self._look_at_s = 0.0
        self._rest_until_s = 0.0

    @property
    def waiting(self) -> int:
        """How many files it has still to carry, as far as it knows."""
        return len(self._left)

    @property
    def waiting_mb(self) -> float:
        return total(self._left.copy())

    @property
    def refused(self) -> str | None:
        """What somebody must do before the store takes what it has refused; None when it has
        refused nothing.
        """
        return next(iter(self._refused.copy().values()), None)

    def hurry(self, event: str) -> None:
        """Carry what is new of *event* before all else, now unless the store has to be left
        alone.
        """
        self._urgent.add(event)
        self._look_at_s = 0.0

    def rest_no_longer(self) -> None:
        """What the store was left alone for may be mended."""
        self._mended = True

    def step(self) -> float:
        """Carry one file if one waits and the store need not be left alone; returns the seconds
        until something may be due.
        """
        now_s = self._clock.monotonic()
        if self._mended:
            self._mended = False
            self._failed.clear()
            self._rest_until_s = self._look_at_s = 0.0
        try:
            if now_s >= self._look_at_s:
                self._look(now_s)
        except OSError as error:
            self._complain(f"what waits for {self.store} cannot be read: {error}", logging.ERROR)
            self._unreadable = True
        if parcel := self._next(now_s):
            self._left.remove(parcel)
            self._carry(parcel)
            return 0.0
        return max(self._due_at_s() - now_s, 0.01)

    def _next(self, now_s: float) -> Parcel | None:
        """What is to be carried now; None when nothing is."""
        if now_s < self._rest_until_s:
            return None
        return next((parcel for parcel in self._left if self._retry_at_s(parcel) <= now_s), None)

    def _due_at_s(self) -> float:
        """When something may be due next."""
        retry_s = min(map(self._retry_at_s, self._left), default=math.inf)
        return min(self._look_at_s, max(retry_s, self._rest_until_s))

    def _retry_at_s(self, parcel: Parcel) -> float:
        return self._failed[parcel.key].retry_at_s if parcel.key in self._failed else 0.0

    def _look(self, now_s: float) -> None:
        self._look_at_s = now_s + self._every_s
        urgent, self._urgent = self._urgent, set()
        parcels = self._shelf.waiting()
        if self._unreadable or not parcels:
            self._unreadable, self.trouble = False, None
        keys = {parcel.key for parcel in parcels}
        self._failed = {key: failed for key, failed in self._failed.items() if key in keys}
        self.settled |= not parcels
        self._refused = {key: why for key, why in self._refused.items() if key in keys}
        self._left = deque(sorted(parcels, key=lambda one: self._turn(one, urgent)))

    def _turn(self, parcel: Parcel, urgent: set[str]) -> tuple[int, bool, str, str]:
        failed = self._failed.get(parcel.key)
        return (
            failed.times if failed else 0,
            parcel.event not in urgent,
            parcel.event or "",
            parcel.key,
        )

    def _carry(self, parcel: Parcel) -> None:
        try:
            receipt = self.store.put(parcel.path, parcel.key, parcel.content_type)
        except FileNotFoundError:  # it was deleted meanwhile
            return
        except StoreError as error:
            self._fail(parcel, error)
            return
        except OSError as error:
            self._fail(parcel, StoreError(f"{parcel.path} cannot be read: {error}"))
            return
        self._shelf.confirm(parcel, receipt)
        self._succeed(parcel)

    def _succeed(self, parcel: Parcel) -> None:
        self.settled = True
        self.uploaded += 1
        self.uploaded_mb = round(self.uploaded_mb + parcel.size / 1e6, 3)
        self.last_at = self._clock.now()
        self._failed.pop(parcel.key, None)
        self._refused.pop(parcel.key, None)
        if self.trouble:
            _log.info("%s takes files again", self.store)
        self.trouble = None
        self._in_a_row.clear()

    def _fail(self, parcel: Parcel, error: StoreError) -> None:
        """Try *parcel* again later, and leave the store alone for a while, or as long as it asks
        for.
        """
        now_s = self._clock.monotonic()
        self.failures += 1
        self._in_a_row.add(parcel.key)
        times = 1 + (self._failed[parcel.key].times if parcel.key in self._failed else 0)
        self._failed[parcel.key] = _Failed(times, now_s + _rest_s(times))
        asked_s = error.retry_after_s
        self._rest_until_s = now_s + (
            _rest_s(len(self._in_a_row)) if asked_s is None else min(asked_s, PATIENCE_MAX_S)
        )
        self._left.append(parcel)
        refused = isinstance(error, StoreRefused)
        if refused:
            self._refused[parcel.key], self.settled = str(error), True
        self._complain(f"{error}; trying again", logging.ERROR if refused else logging.WARNING)

    def _complain(self, what: str, level: int) -> None:
        if self.trouble != what:
            _log.log(level, "%s", what)
        self.trouble = what


def _rest_s(times: int) -> float:
    """How long to wait after *times* failures."""
    return min(2.0 ** min(times - 1, 10), REST_MAX_S)
