"""The notifier: delivers facts to the owner, by every channel that is configured.

    python -m app.daemons.notifier

Facts come from the stream `events`. A fact is acknowledged when every channel that is to deliver it
has done so, and each delivery is marked in Redis; so a kill at any moment loses no alert and
repeats none. This loop only reads facts, decides which are held back, and watches the other
programs' heartbeats. Deliveries and replies have threads of their own.
"""

import logging
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemon import Counters, Daemon
from app.daemons.notifier.heartbeat_monitor import HeartbeatMonitor
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.mute import READS, Mute
from app.daemons.notifier.outbox import Outbox
from app.daemons.notifier.progress import delivered_mark
from app.daemons.notifier.workers import NotifierWorkers, make_workers, worker_settings
from app.emergency.redis_watch import RedisWatch
from app.emergency.reporter import EmergencyReporter
from app.errors import ProtocolError, StateUnavailable
from app.notify.slack.replies import SlackReplies
from app.programs import expected_programs
from app.protocol import Fact, Stage
from app.protocol.deliveries import HELD, UNTOLD, stage_mark
from app.state import TAKE_OVER_AFTER_MS

#: The longest time that a step waits for a fact. A signal is obeyed after it.
WAIT_S = 1.0
#: The time after which the owner is notified that Redis is away, without Redis.
REDIS_AWAY_S = 60.0
#: The longest wait at the end for deliveries that are in progress.
PATIENCE_S = 0.6
LOOK_S = 0.02
#: The seconds between two checks whether the threads of the former configuration have ended.
FORMER_LOOK_S = 0.1

_log = logging.getLogger(__name__)


class NotifierDaemon(Daemon):
    """Delivers facts to the owner."""

    name = "notifier"
    backoff_max_s = 5.0
    redis_timeout_s = 2.0

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._facts = self.state.facts(self.name, protocol.host_name())
        self._mute = Mute()
        self._journal = DeliveryJournal(self.config.data_dir / "notifier" / "journal")
        self._settings = worker_settings(self.config)
        self._workers = self._make_workers()
        self._former: list[NotifierWorkers] = []
        self._monitor = self._make_monitor()
        self._started = False
        self._catch_up_at_s = 0.0
        self._held = 0
        self._reporter = EmergencyReporter(self.config, self.clock)
        self._redis_watch = RedisWatch(self.config, self.clock, self._reporter, REDIS_AWAY_S)

    def open(self) -> None:
        self._journal.open()
        self._reporter.resume()
        self._log_channels()
        self._workers.clips.tidy()

    def step(self) -> float:
        self._workers.check()
        self._former = [workers for workers in self._former if not workers.has_ended()]
        if self._former:
            return FORMER_LOOK_S
        try:
            self._read_facts()
            self._monitor.step()
        except StateUnavailable as error:
            self._catch_up_at_s = 0.0
            self._monitor.interrupted()
            self._redis_watch.away(error)
            raise
        self._redis_watch.back()
        self.report_trouble(self._outbox.trouble)
        return 0.0

    def configure(self) -> None:
        """Change to other channels as soon as the threads of the former channels have ended.

        Everything that waits is in Redis, and is read again.
        """
        self._monitor = self._make_monitor()
        self._reporter.configure(self.config)
        settings = worker_settings(self.config)
        if settings == self._settings:
            self._outbox.retry_now()
            return
        self._settings = settings
        self._dismiss_workers()
        self._workers = self._make_workers()
        self._started = False
        self._catch_up_at_s = 0.0
        self._log_channels()

    def close(self) -> None:
        self._dismiss_workers()
        until_s = self.clock.monotonic() + PATIENCE_S
        while not self._all_ended() and self.clock.monotonic() < until_s:
            self.clock.sleep(LOOK_S)
        self._journal.close()

    def counters(self) -> Counters:
        counters: Counters = {
            "delivered": self._outbox.delivered,
            "held": self._held,
            "waiting": self._outbox.waiting,
        }
        channels = self._outbox.channels
        digesting = [
            one for one in channels if one.notifier.makes_digests and one.queue == "alerts"
        ]
        counters["channel_waiting"] = {one.name: one.waiting for one in channels}
        counters["channel_trouble"] = {one.name: one.trouble for one in channels}
        counters["channel_digests"] = {one.name: one.digests for one in digesting}
        counters["channel_repeated"] = {
            one.name: one.notifier.possible_repeats for one in digesting
        }
        counters["channel_oldest_s"] = {
            one.name: self._outbox.oldest_s(one.name) for one in channels if one.queue == "alerts"
        }
        counters["replied"] = self._workers.requests.replied
        counters["requests_waiting"] = self._workers.requests.waiting
        return counters

    @property
    def _outbox(self) -> Outbox:
        return self._workers.outbox

    def _log_channels(self) -> None:
        channels = " and to ".join(str(notifier) for notifier in self._outbox.notifiers)
        _log.info("alerts are delivered to %s", channels or "nobody: notify.backends is empty")

    def _make_workers(self) -> NotifierWorkers:
        return make_workers(
            self._settings, self.state, self.clock, self._facts.acknowledge, self._journal
        )

    def _make_monitor(self) -> HeartbeatMonitor:
        own = protocol.heartbeat_key(self.name, protocol.host_name())
        return HeartbeatMonitor(self.state, self.clock, own, expected_programs(self.config))

    def _dismiss_workers(self) -> None:
        """Let each thread end after its present step."""
        self._workers.ask_to_stop()
        self._former.append(self._workers)

    def _all_ended(self) -> bool:
        return all(workers.has_ended() for workers in self._former)

    def _read_facts(self) -> None:
        """Read new facts, and sometimes also facts that a notifier left unfinished."""
        if self.clock.monotonic() >= self._catch_up_at_s:
            for entry, fact in self._facts.all_unfinished():
                if entry not in self._outbox:
                    self._accept(entry, fact, read_before=True)
            self._catch_up_at_s = self.clock.monotonic() + TAKE_OVER_AFTER_MS / 1000
        if not self._started:
            # The threads start when all waiting facts are here: a digest must contain all of them.
            while fresh := self._facts.new(0):
                for entry, fact in fresh:
                    self._accept(entry, fact)
            self._workers.start()
            self._started = True
        for entry, fact in self._facts.new(WAIT_S):
            self._accept(entry, fact)

    def _accept(self, entry: str, fact: Fact, *, read_before: bool = False) -> None:
        """Pass *fact* to the outbox, or acknowledge it when there is nothing to deliver.

        What was read before, or published before this start, may have been delivered already.
        """
        try:
            if fact.kind == "motion_corrected":
                self._correct(entry, fact)
                return
            names = self._remaining(fact)
        except ProtocolError as error:
            _log.warning("fact %s is not delivered: %s", fact.id, error)
            names = set()
        if names:
            is_doubtful = read_before or fact.at < self._started_at
            self._outbox.enqueue(entry, fact, names, is_doubtful=is_doubtful)
        else:
            self._facts.acknowledge(entry)

    def _correct(self, entry: str, fact: Fact) -> None:
        """Let Slack show the correction *fact* in the alert; no other channel can do that."""
        corrections = self._workers.corrections
        if corrections and SlackReplies.name in self._outbox.channels_for(fact):
            corrections.accept(entry, fact)
        else:
            self._facts.acknowledge(entry)

    def _remaining(self, fact: Fact) -> set[str]:
        """Return the names of the channels that must still deliver *fact*; none when it is held.

        The decision to hold it back is made once, before the first channel delivers it.
        """
        names = self._channels_for(fact)
        if not names:
            return names
        marks = self.state.delivery_marks(fact) | self._journal.marks(fact.id)
        if HELD.name in marks:
            return set()
        remaining = {name for name in names if delivered_mark(name) not in marks}
        is_new = remaining == names and not _has_begun(marks, names)
        if is_new and (reason := self._reason_to_hold(fact)):
            _log.info("held back, since %s: %s", reason, fact.text)
            held = {HELD.name: f"{self.clock.now().isoformat()} {reason}"}
            self._journal.write([fact.id], held, sync=False)
            self.state.mark_delivery(fact, held)
            self._held += 1
            return set()
        return remaining

    def _channels_for(self, fact: Fact) -> set[str]:
        """Return the names of the channels that deliver *fact*, or have delivered it.

        An event that is no alert, and of which none was held back, gets a mark, which its clips
        need.
        """
        if not fact.alert:
            event = protocol.opened_event(fact)
            if event and not self.state.event_fields(event).get("decision"):
                self.state.mark_event(event, {UNTOLD.name: "no alert"})
            return set()
        if fact.file:
            # A wrong id raises here, before the fact is in any queue.
            protocol.event_started_at(fact.event or "")
        return self._outbox.channels_for(fact)

    def _reason_to_hold(self, fact: Fact) -> str | None:
        return self._mute.reason(fact, self.clock.now(), *self.state.read_strings(*READS))


def _has_begun(marks: dict[str, str], names: set[str]) -> bool:
    """Return whether a channel may have delivered a fact, or a part, before a kill."""
    begun = (stage_mark(name, stage) for name in names for stage in (Stage.POSTING, Stage.DIGEST))
    return any(marks.get(mark) for mark in begun)
