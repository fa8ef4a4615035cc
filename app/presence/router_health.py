"""Whether the router answers: when to ask it again, and when the owner is to hear of its
silence.
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Literal

from app import protocol
from app.errors import RouterError, RouterRefused
from app.protocol import Fact, RouterHealth
from app.times import format_duration, format_time

#: The longest wait for a router that does not answer, or refuses the password and may lock out who
#: tries too often.
LONGEST_WAIT_S = 300.0
#: The longest wait while nobody is home: who comes back after an outage is to be recognised as soon
#: as ever, and to knock so often harms nobody. When somebody is home all that comes later is a
#: departure.
EMPTY_WAIT_S = 15.0
#: A silence of fewer polls than this is a hiccup, and told nowhere but in the heartbeat.
NOTED_FROM_MISSES = 2

_log = logging.getLogger(__name__)


class RouterWatch:
    """Follows the answers and silences of the router. *known* is what an earlier run noted of
    it.
    """

    def __init__(self, alert_after_s: float, known: RouterHealth | None) -> None:
        self.misses = 0
        #: What is to be noted of the router; None until it has answered or missed.
        self.health = known
        self._alert_after_s = alert_after_s
        self._refusals = 0
        self._silent_since: tuple[datetime, float] | None = None
        self._logged: Literal["", "silent", "refuses"] = ""

    def answered(self, now: datetime) -> Fact | None:
        """It has answered; returns what the owner is to hear of that."""
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
        return Fact(
            protocol.new_fact_id(now),
            "router_back",
            now,
            f"The router answers again, after {outage}. Who is home is known.",
        )

    def missed(self, error: RouterError, now: datetime, now_s: float) -> Fact | None:
        """It has not answered, for *error*; returns what the owner is to hear of that."""
        self.misses += 1
        self._refusals = self._refusals + 1 if isinstance(error, RouterRefused) else 0
        since, since_s = self._silent_since = self._silent_since or (now, now_s)
        if self.misses >= NOTED_FROM_MISSES:
            self._note(error, since)
        if (
            not self.health
            or self.health.answering
            or self.health.told
            or now_s - since_s < self._alert_after_s
        ):
            return None
        self.health = replace(self.health, told=True, why=str(error))
        text = (
            f"The router has not answered since {format_time(self.health.since, now)}: {error}. Until it "
            "does, presence arms and disarms nothing."
        )
        return Fact(protocol.new_fact_id(now), "router_silent", now, text)

    def wait_s(self, poll_s: float, somebody_home: bool) -> float:
        """How long to wait until the router is asked again, if *poll_s* is the wait while it
        answers.
        """
        longest_s = LONGEST_WAIT_S if somebody_home or self._refusals else EMPTY_WAIT_S
        failures = self._refusals or self.misses
        return poll_s if not failures else min(poll_s * 2.0 ** min(failures - 1, 10), longest_s)

    def _note(self, error: RouterError, since: datetime) -> None:
        """Log and note a silence once, and once more when it turns out that somebody has to do
        something about it.
        """
        if self._logged == "refuses" or (self._logged and not self._refusals):
            return
        self._logged = "refuses" if self._refusals else "silent"
        _log.warning(
            "%s; who is home is unknown until the router answers, and nothing is armed or "
            "disarmed for it",
            error,
        )
        before = (
            RouterHealth(False, since)
            if self.health is None or self.health.answering
            else self.health
        )
        self.health = replace(before, why=str(error))
