"""The outbox: each way to the owner has its own queues and threads, so that one that hangs or rests
delays no other.

A fact is acknowledged when every way that is to tell it has told it.
"""

import threading
from collections.abc import Callable, Iterable

from app.daemons.notifier.channel import Alert, Desk, Way
from app.daemons.notifier.composer import Lane, Letters
from app.notify import TOPIC_OF, Notifier
from app.protocol import Fact, opened_event

_LANES: tuple[Lane, ...] = ("alerts", "clips")


class Outbox:
    """Every way to the owner, and what each has still to tell."""

    def __init__(
        self,
        notifiers: Iterable[Notifier],
        letters: Letters,
        digest_after_s: float,
        acknowledge: Callable[[str], None],
    ) -> None:
        self.notifiers = list(notifiers)
        desk = Desk(letters, digest_after_s, self._done, self._opener, self._is_said)
        self.ways = [Way(notifier, lane, desk) for lane in _LANES for notifier in self.notifiers]
        self.delivered = 0
        self._acknowledge = acknowledge
        self._waiting: dict[str, Alert] = {}
        self._openers: dict[str, Alert] = {}
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many alerts some way has still to tell."""
        return len(self._waiting)

    @property
    def trouble(self) -> str | None:
        """What is wrong with the ways, None when nothing is."""
        return "; ".join(dict.fromkeys(way.trouble for way in self.ways if way.trouble)) or None

    def __contains__(self, entry: str) -> bool:
        return entry in self._waiting

    def tellers(self, fact: Fact) -> set[str]:
        """The names of the ways that are to tell *fact*."""
        return {
            way.name
            for way in self.ways
            if TOPIC_OF[fact.kind] in way.notifier.when and way.lane in _lanes(fact, way.notifier)
        }

    def start(self) -> None:
        for way in self.ways:
            way.worker.start()

    def check(self) -> None:
        """Raise `RuntimeError` when the thread of a way has died of a mistake."""
        for way in self.ways:
            way.worker.check()

    def add(self, entry: str, fact: Fact, left: set[str]) -> None:
        """Tell *fact* by the ways in *left*."""
        alert = Alert(entry, fact, set(left))
        event = opened_event(fact)
        with self._lock:
            self._waiting[entry] = alert
            if event:
                self._openers[event] = alert
        for way in self.ways:
            if way.name in left:
                way.add(alert)

    def hurry(self) -> None:
        """Let no way rest any longer: what it failed for may be mended."""
        for way in self.ways:
            way.hurry()

    def ask_to_stop(self) -> None:
        """Begin to tell nothing more."""
        for way in self.ways:
            way.worker.ask_to_stop()

    def has_ended(self) -> bool:
        """Whether every way is at rest; lets go of those that are."""
        busy = {way.name for way in self.ways if not way.worker.has_ended()}
        for notifier in self.notifiers:
            if not any(way.name in busy for way in self.ways if way.notifier is notifier):
                notifier.close()
        return not busy

    def _opener(self, event: str | None) -> Alert | None:
        return self._openers.get(event or "")

    def _is_said(self, trouble: str) -> bool:
        return any(way.trouble == trouble for way in self.ways)

    def _done(self, alert: Alert, name: str) -> None:
        """The way *name* is done with *alert*; when it was the last, the fact is acknowledged."""
        with self._lock:
            if alert.left == {name}:
                self._acknowledge(alert.entry)
                del self._waiting[alert.entry]
                self._openers.pop(opened_event(alert.fact) or "", None)
                self.delivered += 1
            alert.left.discard(name)


def _lanes(fact: Fact, notifier: Notifier) -> tuple[Lane, ...]:
    """By which of its queues *notifier* tells *fact*: what has a film comes with it, and before it
    where films come below.
    """
    if fact.file is None:
        return ("alerts",)
    return _LANES if fact.kind == "left_open" and notifier.clips_in_threads else ("clips",)
