"""Notices that supervisord has ended, and publishes that, once for all programs.

A killed supervisord leaves its programs running, and starts none of them again. Under systemd that
does not last; a suite that scripts/start.sh has started continues like that until a program ends.
"""

import os
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.errors import StateUnavailable
from app.protocol import Fact
from app.state import State
from app.state.connection import within
from app.times import utc_time

#: The time of the start in the environment of all programs of one supervisord.
STARTED_VARIABLE = "WHOS_THERE_STARTED"
#: The longest wait for Redis; no frame may wait longer.
_PATIENCE_S = 0.5


class SupervisorWatch:
    """Watches the parent of this process, if that is supervisord. Call `step` at each heartbeat."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._started = _started_at() if "SUPERVISOR_ENABLED" in os.environ else None
        self._parent = os.getppid()
        self._noticed = False

    def step(self) -> None:
        """Publish the end of supervisord when it was gone at the last step already.

        Programs that are being stopped together end before that.
        """
        if self._started is None or os.getppid() == self._parent:
            return
        if not self._noticed:
            self._noticed = True
            return
        now = self._clock.now()
        fact_id = protocol.derived_fact_id(self._started, f"supervisord {self._parent}")
        text = (
            f"supervisord has ended on {protocol.host_name()}: the programs still work, but one "
            "that ends is not started again. Run scripts/start.sh, which ends them and starts all "
            "again."
        )
        try:
            with within(_PATIENCE_S):
                self._state.publish(Fact(fact_id, "process_silent", now, text))
        except StateUnavailable:
            return
        self._started = None


def _started_at() -> datetime | None:
    try:
        return utc_time(os.environ.get(STARTED_VARIABLE, ""))
    except ValueError:
        return None
