"""Keeps Redis writable while its disk is full.

Redis keeps its log on the same card as the recordings, and refuses every write when it cannot
append to that log. No alert would be delivered. So Redis is set to keep everything in memory only,
and to keep its log again when there is room. It then writes a complete new log.

The change is recorded in Redis itself, where it is kept as long as that server runs. A server that
restarts has neither the record nor the change. The record and the change are sent in one message:
the record cannot be sent before, since Redis accepts no writes until then.

It also checks whether the settings of Redis are still the ones that we need, since anybody can
change them while Redis runs.

A Redis that was started while the disk accepted no files has no log on it from the beginning
(`app.launcher.redis_starter`). Its log is in memory, which is too small for it, so it is switched
off, and later switched on where it was before.
"""

import logging
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app import protocol
from app.clock import Clock
from app.errors import ProtocolError, StateUnavailable
from app.files import free_bytes, refusal
from app.launcher import redis_log, redis_traces
from app.launcher.redis_traces import Trace, new_trace
from app.protocol.address import is_here
from app.state import State

CHECK_EVERY_S = 15.0
#: The time between two checks while the disk is nearly full, and the free bytes below which it is.
NEARLY_FULL_EVERY_S = 2.0
_NEARLY_FULL_BYTES = 32 * 2**20
#: The free bytes that a new log needs, in addition to twice the size of Redis's data.
_ROOM_BYTES = 8 * 2**20
#: The settings that make a server refuse writes when it cannot write its log, or a snapshot of its
#: whole memory.
_LOG, _SNAPSHOTS = "appendonly", "stop-writes-on-bgsave-error"
_MEMORY_ONLY = "Redis keeps its data in memory only until the disk accepts it"

_log = logging.getLogger(__name__)


class RedisDisk:
    """Keeps the Redis at *url* writable if it runs on this machine.

    *data_dir* is on the disk that may be full.
    """

    def __init__(self, state: State, url: str, data_dir: Path, clock: Clock) -> None:
        self._state = state
        self._is_ours = is_here(url)
        self._data_dir = data_dir
        self._clock = clock
        self._record = f"redis-{protocol.host_name()}"
        self._folder = data_dir / "redis"
        self._memory = redis_traces.memory_folder(data_dir / "run")
        self._pid: int | None = None
        #: The number of times that the log may have been set aside.
        self.log_changes = 0
        #: The trace of a Redis that was started without its log; None when it was started with it.
        self.started_without_log: Trace | None = None
        #: What somebody has changed in the settings of Redis, with the cure; None for nothing.
        self.unfit: str | None = None
        self._has_had_log = False
        self._checked_s = -math.inf
        self._every_s = CHECK_EVERY_S
        #: The trouble now; None while there is none.
        self.trouble: str | None = None

    def step(self) -> None:
        """Check if it is time. May raise `StateUnavailable`."""
        if not self._is_ours:
            return
        free = self._free()
        if free < _NEARLY_FULL_BYTES:
            self.hurry()
        if self.due_in_s() > 0:
            return
        self._checked_s, self._every_s = self._clock.monotonic(), CHECK_EVERY_S
        try:
            facts = self._state.server_facts()
        except ProtocolError as error:
            _log.warning("Redis cannot be kept writable on a full disk: %s", error)
            self._is_ours = False
            return
        self._look_for_trace(facts)
        if self.started_without_log:
            self._move_log_back(self.started_without_log, facts, free)
            return
        recorded = self._state.delivery_marks(self._record)
        off = [setting for setting in (_LOG, _SNAPSHOTS) if recorded.get(setting)]
        self.unfit = self._why_unfit(facts, off)
        if refusing := [setting for setting in _refusing(facts) if setting not in off]:
            self._switch_off(refusing)
            return
        still_off = [setting for setting in off if not self._switch_on(setting, facts, free)]
        if not still_off:
            self.trouble = None

    def _why_unfit(self, facts: Mapping[str, Any], off: list[str]) -> str | None:
        """Return what is wrong with the settings of Redis; what is *off* was our own act."""
        policy = str(facts.get("maxmemory_policy", ""))
        if policy.startswith("allkeys"):
            return (
                f"Redis deletes any data when its memory is full (maxmemory-policy {policy}), so "
                "alerts could be lost or come twice. “CONFIG SET maxmemory-policy noeviction” in "
                "scripts/redis-cli.sh ends that."
            )
        has_log = bool(facts.get("aof_enabled"))
        self._has_had_log |= has_log
        if has_log or not self._has_had_log or _LOG in off:
            return None
        return (
            "Somebody has switched the log of Redis off, so a restart would lose switches and "
            "waiting alerts. “CONFIG SET appendonly yes” in scripts/redis-cli.sh switches it on."
        )

    def due_in_s(self) -> float:
        """Return the seconds until the next check is due; infinite if it never is."""
        if not self._is_ours:
            return math.inf
        return max(self._checked_s + self._every_s - self._clock.monotonic(), 0.0)

    def hurry(self) -> None:
        """Check soon: Redis has refused something."""
        self._every_s = NEARLY_FULL_EVERY_S

    def _look_for_trace(self, facts: Mapping[str, Any]) -> None:
        """Find out of each new server whether it was started without its log."""
        pid = facts.get("process_id")
        if pid != self._pid:
            trace = redis_traces.read_no_log(self._memory)
            self.started_without_log = trace if trace and trace.pid == pid else None
            self._pid = pid
            self.log_changes += 1

    def _move_log_back(self, trace: Trace, facts: Mapping[str, Any], free: int) -> None:
        """Switch off the log in memory, or the log on the disk on when that accepts files again."""
        self.trouble = trace.text
        try:
            is_moved = self._state.server_setting("dir") == str(self._folder)
            if not is_moved and facts.get("aof_enabled"):
                self._state.set_server(_LOG, "no")
                shutil.rmtree(
                    self._memory / redis_traces.VIEW / redis_log.FOLDER, ignore_errors=True
                )
            if free < _needed_bytes(facts) or refusal(self._folder):
                return
            if not is_moved:
                self._set_old_log_aside(trace)
                self._state.set_server("dir", str(self._folder))
            self._state.set_server(_LOG, "yes")
        except (ProtocolError, OSError) as error:
            if isinstance(error, StateUnavailable):
                raise
            self._complain(f"Redis cannot keep its log again, so restart the suite: {error}")
            return
        redis_traces.clear_no_log(self._memory)
        _log.info("the disk accepts files, and Redis keeps its log there again")
        self.started_without_log = self.trouble = None

    def _set_old_log_aside(self, trace: Trace) -> None:
        """Keep a log that Redis could not load completely: the new one would replace it."""
        if trace.whole or not redis_log.exists(self._folder):
            return
        kept = redis_log.new_kept(self._folder)
        text = (
            "Redis could not load all of its log while the disk accepted no files. That log is "
            f"kept in {kept}."
        )
        redis_log.set_aside(self._folder, kept, new_trace(text, kept))
        self.log_changes += 1

    def _free(self) -> int:
        """Return the free bytes; 0 for a disk that cannot be read, such as a removed one."""
        try:
            return free_bytes(self._data_dir)
        except OSError:
            return 0

    def _switch_off(self, settings: list[str]) -> None:
        try:
            self._state.set_server_and_mark(dict.fromkeys(settings, "no"), self._record)
        except ProtocolError as error:
            self._complain(
                "Redis accepts no writes, since its disk is full, and its settings may not be "
                f"changed: {error}"
            )
            return
        self._complain("the disk accepts no files, so Redis keeps its data in memory only")

    def _switch_on(self, setting: str, facts: Mapping[str, Any], free: int) -> bool:
        """Turn *setting* on again if there is room; returns whether it is on.

        A server that has restarted has it on already.
        """
        self.trouble = self.trouble or _MEMORY_ONLY
        # This renews the record, which would expire otherwise.
        self._state.mark_delivery(self._record, {setting: "no"})
        waits = setting == _SNAPSHOTS and facts.get("rdb_last_bgsave_status") == "err"
        if waits or free < _needed_bytes(facts):
            return False
        try:
            self._state.set_server(setting, "yes")
        except ProtocolError as error:
            self._complain(
                f"Redis keeps its data in memory only, since it cannot keep its log again: {error}"
            )
            return False
        self._state.mark_delivery(self._record, {setting: ""})
        _log.info("there is room on the disk, and Redis keeps its data there again (%s)", setting)
        return True

    def _complain(self, trouble: str) -> None:
        if self.trouble != trouble:
            _log.error("%s", trouble)
        self.trouble = trouble


def _needed_bytes(facts: Mapping[str, Any]) -> int:
    """Return the free bytes that a new log needs."""
    return 2 * int(facts.get("used_memory", 0)) + _ROOM_BYTES


def _refusing(facts: Mapping[str, Any]) -> Iterator[str]:
    """Return the settings that make the server with these *facts* refuse writes now."""
    if facts.get("aof_enabled") and facts.get("aof_last_write_status") == "err":
        yield _LOG
    if facts.get("rdb_last_bgsave_status") == "err":
        yield _SNAPSHOTS
