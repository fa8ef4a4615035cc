"""Publishes that a damaged log of Redis was set aside when Redis was started."""

from contextlib import suppress
from pathlib import Path

from app import protocol
from app.launcher import redis_traces
from app.protocol import Fact
from app.state import State


class RedisRepairs:
    """The logs that were set aside in *folder*.

    Each is published once: the fact's id follows from the trace.
    """

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self._folder = folder
        self._published: set[Path] = set()
        self._looked_at: int | None = None

    def step(self, log_changes: int) -> None:
        """Publish what is new, if *log_changes* is. May raise `StateUnavailable`."""
        if log_changes == self._looked_at:
            return
        for path, trace in redis_traces.unpublished(self._folder):
            if path not in self._published:
                fact = protocol.derived_fact_id(trace.time, trace.text)
                self._state.publish(Fact(fact, "redis_trouble", trace.time, trace.text))
                self._published.add(path)
            with suppress(OSError):  # on a read-only disk the next run publishes the same fact
                redis_traces.set_published(path)
        self._looked_at = log_changes
