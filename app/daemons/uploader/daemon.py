"""The uploader: uploads recordings to the stores, and keeps the disk within its limits.

    python -m app.daemons.uploader

The stores, the disk, and the wait for events whose files are urgent have threads of their own. The
loop here reports troubles, and watches the notifier.
"""

import logging
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from threading import Lock

from app import protocol
from app.clock import Clock
from app.config import Config
from app.daemon import Counters, Daemon
from app.daemons.uploader.clock_watch import ClockWatch
from app.daemons.uploader.notifier_watch import NotifierWatch
from app.daemons.uploader.redis_disk import RedisDisk
from app.daemons.uploader.redis_repairs import RedisRepairs
from app.daemons.uploader.set_aside import SetAside
from app.daemons.uploader.urgent_facts import UrgentFacts
from app.daemons.uploader.workers import UploadWorkers, copies_folder
from app.emergency.redis_watch import RedisWatch
from app.emergency.reporter import EmergencyReporter
from app.errors import ProtocolError, StateUnavailable
from app.launcher.specs import redis_folder
from app.programs import Program, heartbeat_key_of
from app.protocol import Heartbeat
from app.protocol.deliveries import UPLOADED
from app.state.trouble_alerts import TroubleAlerts, TroubleKind
from app.uploads.folder_reader import UploadFile

#: The time between two steps while all is well.
WAIT_S = 5.0
#: The time after which the owner is notified that Redis is away, unless the notifier has done so.
REDIS_AWAY_S = 120.0
#: The same on a machine without a notifier: the machine that has it reports most outages.
REDIS_AWAY_ELSEWHERE_S = 600.0
#: The longest wait at the end for uploads in progress, and the time between two checks.
END_WAIT_S = 2.0
END_CHECK_EVERY_S = 0.02
#: An event that is not in Redis after this time will never be there. Nor will an event from a clock
#: that was ahead for longer.
UNKNOWN_AFTER = timedelta(days=1)
STORES = ("s3", "folder", "dropbox")
_REDIS_LOG = TroubleKind(
    "redis log",
    "redis_trouble",
    "redis_ok",
    "Redis keeps its log on the disk again.",
    comes_and_goes="The log of Redis on the disk comes and goes",
)
_REDIS_SETTINGS = TroubleKind(
    "redis settings",
    "redis_trouble",
    "redis_ok",
    "The settings of Redis are right again.",
    comes_and_goes="Wrong settings of Redis come and go",
)
_DISK = TroubleKind(
    "disk",
    "disk_low",
    "disk_ok",
    "All is well with the disk again.",
    comes_and_goes="The trouble of the disk comes and goes",
)

_log = logging.getLogger(__name__)


class Uploader(Daemon):
    """Uploads recordings to the stores, and keeps the disk within its limits."""

    name = "uploader"
    backoff_max_s = 5.0
    redis_timeout_s = 2.0

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._urgent_facts = UrgentFacts(self.config.redis.url, self.name, self._hurry)
        self._redis_disk = RedisDisk(
            self.state, self.config.redis.url, self.config.data_dir, self.clock
        )
        self._redis_repairs = RedisRepairs(self.state, redis_folder(self.config))
        self._set_aside = SetAside(self.config.data_dir, redis_folder(self.config), self.clock)
        self._trouble_alerts = TroubleAlerts(self.name, self.state, self.clock)
        self._settings = _settings(self.config)
        self._folder_locks: defaultdict[Path | None, Lock] = defaultdict(Lock)
        self._workers = self._make_workers()
        self._former_workers: list[UploadWorkers] = []
        reporter = EmergencyReporter(self.config, self.clock)
        self._reporter = reporter
        self._notifier_watch = NotifierWatch(self.config, self.state, self.clock, reporter)
        away_s = REDIS_AWAY_S if self._notifier_watch.is_expected else REDIS_AWAY_ELSEWHERE_S
        self._redis_watch = RedisWatch(self.config, self.clock, reporter, away_s)
        self._clock_watch = ClockWatch(self.state, self.clock)
        self._away: str | None = None
        self._notifier_key = heartbeat_key_of(Program("notifier"))

    def open(self) -> None:
        self._reporter.resume()
        self._workers.start()
        stores = " and to ".join(str(queue.store) for queue in self._workers.queues.values())
        if stores:
            _log.info("recordings are uploaded to %s", stores)
        else:
            _log.info(
                "no store is configured: everything stays in %s, within the limits of the section "
                "disk",
                self.config.data_dir,
            )

    def step(self) -> float:
        self._workers.check()
        self._former_workers = [one for one in self._former_workers if not one.has_ended()]
        try:
            # First of all: a Redis that refuses the heartbeat may do so until this has changed it.
            self._redis_disk.step()
            if self._away:
                raise StateUnavailable(self._away)
            self._clock_watch.step()
            self._redis_repairs.step(self._redis_disk.log_changes)
            self._set_aside.step()
            self._report_troubles()
            # Only messages with links cannot wait for the next search.
            self._urgent_facts.step(wanted=bool(self.config.twilio.to and self.config.s3.bucket))
            return min(WAIT_S, self._redis_disk.due_in_s())
        except StateUnavailable:
            self._redis_disk.hurry()
            raise

    def configure(self) -> None:
        """Take over other stores and limits.

        The former threads finish uploads in progress, which may therefore be done twice.
        """
        settings = _settings(self.config)
        self._reporter.configure(self.config)
        if settings == self._settings:
            self._workers.retry_now()
            return
        self._settings = settings
        self._workers.ask_to_stop()
        self._former_workers.append(self._workers)
        self._workers = self._make_workers()
        self.open()

    def close(self) -> None:
        self._urgent_facts.ask_to_stop()
        self._workers.ask_to_stop()
        groups = [*self._former_workers, self._workers]
        ended = [self._urgent_facts.has_ended, *(group.has_ended for group in groups)]
        until_s = self.clock.monotonic() + END_WAIT_S
        while self.clock.monotonic() < until_s and not all(has_ended() for has_ended in ended):
            self.clock.sleep(END_CHECK_EVERY_S)

    def counters(self) -> Counters:
        return self._workers.counters()

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Write *heartbeat* to Redis, and judge that of the notifier."""
        try:
            found = self.state.exchange_heartbeat(key, heartbeat, self._notifier_key)
        except StateUnavailable as error:
            self._away = str(error)
            self._notifier_watch.interrupted()
            self._redis_watch.away(error)
            raise
        self._away = None
        self._redis_watch.back()
        self._notifier_watch.judge(found)

    def publish_upload(self, file: UploadFile) -> bool:
        """Write the place of *file* in S3 on its event in Redis, for links.

        Returns False when Redis does not have the event, but may get it later.
        """
        event = str(file.event)
        try:
            if not self.state.event_fields(event):
                return abs(self.clock.now() - protocol.event_started_at(event)) > UNKNOWN_AFTER
            self.state.mark_event(event, {UPLOADED.of(file.path.name): file.key})
        except ProtocolError as error:
            _log.warning(
                "%s is uploaded, but that cannot be written on its event: %s", file.key, error
            )
        return True

    def _hurry(self, event: str) -> None:
        self._workers.hurry(event)

    def _make_workers(self) -> UploadWorkers:
        lock = self._folder_locks[copies_folder(self.config)]
        return UploadWorkers(self.config, self.clock, self.publish_upload, lock)

    def _report_troubles(self) -> None:
        """Report troubles in the heartbeat, and alert the owner to lasting ones."""
        guard = self._workers.guard
        troubles = list(self._workers.troubles())
        unfit = self._redis_disk.unfit
        troubles += filter(None, (self._redis_disk.trouble, unfit))
        self.report_trouble("; ".join(troubles) or None)
        if guard.free_gb is not None or guard.trouble:
            self._trouble_alerts.set(_DISK, guard.low or guard.trouble or guard.few_inodes)
        without_log = self._redis_disk.started_without_log
        self._trouble_alerts.set(_REDIS_LOG, without_log.text if without_log else None)
        self._trouble_alerts.set(_REDIS_SETTINGS, unfit)
        for name in STORES:
            is_configured = name in self._workers.queues
            if not is_configured or self._workers.has_result(name):
                refused = self._workers.refused(name) if is_configured else None
                self._trouble_alerts.set(
                    _store_trouble(name, is_configured=is_configured),
                    f"Uploads must wait: {refused}." if refused else None,
                )
        self._trouble_alerts.step()


def _store_trouble(store: str, *, is_configured: bool) -> TroubleKind:
    over = "work again" if is_configured else "are no longer configured"
    uploads = f"Uploads to {store}"
    return TroubleKind(
        f"store {store}",
        "store_refused",
        "store_back",
        f"{uploads} {over}.",
        comes_and_goes=f"{uploads} come and go",
    )


def _settings(config: Config) -> tuple[object, ...]:
    """Return the settings from which the workers are made."""
    return (
        config.data_dir,
        config.s3,
        config.dropbox,
        config.uploads,
        config.disk,
        config.notify.folder,
    )
