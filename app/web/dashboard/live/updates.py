"""The state of the house as server-sent events, for pages that show it without a reload.

One thread of this process reads the state when it changes, while at least one page listens, and
wakes the pages. When a stream ends, the browser asks for another by itself.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from app.state import Changes
from app.web import STOPPING
from app.web.dashboard.live.overview import Overview

#: The least time between two readings: all programs send their heartbeats at the same moment.
PAUSE_S = 0.02
#: The time without a change after which a page gets a sign of life. It shows both ends whether the
#: other is there.
QUIET_S = 10.0
#: The most pages that listen at once; a thread serves each.
MOST_LISTENERS = 12
#: The time in milliseconds after which a browser asks for another stream.
_RETRY_MS = 300
_LOOK_S = 1.0
#: A browser passes a comment on to no script, and an event only with data.
_ALIVE = "event: alive\ndata: 1\n\n"


class Updates:
    """The newest overview, as *read* returns it, and again after *changes* of what it reads.

    Several threads may use it.
    """

    def __init__(self, read: Callable[[], Overview], changes: Callable[[], Changes]) -> None:
        self._read = read
        self._changes = changes
        self._present: Changes | None = None
        self._changed = threading.Condition()
        self._listeners = 0
        self._newest: tuple[int, str] = 0, ""
        self._thread: threading.Thread | None = None

    @property
    def is_full(self) -> bool:
        """Return whether there are `MOST_LISTENERS`."""
        return self._listeners >= MOST_LISTENERS

    def stream(self, goes_on: Callable[[], bool]) -> Iterator[str]:
        """Yield the overview, and again whenever it has changed, as server-sent events.

        It goes on as long as *goes_on* returns True.
        """
        if not self._join():
            return
        try:
            yield f"retry: {_RETRY_MS}\n\n"
            yield from self._events(goes_on)
        finally:
            with self._changed:
                self._listeners -= 1
                if self._present and not self._listeners:
                    self._present.wake()

    def _events(self, goes_on: Callable[[], bool]) -> Iterator[str]:
        sent = 0
        quiet_s = time.monotonic()
        while goes_on() and self._is_read():
            number, text = self._next(sent)
            if number != sent:
                sent = number
                yield f"data: {text}\n\n"
            elif time.monotonic() - quiet_s > QUIET_S:
                yield _ALIVE
            else:
                continue
            quiet_s = time.monotonic()

    def _is_read(self) -> bool:
        """Return whether the thread lives; a mistake may end it. The next listener starts it."""
        with self._changed:
            return self._thread is not None and self._thread.is_alive()

    def _next(self, sent: int) -> tuple[int, str]:
        """Return the newest overview, with its number, as soon as it is not number *sent*.

        After `_LOOK_S` it may be that one. Number 0 is none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest[0] not in (0, sent), _LOOK_S)
            return self._newest if self._newest[0] else (sent, "")

    def _join(self) -> bool:
        with self._changed:
            if self.is_full:
                return False
            self._listeners += 1
            if self._thread is None or not self._thread.is_alive():
                self._newest = 0, ""
                self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
                self._thread.start()
            return True

    def _run(self) -> None:
        """Read the state whenever it changes, until no page listens."""
        with closing(self._changes()) as changes:
            while self._is_needed(changes):
                if changes.wait():
                    self._take(json.dumps(self._read()))
                    STOPPING.wait(PAUSE_S)

    def _is_needed(self, changes: Changes) -> bool:
        """Return whether a page listens; otherwise this thread, which waits for *changes*, ends."""
        with self._changed:
            self._present = changes
            if self._listeners and not STOPPING.is_set():
                return True
            self._thread = self._present = None
            return False

    def _take(self, text: str) -> None:
        with self._changed:
            number, before = self._newest
            if text != before:
                self._newest = number + 1, text
                self._changed.notify_all()
