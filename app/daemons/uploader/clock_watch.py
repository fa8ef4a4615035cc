"""Notices that the time of day was set by more than a minute, and publishes that once.

The times of events, the pictures' names and the retention follow the time of day. It is compared
with the time since the start of the machine, which also counts while the machine sleeps.

A Pi has no clock of its own while it is off. It starts with the time at which it was switched off,
and gets the present time from the network. So the first step forward after a start is normal.
"""

import logging
from datetime import datetime, timedelta

from app import protocol
from app.clock import Clock
from app.protocol import Fact
from app.state import State
from app.times import format_duration

#: A smaller step is none.
LEAST_STEP_S = 60.0
#: A program that begins this soon after the start of the machine sees the first step after it.
SOON_S = 600.0
#: The shortest time between two messages; steps in between are only logged.
QUIET_S = 3600.0

_log = logging.getLogger(__name__)


class ClockWatch:
    """Compares the clocks at each `step`, which may raise `StateUnavailable`."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._offset_s = self._offset()
        self._may_be_wrong = clock.since_boot() < SOON_S
        self._quiet_until_s = 0.0
        self._waiting: Fact | None = None

    def step(self) -> None:
        """Publish a step of the clock since the last call."""
        offset_s = self._offset()
        step_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(step_s) >= LEAST_STEP_S:
            self._noticed(step_s, self._clock.now())
        if self._waiting:
            self._state.publish(self._waiting)
            self._waiting = None

    def _noticed(self, step_s: float, now: datetime) -> None:
        text = _text(step_s, now)
        _log.warning("%s", text)
        if step_s > 0 and self._may_be_wrong:
            self._may_be_wrong = False
            return
        if self._clock.since_boot() < self._quiet_until_s:
            return
        self._quiet_until_s = self._clock.since_boot() + QUIET_S
        self._waiting = Fact(protocol.new_fact_id(now), "clock_stepped", now, text)

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.since_boot()


def _text(step_s: float, now: datetime) -> str:
    way = "forward" if step_s > 0 else "back"
    before = (now - timedelta(seconds=step_s)).astimezone()
    return (
        f"The clock of {protocol.host_name()} was set {way} by {format_duration(abs(step_s))}, "
        f"from {before:%Y-%m-%d %H:%M:%S} to {now.astimezone():%Y-%m-%d %H:%M:%S}. The times of "
        "events before that may be wrong. If you did not set it, look at “timedatectl”: the time "
        "should come from the network (“sudo timedatectl set-ntp true”)."
    )
