"""The notifier: tells the owner what happened, by every way that is configured.

    python -m app.daemons.notifier

Facts come from the stream `events`; one is acknowledged when every way has told it. What has been told is marked in
Redis, so that a kill at any moment neither loses an alert nor repeats one.
"""

import logging
import sys
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemon import Counters, Daemon, run_daemon
from app.errors import DeliveryError, ProtocolError, StateUnavailable
from app.notify import Message, Notifier, make_notifiers
from app.protocol import Fact
from app.state import TAKE_OVER_AFTER_MS, Switches

#: How long a step waits for a fact. A signal is obeyed after it.
WAIT_S = 1.0
RETRY_MAX_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Alert:
    """A fact that is to be told: by the ways in *left*. Those in *told* have told it, perhaps without a mark yet."""

    entry: str
    fact: Fact
    left: set[str]
    told: set[str] = field(default_factory=set)


class Way:
    """One way to the owner: what it has still to tell, in order, and how long it rests after a failure."""

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.name = notifier.name
        self.queue: deque[Alert] = deque()
        self.trouble: str | None = None
        self._failures = 0
        self._rest_until_s = 0.0

    def due_in_s(self, now_s: float) -> float:
        """Seconds until it should try to tell something."""
        return max(self._rest_until_s - now_s, 0.0) if self.queue else float("inf")

    def failed(self, error: DeliveryError, now_s: float) -> None:
        """Rest, for longer each time."""
        if self.trouble != str(error):
            _log.warning("%s; trying again", error)
        self.trouble = str(error)
        self._rest_until_s = now_s + min(2.0 ** min(self._failures, 10), RETRY_MAX_S)
        self._failures += 1

    def succeeded(self) -> None:
        """The first of the queue is told."""
        if self.trouble:
            _log.info("alerts go through %s again", self.notifier)
        self.trouble = None
        self._failures = 0
        self._rest_until_s = 0.0
        self.queue.popleft()


class NotifierDaemon(Daemon):
    """Tells the owner."""

    name = "notifier"
    backoff_max_s = 5.0
    redis_timeout_s = 2.0

    def __init__(self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None) -> None:
        super().__init__(folder, profile, clock)
        self._facts = self.state.facts(self.name, protocol.host_name())
        self._silence = _Silence()
        self._settings = (self.config.notify, self.config.data_dir)
        self._ways: list[Way] = []
        self._waiting: dict[str, Alert] = {}
        self._catch_up_at_s = 0.0
        self._delivered = 0
        self._held = 0

    def open(self) -> None:
        self._ways = [Way(notifier) for notifier in make_notifiers(*self._settings)]
        _log.info("alerts go to %s", " and to ".join(str(way.notifier) for way in self._ways) or "nobody: notify.backends is empty")

    def step(self) -> float:
        try:
            self._take_in()
            for way in self._ways:
                if way.due_in_s(self.clock.monotonic()) == 0:
                    self._serve(way)
        except StateUnavailable:
            self._catch_up_at_s = 0.0
            raise
        self.in_trouble("; ".join(way.trouble for way in self._ways if way.trouble) or None)
        return 0.0

    def configure(self) -> None:
        """Take over other ways to the owner; what waits is read again, since Redis has it all."""
        settings = (self.config.notify, self.config.data_dir)
        if settings == self._settings:
            return
        self.close()
        self._settings = settings
        self._waiting.clear()
        self._catch_up_at_s = 0.0
        self.open()

    def close(self) -> None:
        for way in self._ways:
            way.notifier.close()

    def counters(self) -> Counters:
        counters: Counters = {"delivered": self._delivered, "held": self._held, "waiting": len(self._waiting)}
        for way in self._ways:
            counters[f"{way.name}_waiting"] = len(way.queue)
            counters[f"{way.name}_trouble"] = way.trouble
        return counters

    def _take_in(self) -> None:
        """Wait for facts until a way has something to do. Now and then look for what was left lying, by us or by another notifier."""
        if self.clock.monotonic() >= self._catch_up_at_s:
            self._catch_up()
            self._catch_up_at_s = self.clock.monotonic() + TAKE_OVER_AFTER_MS / 1000
        wait_s = min([WAIT_S, *(way.due_in_s(self.clock.monotonic()) for way in self._ways)])
        for entry, fact in self._facts.new(wait_s):
            self._consider(entry, fact)

    def _catch_up(self) -> None:
        after = "0"
        while facts := self._facts.unfinished(after):
            for entry, fact in facts:
                if entry not in self._waiting:
                    self._consider(entry, fact)
            after = facts[-1][0]

    def _consider(self, entry: str, fact: Fact) -> None:
        """Queue *fact* if it is to be told; otherwise be done with it."""
        try:
            left = self._left_to_tell(fact)
        except ProtocolError as error:
            _log.warning("fact %s is not told: %s", fact.id, error)
            left = set()
        if not left:
            self._facts.done(entry)
            return
        alert = self._waiting[entry] = Alert(entry, fact, left)
        for way in self._ways:
            if way.name in left:
                way.queue.append(alert)

    def _left_to_tell(self, fact: Fact) -> set[str]:
        """The ways that have still to tell *fact*. Whether it is held back is asked once, before the first has told it."""
        if not fact.alert or fact.kind == "motion_ended":
            return set()
        marks = self.state.delivery_marks(fact)
        left = {way.name for way in self._ways if _mark(way) not in marks}
        if "held" in marks:
            return set()
        if left == {way.name for way in self._ways} and (reason := self._reason_to_hold()):
            _log.info("held back, since %s: %s", reason, fact.text)
            self.state.mark_delivery(fact, {"held": f"{self.clock.now().isoformat()} {reason}"})
            self._held += 1
            return set()
        return left

    def _reason_to_hold(self) -> str | None:
        return self._silence.reason(self.clock.now(), *self.state.read_strings("camera_notifications", "snoozed_until"))

    def _serve(self, way: Way) -> None:
        alert = way.queue[0]
        try:
            self._tell(way, alert)
        except DeliveryError as error:
            way.failed(error, self.clock.monotonic())
            return
        if alert.left == {way.name}:
            self._facts.done(alert.entry)
            del self._waiting[alert.entry]
            self._delivered += 1
        alert.left.discard(way.name)
        way.succeeded()

    def _tell(self, way: Way, alert: Alert) -> None:
        """Tell *alert*, unless its mark says that somebody has, and mark it. When only the mark fails, only that is done again."""
        if _mark(way) in self.state.delivery_marks(alert.fact):
            return
        if way.name not in alert.told:
            way.notifier.deliver(self._message(alert.fact))
            alert.told.add(way.name)
            _log.info("told by %s: %s", way.name, alert.fact.text)
        self.state.mark_delivery(alert.fact, {_mark(way): self.clock.now().isoformat()})

    def _message(self, fact: Fact) -> Message:
        picture = self.state.snapshot(fact.event) if fact.event else None
        return Message(protocol.opened_event(fact) or fact.id, fact.at, fact.text, fact.camera, picture)


class _Silence:
    """Why nothing may be told just now, from what Redis says; what cannot be read is reported once."""

    def __init__(self) -> None:
        self._switches = Switches()
        self._reported: str | None = None

    def reason(self, now: datetime, notifications: str | None, snoozed_until: str | None) -> str | None:
        """A few words, or None when telling is welcome."""
        if not self._switches.take("camera_notifications", notifications):
            return "camera_notifications is False"
        until = self._time(snoozed_until)
        return f"snoozed until {until.isoformat()}" if until and until > now else None

    def _time(self, found: str | None) -> datetime | None:
        """The time in *found*, taken for UTC when it does not say."""
        if found is None:
            return None
        try:
            at = datetime.fromisoformat(found)
        except ValueError:
            if found != self._reported:
                _log.warning("snoozed_until is %r in Redis; it must be a UTC time as 2026-11-20T10:15:00Z. It is ignored.", found[:40])
            self._reported = found
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)


def _mark(way: Way) -> str:
    return f"delivered:{way.name}"


if __name__ == "__main__":
    sys.exit(run_daemon(NotifierDaemon))
