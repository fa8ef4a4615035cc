"""Carries to one store what waits for it, a file at a time, and rests for longer each time that it cannot."""

import logging
from collections import deque
from datetime import datetime

from app.clock import Clock
from app.errors import StoreError, StoreRefused
from app.uploads.base import Store
from app.uploads.inventory import Parcel, total
from app.uploads.shelves import Shelf

REST_MAX_S = 300.0
#: The longest that a store can ask us to wait.
PATIENCE_MAX_S = 3600.0

_log = logging.getLogger(__name__)


class Carrier:
    """Carries from *shelf* to *store*, looking every *every_s* what is new. Call `step` in a thread of its own.

    What went wrong with one file keeps no other from going: it comes last in the next round.
    """

    def __init__(self, store: Store, shelf: Shelf, clock: Clock, every_s: float) -> None:
        self.store = store
        self.trouble: str | None = None
        self.uploaded = 0
        self.uploaded_mb = 0.0
        self.failures = 0
        self.last_at: datetime | None = None
        self._shelf = shelf
        self._clock = clock
        self._every_s = every_s
        self._left: deque[Parcel] = deque()
        self._failed: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._urgent: set[str] = set()
        self._unreadable = False
        self._in_a_row = 0
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
        """What somebody must do before the store takes what it has refused; None when it has refused nothing."""
        return next(iter(self._refused.copy().values()), None)

    def hurry(self, event: str) -> None:
        """Carry what is new of *event* before all else, now unless the store has to be left alone."""
        self._urgent.add(event)
        self._look_at_s = 0.0

    def rest_no_longer(self) -> None:
        """What the store was left alone for may be mended."""
        self._rest_until_s = self._look_at_s = 0.0

    def step(self) -> float:
        """Carry one file if one waits and the store need not be left alone; returns the seconds until something may be due."""
        now_s = self._clock.monotonic()
        try:
            if now_s >= self._look_at_s:
                self._look(now_s)
        except OSError as error:
            self._complain(f"what waits for {self.store} cannot be read: {error}", logging.ERROR)
            self._unreadable = True
        if self._left and now_s >= self._rest_until_s:
            self._carry(self._left.popleft())
            return 0.0
        due_s = min(self._look_at_s, self._rest_until_s) if self._left else self._look_at_s
        return max(due_s - now_s, 0.01)

    def _look(self, now_s: float) -> None:
        self._look_at_s = now_s + self._every_s
        urgent, self._urgent = self._urgent, set()
        parcels = self._shelf.waiting()
        if self._unreadable:
            self._unreadable, self.trouble = False, None
        keys = {parcel.key for parcel in parcels}
        self._failed = {key: times for key, times in self._failed.items() if key in keys}
        self._refused = {key: why for key, why in self._refused.items() if key in keys}
        self._left = deque(
            sorted(parcels, key=lambda one: (self._failed.get(one.key, 0), one.event not in urgent, one.event or "", one.key))
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
        self.uploaded += 1
        self.uploaded_mb = round(self.uploaded_mb + parcel.size / 1e6, 3)
        self.last_at = self._clock.now()
        self._failed.pop(parcel.key, None)
        self._refused.pop(parcel.key, None)
        if self.trouble:
            _log.info("%s takes files again", self.store)
        self.trouble = None
        self._in_a_row = 0

    def _fail(self, parcel: Parcel, error: StoreError) -> None:
        """Leave the store alone, for longer each time unless it has said for how long."""
        self.failures += 1
        self._failed[parcel.key] = self._failed.get(parcel.key, 0) + 1
        self._left.append(parcel)
        if isinstance(error, StoreRefused):
            self._refused[parcel.key] = str(error)
        self._complain(f"{error}; trying again", logging.ERROR if isinstance(error, StoreRefused) else logging.WARNING)
        self._rest_until_s = self._clock.monotonic() + self._rest_s(error.retry_after_s)

    def _rest_s(self, asked_s: float | None) -> float:
        self._in_a_row += 1
        own_s = min(2.0 ** min(self._in_a_row - 1, 10), REST_MAX_S)
        return own_s if asked_s is None else min(max(asked_s, 0.0), PATIENCE_MAX_S)

    def _complain(self, what: str, level: int) -> None:
        if self.trouble != what:
            _log.log(level, "%s", what)
        self.trouble = what
