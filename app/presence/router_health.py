"""The health of the router, and when to ask it again."""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Literal

from app.backoff import Backoff
from app.errors import RouterError, RouterRefused
from app.protocol import RouterHealth
from app.times import format_duration

#: The longest wait, in s, before a router that does not answer, or refuses the password, is asked
#: again. After too many tries it may refuse every login.
LONGEST_WAIT_S = 300.0
#: The longest such wait, in s, while nobody is home. It is short because a person who comes back
#: after an outage must be recognised at once. When somebody is home, only a departure is noticed
#: late.
EMPTY_WAIT_S = 15.0
#: A silence of fewer polls than this appears only in the heartbeat.
NOTED_FROM_MISSES = 2

_log = logging.getLogger(__name__)


class RouterMonitor:
    """Follows the answers and silences of the router. *known* is the record of an earlier run."""

    def __init__(self, known: RouterHealth | None) -> None:
        self.misses = 0
        #: The record to store; None until the router has answered or missed polls.
        self.health = known
        self._refusals = 0
        self._silent_since: datetime | None = None
        self._logged: Literal["", "silent", "refuses"] = ""

    def answered(self, now: datetime) -> None:
        """Record that the router has answered."""
        before, self.misses, self._refusals = self.health, 0, 0
        self._silent_since, self._logged = None, ""
        if before is None:
            self.health = RouterHealth(True, now)
        elif not before.answering:
            self.health = replace(before, answering=True, since=now, why=None)
            outage_s = max((now - before.since).total_seconds(), 0.0)
            _log.info("the router answers again, after %s", format_duration(outage_s))

    def missed(self, error: RouterError, now: datetime) -> None:
        """Record that the router failed with *error*."""
        self.misses += 1
        self._refusals = self._refusals + 1 if isinstance(error, RouterRefused) else 0
        self._silent_since = self._silent_since or now
        if self.misses >= NOTED_FROM_MISSES:
            self._record_silence(error, self._silent_since)

    def wait_s(self, poll_s: float, somebody_home: bool) -> float:
        """Return the seconds until the next poll, which are *poll_s* while the router answers."""
        failures = self._refusals or self.misses
        if not failures:
            return poll_s
        longest_s = LONGEST_WAIT_S if somebody_home or self._refusals else EMPTY_WAIT_S
        backoff = Backoff(longest_s, poll_s)
        backoff.failures = failures
        return backoff.delay_s

    def _record_silence(self, error: RouterError, since: datetime) -> None:
        """Log and record a silence once, and again when it becomes a refusal."""
        if self._logged == "refuses" or (self._logged and not self._refusals):
            return
        self._logged = "refuses" if self._refusals else "silent"
        _log.warning(
            "%s; until the router answers, it is unknown who is home, and presence arms and "
            "disarms nothing",
            error,
        )
        health = self.health or RouterHealth(False, since)
        if health.answering:
            health = replace(health, answering=False, since=since)
        self.health = replace(health, why=str(error))
