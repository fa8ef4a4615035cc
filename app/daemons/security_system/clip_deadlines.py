"""Alerts that wait for their clip; they are published without it when it fails or is late."""

import math
import threading
from collections import deque
from collections.abc import Callable

from app.clock import Clock
from app.daemons.security_system.spool import Publication

#: The seconds that an alert waits for its clip.
PATIENCE_S = 30.0

#: The number of names of each sort that are remembered.
_MOST_NAMES = 1000


class ClipDeadlines:
    """Publishes alerts by *publish* without their clips when these have failed or are late.

    Each alert has a name. `clip_ready` and `clip_failed` may be called from any thread, and before
    the alert waits.
    """

    def __init__(self, publish: Callable[[Publication], None], clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._waiting: dict[str, tuple[float, Publication]] = {}
        self._ready = deque[str](maxlen=_MOST_NAMES)
        self._failed = deque[str](maxlen=_MOST_NAMES)
        self._published = deque[str](maxlen=_MOST_NAMES)
        self._lock = threading.Lock()

    def add(self, name: str, alert: Publication, patience_s: float = PATIENCE_S) -> None:
        """Publish *alert* in *patience_s* seconds unless its clip is ready before that."""
        with self._lock:
            if name in self._ready:
                return
            failed = name in self._failed
            due_s = -math.inf if failed else self._clock.monotonic() + patience_s
            self._waiting[name] = due_s, alert

    def clip_ready(self, name: str) -> bool:
        """Drop the alert *name*: the fact of its clip replaces it.

        Return whether that fact is the alert: False when the alert was published without it.
        """
        with self._lock:
            self._waiting.pop(name, None)
            self._ready.append(name)
            return name not in self._published

    def clip_failed(self, name: str) -> None:
        """Publish the alert *name* at the next step: there is no clip, at least for now."""
        with self._lock:
            self._failed.append(name)
            if name in self._waiting:
                self._waiting[name] = -math.inf, self._waiting[name][1]

    def step(self) -> None:
        """Publish the alerts that are due."""
        now_s = self._clock.monotonic()
        with self._lock:
            due = [name for name, (due_s, _) in self._waiting.items() if due_s <= now_s]
            alerts = [self._waiting.pop(name)[1] for name in due]
            self._published.extend(due)
        for alert in alerts:
            self._publish(alert)
