"""The log of refused requests, in which strangers have only a small share.

Anybody can send requests to an open port, thousands a second. If each had a line, they would
rotate away every other trace in half a minute. So the first few of a kind are logged in full, and
the others are counted and summed up once a minute.
"""

import logging
import threading
from collections import Counter

from app.clock import Clock

#: The lines in full in each period, for each kind of refusal.
IN_FULL = 5
PERIOD_S = 60.0
#: The longest line in full, in characters, and the most senders that are told apart.
_LONGEST = 300
_MOST_SENDERS = 1000

_log = logging.getLogger(__name__)


class Refusals:
    """Logs refused requests: a few in full, and the others as a sum. Several threads may use it.

    *senders* are the words for one and for several of those who send the requests.
    """

    def __init__(self, clock: Clock, senders: tuple[str, str] = ("address", "addresses")) -> None:
        self._clock = clock
        self._one, self._several = senders
        self._lock = threading.Lock()
        self._began_s = 0.0
        self._kinds: Counter[str] = Counter()
        self._senders: set[str] = set()

    def log(self, kind: str, sender: str, text: str) -> None:
        """Log *text* about a request from *sender*, or only count it.

        *kind* is one of a few words for the sum, as in "4,300 not signed".
        """
        if self.count(kind, sender):
            _log.warning("%s", text[:_LONGEST])

    def count(self, kind: str, sender: str) -> bool:
        """Count a request like `log`; return whether it is one of the few to log in full."""
        self.sum_up()
        with self._lock:
            if not self._kinds:
                self._began_s = self._clock.monotonic()
            self._kinds[kind] += 1
            if len(self._senders) < _MOST_SENDERS:
                self._senders.add(sender)
            return self._kinds[kind] <= IN_FULL

    def sum_up(self) -> None:
        """Log the sum of a period that is over, if not all of its refusals are in the log."""
        with self._lock:
            if not self._kinds or self._clock.monotonic() < self._began_s + PERIOD_S:
                return
            kinds, senders = self._kinds, len(self._senders)
            self._kinds, self._senders = Counter(), set()
        if max(kinds.values()) > IN_FULL:
            _log.warning("%s", self._sum(kinds, senders))

    def _sum(self, kinds: Counter[str], senders: int) -> str:
        parts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        more = " or more" if senders >= _MOST_SENDERS else ""
        word = self._one if senders == 1 else self._several
        return (
            f"{kinds.total():,} requests were refused in the last minute: {parts}; from "
            f"{senders:,}{more} {word}"
        )
