"""Reports troubles to the owner by the usual channels, but without Redis.

It is for the few troubles in which no alert can be delivered: Redis is away, or the notifier hangs.
A thread delivers the reports, and exists only while there is something to deliver. Each report is
delivered once by each channel, whichever program delivers it and however often the programs start.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import Literal

from app.backoff import Backoff
from app.clock import Clock
from app.config import Config
from app.emergency.ledger import EmergencyReport, Ledger
from app.errors import DeliveryError
from app.notify import Message, Notifier, Topic, make_notifiers
from app.protocol import Stage
from app.times import format_duration

#: The longest rest of a channel after a failure.
RETRY_MAX_S = 300.0
_RETRY_FIRST_S = 5.0
#: The seconds between two tries to get the lock, and those after which a program that holds it
#: counts as hung.
LOCK_EVERY_S = 5.0
LOCK_PATIENCE_S = 180.0
#: The end of a trouble is no longer reported after this time.
OVER_LIFE = timedelta(days=1)
#: Channels with one of these topics get the reports: who gets alerts must know that none can come.
TOPICS_SERVED: frozenset[Topic] = frozenset({"alert", "program"})

_Part = Literal["begun", "over"]
_DONE = "done"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Change:
    """The beginning of a trouble of *subject*, or its end."""

    subject: str
    part: _Part
    at: datetime
    text: str
    since: datetime


@dataclass(slots=True)
class _Rest:
    """The rest of a channel after failures."""

    backoff: Backoff = field(default_factory=lambda: Backoff(RETRY_MAX_S, _RETRY_FIRST_S))
    until_s: float = 0.0


class EmergencyReporter:
    """Reports by the channels of *config*. `begin`, `end` and `resume` return at once."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._ledger = Ledger(config.data_dir, config.run_dir)
        self._changes: SimpleQueue[_Change] = SimpleQueue()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._rests: dict[str, _Rest] = {}
        self._notifiers: list[Notifier] | None = None

    def configure(self, config: Config) -> None:
        """Deliver by the channels of *config* from now on."""
        self._config = config
        self._notifiers = None

    def resume(self) -> None:
        """Deliver what an earlier run, or another program, has not finished."""
        if self._ledger.exists():
            self._run_thread()

    def begin(self, subject: str, text: str, since: datetime) -> None:
        """Report a trouble that *subject* is in *since* then, unless it is reported already."""
        self._changes.put(_Change(subject, "begun", self._clock.now(), text, since))
        self._run_thread()

    def end(self, subject: str, text: str) -> None:
        """Report that the trouble of *subject* is over, if it was reported.

        `{lasted}` in *text* becomes the time since the beginning, as in 7 min.
        """
        if self._thread or self._ledger.exists():
            now = self._clock.now()
            self._changes.put(_Change(subject, "over", now, text, now))
            self._run_thread()

    def is_idle(self) -> bool:
        """Return whether nothing waits to be delivered."""
        return self._thread is None

    def _run_thread(self) -> None:
        with self._lock:
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emergency", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            self._deliver_all()
        finally:
            # After a mistake, which is in the log, the next change begins again.
            if self._thread is threading.current_thread():
                self._thread = None

    def _deliver_all(self) -> None:
        refused_s = 0.0
        while True:
            self._wake.clear()
            with self._ledger.lock() as is_free:
                may_deliver = is_free or refused_s >= LOCK_PATIENCE_S
                wait_s = self._step() if may_deliver else LOCK_EVERY_S
            refused_s = 0.0 if may_deliver else refused_s + LOCK_EVERY_S
            if wait_s is None and self._has_ended():
                return
            self._wake.wait(wait_s)

    def _has_ended(self) -> bool:
        """Return whether the thread may end, since nothing has changed meanwhile."""
        with self._lock:
            if not self._changes.empty():
                return False
            self._thread = None
            for notifier in self._notifiers or ():
                notifier.close()
            self._notifiers = None
            return True

    def _step(self) -> float | None:
        """Deliver all that is due; returns the seconds until more is due, None for nothing."""
        reports = self._ledger.load()
        while not self._changes.empty():
            self._apply(self._changes.get_nowait(), reports)
        waits_s = [wait_s for report in reports if (wait_s := self._deliver(report)) is not None]
        reports[:] = [report for report in reports if not self._is_finished(report)]
        if reports:
            self._ledger.save()
        else:
            self._ledger.clear()
        return min(waits_s, default=None)

    def _apply(self, change: _Change, reports: list[EmergencyReport]) -> None:
        lasting = next(
            (one for one in reports if one.subject == change.subject and not one.over_at), None
        )
        if change.part == "begun" and lasting is None:
            _log.error("%s", change.text)
            reports.append(EmergencyReport(change.subject, change.since, change.at, change.text))
            self._ledger.save()
        elif change.part == "over" and lasting is not None:
            lasted = format_duration(max((change.at - lasting.since).total_seconds(), 0.0))
            lasting.over_at = change.at
            lasting.over_text = change.text.replace("{lasted}", lasted)
            _log.warning("%s", lasting.over_text)
            self._ledger.save()

    def _deliver(self, report: EmergencyReport) -> float | None:
        """Deliver *report*; returns the seconds until the next try, None when all is delivered.

        A beginning that no channel accepted before the end is not delivered any more.
        """
        part: _Part = "over" if report.over_at else "begun"
        if report.over_at and self._clock.now() - report.over_at > OVER_LIFE:
            return None
        waits_s = [self._deliver_by(notifier, report, part) for notifier in self._channels()]
        return min((wait_s for wait_s in waits_s if wait_s), default=None)

    def _deliver_by(self, notifier: Notifier, report: EmergencyReport, part: _Part) -> float:
        """Deliver by *notifier*; returns the seconds until the next try, 0 when it is done."""
        progress = _LedgerProgress(self._ledger, report, f"{part}:{notifier.name}")
        if progress.is_done:
            return 0.0
        rest = self._rests.setdefault(notifier.name, _Rest())
        left_s = rest.until_s - self._clock.monotonic()
        if left_s > 0:
            return left_s
        at = (report.over_at if part == "over" else None) or report.begun_at
        text = (report.over_text if part == "over" else None) or report.text
        key = f"emergency-{report.subject}-{report.begun_at:%Y%m%dT%H%M%S}-{part}"
        try:
            notifier.deliver(Message(key, at, text, topic="program"), progress)
        except DeliveryError as error:
            if not rest.backoff.failures:
                _log.warning("the report is not delivered yet: %s", error)
            wait_s = max(rest.backoff.failed(), error.retry_after_s or 0.0)
            rest.until_s = self._clock.monotonic() + wait_s
            return wait_s
        rest.backoff.reset()
        progress.finish()
        _log.info("delivered by %s, without Redis: %s", notifier.name, text)
        return 0.0

    def _channels(self) -> Iterable[Notifier]:
        notifiers = self._notifiers
        if notifiers is None:
            config = self._config
            made = make_notifiers(config.notify, config.data_dir, config.services, self._clock)
            notifiers = self._notifiers = [one for one in made if one.when & TOPICS_SERVED]
        return notifiers

    def _is_finished(self, report: EmergencyReport) -> bool:
        if report.over_at is None:
            return False
        is_old = self._clock.now() - report.over_at > OVER_LIFE
        names = [notifier.name for notifier in self._channels()]
        return is_old or all(f"over:{name}:{_DONE}" in report.stages for name in names)


class _LedgerProgress:
    """The progress of one delivery, as a `Progress` in *ledger*."""

    def __init__(self, ledger: Ledger, report: EmergencyReport, scope: str) -> None:
        self._ledger = ledger
        self._stages = report.stages
        self._scope = scope

    @property
    def is_done(self) -> bool:
        return f"{self._scope}:{_DONE}" in self._stages

    def finish(self) -> None:
        self._stages[f"{self._scope}:{_DONE}"] = "yes"
        self._ledger.save()

    def get(self, stage: Stage, of: str = "") -> str | None:
        return self._stages.get(f"{self._scope}:{stage}:{of}")

    def set(self, stage: Stage, value: str, of: str = "") -> None:
        self._stages[f"{self._scope}:{stage}:{of}"] = value
        self._ledger.save()
