"""Notices that supervisord has ended or is stopped, and publishes that, once for all programs.

A killed supervisord leaves its programs running, and starts none of them again. Under systemd that
does not last; a suite that scripts/start.sh has started continues like that until a program ends.
A stopped supervisord (SIGSTOP) does not notice that a program ends.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.errors import StateUnavailable
from app.protocol import Fact
from app.state import State
from app.state.connection import within
from app.times import utc_time

#: The time of the start in the environment of all programs of one supervisord.
STARTED_VARIABLE = "WHOS_THERE_STARTED"
#: The time for which a process must be stopped.
STOPPED_S = 30.0
#: The processes, by the names that supervisord gives them, that send no heartbeats themselves.
SILENT_NAMES = ("glances", "web_server")
#: The longest wait for Redis; no frame may wait longer.
_PATIENCE_S = 0.5
_PROC = Path("/proc")


class SupervisorWatch:
    """Watches the parent of this process, if that is supervisord. Call `step` at each heartbeat.

    With *others_too* it also watches the other processes that send no heartbeats.
    """

    def __init__(self, state: State, clock: Clock, *, others_too: bool = False) -> None:
        self._state = state
        self._clock = clock
        self._others_too = others_too
        self._started = _started_at() if "SUPERVISOR_ENABLED" in os.environ else None
        self._parent = os.getppid()
        self._noticed = False
        self._stopped_since_s: dict[str, float] = {}

    def step(self) -> None:
        """Publish the end of supervisord when it was gone at the last step already.

        Programs that are being stopped together end before that.
        """
        if self._started is None:
            return
        if os.getppid() == self._parent:
            self._look_for_stopped()
            return
        if not self._noticed:
            self._noticed = True
            return
        text = (
            f"supervisord has ended on {protocol.host_name()}: the programs still work, but one "
            "that ends is not started again. Run scripts/start.sh, which ends them and starts all "
            "again."
        )
        if self._publish(self._started, f"supervisord {self._parent}", text):
            self._started = None

    def _look_for_stopped(self) -> None:
        """Publish what has been stopped for `STOPPED_S`, once a day."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        stopped = dict(self._stopped())
        known = self._stopped_since_s
        self._stopped_since_s = {name: known.get(name, now_s) for name in stopped}
        for name, since_s in self._stopped_since_s.items():
            if now_s - since_s < STOPPED_S:
                continue
            pid = stopped[name]
            text = (
                f"The process {name} of {protocol.host_name()} is stopped, so it does nothing: "
                f"“kill -CONT {pid}” lets it continue."
            )
            day = now.replace(hour=0, minute=0, second=0, microsecond=0)
            if self._publish(day, f"stopped {pid}", text):
                self._stopped_since_s[name] = float("inf")

    def _stopped(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the id of each watched process that is stopped."""
        if _is_stopped(self._parent):
            yield "supervisord", self._parent
        if self._others_too:
            for pid in filter(_is_stopped, _children(self._parent)):
                if (name := _name(pid)) in SILENT_NAMES:
                    yield name, pid

    def _publish(self, at: datetime, what: str, text: str) -> bool:
        """Publish *text*, once for each *at* and *what*; return whether Redis has it."""
        fact_id = protocol.derived_fact_id(at, what)
        with suppress(StateUnavailable), within(_PATIENCE_S):
            self._state.publish(Fact(fact_id, "process_silent", self._clock.now(), text))
            return True
        return False


def _is_stopped(pid: int) -> bool:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b") ")[2][:1] == b"T"


def _children(pid: int) -> list[int]:
    """Return the children of the process *pid*; none where the kernel does not list them."""
    try:
        return list(map(int, (_PROC / f"{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        variables = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    key = b"SUPERVISOR_PROCESS_NAME="
    return next((one[len(key) :].decode() for one in variables if one.startswith(key)), "")


def _started_at() -> datetime | None:
    try:
        return utc_time(os.environ.get(STARTED_VARIABLE, ""))
    except ValueError:
        return None
