"""Alerts that wait for their clip; they are published without it when it fails or is late.

They wait in a note, too: the next run publishes the alerts of a run that was killed.
"""

import json
import logging
import math
import threading
from collections import deque
from collections.abc import Callable

from app.clock import Clock
from app.daemons.security_system.spool import BROKEN, Publication, decoded, encoded

#: The seconds that an alert waits for its clip.
PATIENCE_S = 30.0

#: The number of names of each sort that are remembered.
_MOST_NAMES = 1000
#: The number of alerts published without their clip that the next run knows.
_MOST_NOTED = 20

_log = logging.getLogger(__name__)


class ClipDeadlines:
    """Publishes alerts by *publish* without their clips when these have failed or are late.

    Each alert has a name. `clip_ready` and `clip_failed` may be called from any thread, and before
    the alert waits. *keep* stores a note for the next run, in order with what is published; None
    means that there is nothing to know.
    """

    def __init__(
        self,
        publish: Callable[[Publication], None],
        clock: Clock,
        keep: Callable[[str | None], None],
    ) -> None:
        self._publish = publish
        self._keep = keep
        self._clock = clock
        self._waiting: dict[str, tuple[float, Publication]] = {}
        self._ready = deque[str](maxlen=_MOST_NAMES)
        self._failed = deque[str](maxlen=_MOST_NAMES)
        self._published = deque[str](maxlen=_MOST_NAMES)
        self._lock = threading.Lock()

    def resume(self, note: str | None) -> None:
        """Continue with the alerts in *note*, from an earlier run; it has made their last clips.

        The clip of an event may still be finished. The clip of a door that was left open may not.
        """
        if not note:
            return
        try:
            found = json.loads(note)
            waiting = {name: decoded(stored) for name, stored in found["waiting"].items()}
            self._published.extend(map(str, found["published"]))
        except (*BROKEN, AttributeError) as error:
            _log.error("alerts of an earlier run cannot be read: %s", error)
            return
        for name, alert in waiting.items():
            self.add(name, alert, 0.0 if alert.fact.kind == "left_open" else PATIENCE_S)

    def add(self, name: str, alert: Publication, patience_s: float = PATIENCE_S) -> None:
        """Publish *alert* in *patience_s* seconds unless its clip is ready before that."""
        with self._lock:
            if name in self._ready:
                return
            failed = name in self._failed
            due_s = -math.inf if failed else self._clock.monotonic() + patience_s
            self._waiting[name] = due_s, alert
            self._note()

    def clip_ready(self, name: str) -> bool:
        """Drop the alert *name*: the fact of its clip replaces it.

        Return whether that fact is the alert: False when the alert was published without it.
        """
        with self._lock:
            self._ready.append(name)
            was_published = name in self._published
            if was_published:
                self._published.remove(name)
            if self._waiting.pop(name, None) or was_published:
                self._note()
            return not was_published

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
        if due:
            with self._lock:
                self._note()

    def _note(self) -> None:
        """Keep a note of the alerts; the caller has the lock."""
        if not self._waiting and not self._published:
            self._keep(None)
            return
        waiting = {name: encoded(alert) for name, (_, alert) in self._waiting.items()}
        published = list(self._published)[-_MOST_NOTED:]
        self._keep(json.dumps({"waiting": waiting, "published": published}))
