"""The health of the router: when to ask it again, and when its silence is alerted."""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Literal

from app import protocol
from app.backoff import Backoff
from app.errors import RouterError, RouterRefused
from app.protocol import Fact, RouterHealth
from app.times import format_duration, format_time

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

    def __init__(self, alert_after_s: float, known: RouterHealth | None) -> None:
        self.misses = 0
        #: The record to store; None until the router has answered or missed polls.
        self.health = known
        self._alert_after_s = alert_after_s
        self._refusals = 0
        self._silent_since: tuple[datetime, float] | None = None
        self._logged: Literal["", "silent", "refuses"] = ""

    def answered(self, now: datetime) -> Fact | None:
        """Record that the router has answered; returns the fact to publish, if any."""
        before, self.misses, self._refusals = self.health, 0, 0
        self._silent_since, self._logged = None, ""
        if before is None or not before.answering:
            self.health = RouterHealth(True, now)
        if before is None or before.answering:
            return None
        outage = format_duration(max((now - before.since).total_seconds(), 0.0))
        _log.info("the router answers again, after %s", outage)
        if not before.told:
            return None
        text = f"The router answers again, after {outage}. It is known again who is home."
        return Fact(protocol.new_fact_id(now), "router_back", now, text)

    def missed(self, error: RouterError, now: datetime, now_s: float) -> Fact | None:
        """Record that the router failed with *error*; returns the fact to publish, if any."""
        self.misses += 1
        self._refusals = self._refusals + 1 if isinstance(error, RouterRefused) else 0
        self._silent_since = self._silent_since or (now, now_s)
        since, since_s = self._silent_since
        if self.misses >= NOTED_FROM_MISSES:
            self._record_silence(error, since)
        health = self.health
        if health is None or health.answering or health.told:
            return None
        if now_s - since_s < self._alert_after_s:
            return None
        self.health = replace(health, told=True, why=str(error))
        text = (
            f"The router has not answered since {format_time(health.since, now)}: {error}. "
            "Until it does, presence arms and disarms nothing."
        )
        return Fact(protocol.new_fact_id(now), "router_silent", now, text)

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
        if self.health is None or self.health.answering:
            self.health = RouterHealth(False, since)
        self.health = replace(self.health, why=str(error))
