"""Publishers of the camera front, as its program starts them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from app.clock import Clock, FakeClock, SystemClock
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Spool
from app.recording.event_folder import EventFolders
from app.state import State
from tests.daemons.facts import facts
from tests.waiting import until


@contextlib.contextmanager
def publishing(state: State, folder: Path, clock: Clock | None = None) -> Iterator[Publisher]:
    """A publisher that works until the end of the block, and has its files in *folder*."""
    spool = Spool(folder / "spool")
    publisher = Publisher("front", state, EventFolders(folder), spool, clock or SystemClock())
    publisher.open()
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


class Runs:
    """The runs of the program, one after another, for a part of it that a test steps.

    All runs share the fake *clock*, *folder* and the Redis at *url*, of which *raw* is a client.
    """

    def __init__(self, folder: Path, url: str, raw: redis.Redis) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self._url = url
        self._raw = raw
        self._run = contextlib.ExitStack()

    def start(self) -> Publisher:
        """End the present run, and start the next one; returns its publisher."""
        self.end()
        state = self._run.enter_context(contextlib.closing(State(self._url, 1.0)))
        return self._run.enter_context(publishing(state, self.folder))

    def end(self) -> None:
        """End the present run, if there is one."""
        self._run.close()

    def note(self, name: str) -> Path:
        """The file of the note *name*."""
        return self.folder / "spool" / name

    def published(self, count: int) -> list[dict[str, Any]]:
        """Wait until *count* facts are published; returns them."""
        return until(lambda: found if len(found := facts(self._raw)) == count else None, "facts")
