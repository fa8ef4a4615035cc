"""The notifier: delivers facts to the owner, by every channel that is configured.

    python -m app.daemons.notifier

Facts come from the stream `events`. A fact is acknowledged when every channel that is to deliver it
has done so, and each delivery is marked in Redis; so a kill at any moment loses no alert and
repeats none. Reading, deliveries and replies have threads of their own. This loop only watches the
other programs' heartbeats, and the machine.
"""

import logging
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemon import Counters, Daemon
from app.daemons.notifier.heartbeat_monitor import HeartbeatMonitor
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.machine_monitor import MachineMonitor
from app.daemons.notifier.outbox import Outbox
from app.daemons.notifier.workers import NotifierWorkers, make_workers, worker_settings
from app.emergency.redis_watch import RedisWatch
from app.emergency.reporter import EmergencyReporter
from app.errors import StateUnavailable
from app.programs import expected_programs
from app.protocol import Heartbeat

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
    watches_others = True

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._facts = self.state.facts(self.name, protocol.host_name())
        self._journal = DeliveryJournal(self.config.data_dir / "notifier" / "journal")
        self._settings = worker_settings(self.config)
        self._workers = self._make_workers()
        self._former: list[NotifierWorkers] = []
        self._monitor = self._make_monitor()
        self._machine = MachineMonitor(self.state, self.clock, self.config.data_dir)
        self._started = False
        self._reporter = EmergencyReporter(self.config, self.clock)
        self._redis_watch = RedisWatch(self.config, self.clock, self._reporter, REDIS_AWAY_S)
        # Why Redis has refused the last heartbeat: it may still answer what reads.
        self._refusal: str | None = None

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
            self._start_workers()
            if trouble := self._workers.intake.trouble or self._refusal:
                raise StateUnavailable(trouble)
            self._monitor.step()
            self._machine.step()
        except StateUnavailable as error:
            self._monitor.interrupted()
            self._redis_watch.away(error)
            raise
        self._redis_watch.back()
        self.report_trouble(self._outbox.trouble)
        return min(self._monitor.wait_s(), self._machine.wait_s())

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Write *heartbeat* to Redis; what Redis refuses counts as Redis being away."""
        try:
            super().send_heartbeat(key, heartbeat)
        except StateUnavailable as error:
            self._refusal = str(error)
            raise
        self._refusal = None

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
            "held": self._workers.intake.held,
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
            self._settings,
            self.state,
            self.clock,
            self._facts.acknowledge,
            self._journal,
            started_at=self._started_at,
            trouble_changed=self.wake,
        )

    def _start_workers(self) -> None:
        """Start the threads, once, when all waiting facts are here: a digest must have all."""
        if not self._started:
            self._workers.intake.read_waiting()
            self._workers.start()
            self._started = True

    def _make_monitor(self) -> HeartbeatMonitor:
        own = protocol.heartbeat_key(self.name, protocol.host_name())
        return HeartbeatMonitor(self.state, self.clock, own, expected_programs(self.config))

    def _dismiss_workers(self) -> None:
        """Let each thread end after its present step."""
        self._workers.ask_to_stop()
        self._former.append(self._workers)

    def _all_ended(self) -> bool:
        return all(workers.has_ended() for workers in self._former)
