"""Uploads the files that wait for one store, one at a time, with growing delays after failures."""

import logging
import math
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from app.backoff import Backoff
from app.clock import Clock
from app.errors import StoreError, StoreRefused
from app.uploads.base import Store
from app.uploads.folder_reader import UploadFile
from app.uploads.inventory import total_mb
from app.uploads.sources import UploadSource

BACKOFF_MAX_S = 300.0
#: A file that fails for this long, in s, counts as refused, whatever the store says.
LASTING_S = 3600.0
#: The longest pause that a store can demand.
LONGEST_PAUSE_S = 3600.0
#: The waits before an urgent event without a file is looked at again: its fact may come first.
LOOK_AGAIN_S = (1.0, 4.0)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Retry:
    """The failures of one file since *since_s*, and the monotonic time of its next try."""

    since_s: float
    backoff: Backoff = field(default_factory=lambda: Backoff(BACKOFF_MAX_S))
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Urgent:
    """An urgent event that was looked at *looks* times, and will be at the monotonic *at_s*."""

    at_s: float = 0.0
    looks: int = 0


class UploadQueue:
    """Uploads the files of *source* to *store*. Call `step` in a thread of its own.

    It searches for new files every *every_s*. A file that fails goes to the end, and is tried less
    and less often, so it delays no other file. The more different files fail in a row, the longer
    nothing is sent to the store.
    """

    def __init__(self, store: Store, source: UploadSource, clock: Clock, every_s: float) -> None:
        self.store = store
        self.trouble: str | None = None
        self.uploaded = 0
        self.uploaded_mb = 0.0
        self.failures = 0
        self.last_at: datetime | None = None
        #: True as soon as the store has accepted or refused a file, or when no file waited for it.
        self.settled = False
        self._source = source
        self._clock = clock
        self._every_s = every_s
        self._waiting: deque[UploadFile] = deque()
        self._retries: dict[str, _Retry] = {}
        self._refused: dict[str, str] = {}
        self._urgent: dict[str, _Urgent] = {}
        self._unreadable = False
        self._retry_now = False
        self._failed_in_a_row: set[str] = set()
        self._store_backoff = Backoff(BACKOFF_MAX_S)
        self._search_at_s = 0.0
        self._pause_until_s = 0.0

    @property
    def waiting(self) -> int:
        """Return the number of files that waited at the last search and are not uploaded yet."""
        return len(self._waiting)

    @property
    def waiting_mb(self) -> float:
        return total_mb(self._waiting.copy())

    @property
    def refused(self) -> str | None:
        """Why a person must act, since the store refuses a file, or has failed for an hour."""
        return next(iter(self._refused.copy().values()), None)

    def hurry(self, event: str) -> None:
        """Upload the new files of *event* before all others, as soon as no pause is due."""
        self._urgent[event] = _Urgent()

    def retry_now(self) -> None:
        """End all pauses: the reason for them may be gone."""
        self._retry_now = True

    def step(self) -> float:
        """Upload one file if one is due; returns the seconds until something may be due."""
        now_s = self._clock.monotonic()
        if self._retry_now:
            self._retry_now = False
            for retry in self._retries.values():
                retry.at_s = 0.0
                retry.backoff.reset()
            self._pause_until_s = self._search_at_s = 0.0
        try:
            if now_s >= self._search_at_s:
                self._search(now_s)
            for event, urgent in tuple(self._urgent.items()):
                if urgent.at_s <= now_s:
                    self._search_urgent(event, now_s)
        except OSError as error:
            self._complain(f"the files for {self.store} cannot be read: {error}", logging.ERROR)
            self._unreadable = True
        if file := self._next(now_s):
            self._waiting.remove(file)
            self._upload(file)
            return 0.0
        return max(self._due_at_s() - now_s, 0.01)

    def _next(self, now_s: float) -> UploadFile | None:
        if now_s < self._pause_until_s:
            return None
        return next((file for file in self._waiting if self._retry_at_s(file) <= now_s), None)

    def _due_at_s(self) -> float:
        retry_s = min(map(self._retry_at_s, self._waiting), default=math.inf)
        urgent_s = min((one.at_s for one in tuple(self._urgent.values())), default=math.inf)
        return min(self._search_at_s, urgent_s, max(retry_s, self._pause_until_s))

    def _retry_at_s(self, file: UploadFile) -> float:
        return self._retries[file.key].at_s if file.key in self._retries else 0.0

    def _search(self, now_s: float) -> None:
        self._search_at_s = now_s + self._every_s
        files = self._source.waiting()
        if self._unreadable or not files:
            self._unreadable, self.trouble = False, None
        keys = {file.key for file in files}
        self._retries = {key: retry for key, retry in self._retries.items() if key in keys}
        self.settled |= not files
        self._refused = {key: why for key, why in self._refused.items() if key in keys}
        self._waiting = deque(sorted(files, key=self._turn))

    def _search_urgent(self, event: str, now_s: float) -> None:
        """Put the files of *event* in front of all others; plan another look if there are none."""
        looks = self._urgent.pop(event).looks
        found = self._source.waiting(event)
        if not found and looks < len(LOOK_AGAIN_S):
            # Meanwhile another fact may have come.
            self._urgent.setdefault(event, _Urgent(now_s + LOOK_AGAIN_S[looks], looks + 1))
        others = [file for file in self._waiting if file.event != event]
        self._waiting = deque([*sorted(found, key=self._turn), *others])

    def _turn(self, file: UploadFile) -> tuple[int, str, str]:
        """Return the sort key of *file*: fewest failures first, then age."""
        retry = self._retries.get(file.key)
        failures = retry.backoff.failures if retry else 0
        return failures, file.event or "", file.key

    def _upload(self, file: UploadFile) -> None:
        try:
            receipt = self.store.put(file.path, file.key, file.content_type)
        except FileNotFoundError:  # it was deleted meanwhile
            return
        except StoreError as error:
            self._fail(file, error)
            return
        except OSError as error:
            self._fail(file, StoreError(f"{file.path} cannot be read: {error}"))
            return
        self._source.confirm(file, receipt)
        self._succeed(file)

    def _succeed(self, file: UploadFile) -> None:
        self.settled = True
        self.uploaded += 1
        self.uploaded_mb = round(self.uploaded_mb + file.size / 1e6, 3)
        self.last_at = self._clock.now()
        self._retries.pop(file.key, None)
        self._refused.pop(file.key, None)
        if self.trouble:
            _log.info("%s accepts files again", self.store)
        self.trouble = None
        self._failed_in_a_row.clear()
        self._store_backoff.reset()

    def _fail(self, file: UploadFile, error: StoreError) -> None:
        """Plan the next try of *file*, and the store's pause."""
        now_s = self._clock.monotonic()
        self.failures += 1
        if file.key not in self._failed_in_a_row:
            self._failed_in_a_row.add(file.key)
            self._store_backoff.failed()
        retry = self._retries.setdefault(file.key, _Retry(now_s))
        retry.at_s = now_s + retry.backoff.failed()
        if error.retry_after_s is None:
            self._pause_until_s = now_s + self._store_backoff.delay_s
        else:
            self._pause_until_s = now_s + min(error.retry_after_s, LONGEST_PAUSE_S)
        self._waiting.append(file)
        is_refusal = isinstance(error, StoreRefused)
        if is_refusal or now_s - retry.since_s >= LASTING_S:
            self._refused[file.key], self.settled = str(error), True
        self._complain(f"{error}; trying again", logging.ERROR if is_refusal else logging.WARNING)

    def _complain(self, trouble: str, level: int) -> None:
        if self.trouble != trouble:
            _log.log(level, "%s", trouble)
        self.trouble = trouble
