"""The uploader: carries what was recorded to where it is kept, and keeps the disk within its
budget.

    python -m app.daemons.uploader

Each store has a thread of its own, and so has the disk, so that one that hangs delays no other. The
loop here only listens for what is to go out at once, and tells the house what is wrong.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from threading import Lock

from app import protocol
from app.clock import Clock
from app.config import Config
from app.daemon import Counters, Daemon
from app.daemons.uploader.redis_disk import RedisDisk
from app.daemons.uploader.trouble_alerts import TroubleAlerts, TroubleKind
from app.errors import ProtocolError, StateUnavailable
from app.uploads import event_stores, still_store
from app.uploads.disk_guard import DiskGuard
from app.uploads.inventory import Inventory, Parcel
from app.uploads.sources import Events, Stills
from app.uploads.upload_queue import Carrier
from app.worker import Worker

#: How long a step waits for a fact. A signal is obeyed after it.
WAIT_S = 1.0
#: How often it is looked whether there are new stills, for which nobody waits but a person.
STILLS_EVERY_S = 2.0
#: How long the end waits for those who are just carrying something, and how often it looks whether
#: they have done.
PATIENCE_S = 2.0
LOOK_S = 0.02
#: What takes longer than this at one thing is reported: a share that hangs can hang for ever.
STUCK_AFTER_S = 900.0
#: An event that Redis does not know after so long it will not know any more.
UNKNOWN_AFTER = timedelta(days=1)
STORES = ("s3", "folder", "dropbox")
_DISK = TroubleKind("disk", "disk_low", "disk_ok", "All is well with the disk again.")

_log = logging.getLogger(__name__)


class Task:
    """What one of the crew does again and again when it has its *turn*, and since when it has been
    at it.
    """

    def __init__(
        self,
        step: Callable[[], float],
        clock: Clock,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._step = step
        self._clock = clock
        self._turn = turn or nullcontext()
        self._since_s: float | None = None

    @property
    def busy_s(self) -> float:
        """For how long the step that goes on has lasted; 0 between two."""
        since_s = self._since_s
        return 0.0 if since_s is None else self._clock.monotonic() - since_s

    def step(self) -> float:
        self._since_s = self._clock.monotonic()
        try:
            with self._turn:
                return self._step()
        finally:
            self._since_s = None


class Crew:
    """Those who work for one configuration: the guard of the disk, and a carrier for each store.

    Whoever copies to the folder holds *folder_turn*, for two who write the same copy would leave it
    half when they are killed.
    """

    def __init__(
        self, config: Config, clock: Clock, mark: Callable[[Parcel], bool], folder_turn: Lock
    ) -> None:
        stores, dropbox = event_stores(config.s3, _folder(config)), still_store(config.dropbox)
        every_s = config.uploads.upload_every_s
        inventory = Inventory(config.data_dir, [store.name for store in stores])
        self.guard = DiskGuard(
            config.data_dir,
            config.disk,
            inventory,
            clock,
            every_s=every_s,
            alerts=_alerts(config),
            stills_wait=dropbox is not None,
        )
        self.carriers = {
            store.name: Carrier(
                store,
                Events(inventory, store.name, clock, mark if store.name == "s3" else None),
                clock,
                every_s,
            )
            for store in stores
        }
        if dropbox:
            self.carriers[dropbox.name] = Carrier(
                dropbox, Stills(config.data_dir), clock, STILLS_EVERY_S
            )
        turns = {"folder": folder_turn}
        self.tasks = {
            name: Task(carrier.step, clock, turns.get(name))
            for name, carrier in self.carriers.items()
        }
        self.tasks["disk"] = Task(self.guard.step, clock)
        self.workers = {
            name: Worker(f"uploads {name}", task.step) for name, task in self.tasks.items()
        }

    def start(self) -> None:
        for worker in self.workers.values():
            worker.start()

    def check(self) -> None:
        """Raise `RuntimeError` when one of them has died of a mistake."""
        for worker in self.workers.values():
            worker.check()

    def hurry(self, event: str) -> None:
        """Have S3 get what is new of *event* before all else."""
        if "s3" in self.carriers:
            self.carriers["s3"].hurry(event)
            self.workers["s3"].wake()

    def rest_no_longer(self) -> None:
        """Try again now what has failed."""
        for name, carrier in self.carriers.items():
            carrier.rest_no_longer()
            self.workers[name].wake()

    def ask_to_stop(self) -> None:
        for worker in self.workers.values():
            worker.ask_to_stop()

    def has_ended(self) -> bool:
        """Whether all are at rest; lets go of the stores of those that are."""
        ended = [name for name, worker in self.workers.items() if worker.has_ended()]
        for name in ended:
            if name in self.carriers:
                self.carriers[name].store.close()
        return len(ended) == len(self.workers)

    def troubles(self) -> Iterator[str]:
        yield from (carrier.trouble for carrier in self.carriers.values() if carrier.trouble)
        yield from filter(None, (self.guard.low, self.guard.trouble))
        for name, task in self.tasks.items():
            if task.busy_s > STUCK_AFTER_S:
                yield f"{name} does not get on since {task.busy_s / 60:.0f} min"

    def counters(self) -> Counters:
        counters: Counters = {
            "free_gb": self.guard.free_gb,
            "disk_low": self.guard.low is not None,
            "deleted": self.guard.deleted,
        }
        for name, carrier in self.carriers.items():
            counters |= {
                f"{name}_waiting": carrier.waiting,
                f"{name}_waiting_mb": carrier.waiting_mb,
                f"{name}_uploaded": carrier.uploaded,
                f"{name}_uploaded_mb": carrier.uploaded_mb,
                f"{name}_last": carrier.last_at.isoformat(timespec="seconds")
                if carrier.last_at
                else None,
                f"{name}_failures": carrier.failures,
                protocol.trouble_counter(name): carrier.trouble,
            }
        return counters


class Uploader(Daemon):
    """Carries what was recorded to where it is kept."""

    name = "uploader"
    backoff_max_s = 5.0
    redis_timeout_s = 2.0

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        # Every machine with an uploader hears every fact, for it cannot know whose disk has the
        # files.
        self._facts = self.state.facts(f"{self.name}-{protocol.host_name()}", self.name)
        self._redis_disk = RedisDisk(
            self.state, self.config.redis.url, self.config.data_dir, self.clock
        )
        self._trouble_alerts = TroubleAlerts(self.name, self.state, self.clock)
        self._settings = _settings(self.config)
        self._folder_turns: defaultdict[Path | None, Lock] = defaultdict(Lock)
        self._crew = self._new_crew()
        self._former: list[Crew] = []

    def open(self) -> None:
        self._crew.start()
        stores = " and to ".join(str(carrier.store) for carrier in self._crew.carriers.values())
        if stores:
            _log.info("what was recorded goes to %s", stores)
        else:
            _log.info(
                "no store is configured: everything stays in %s, within the limits that the "
                "section disk sets",
                self.config.data_dir,
            )

    def step(self) -> float:
        self._crew.check()
        self._former = [crew for crew in self._former if not crew.has_ended()]
        try:
            self._redis_disk.step()
            self._report()
            return self._listen()
        except StateUnavailable:
            self._redis_disk.hurry()
            raise

    def configure(self) -> None:
        """Take over other stores and limits. Those at work finish what they are at, which may be
        done twice thereby.
        """
        settings = _settings(self.config)
        if settings == self._settings:
            self._crew.rest_no_longer()
            return
        self._settings = settings
        self._crew.ask_to_stop()
        self._former.append(self._crew)
        self._crew = self._new_crew()
        self.open()

    def close(self) -> None:
        self._crew.ask_to_stop()
        crews = [*self._former, self._crew]
        until_s = self.clock.monotonic() + PATIENCE_S
        while not all(crew.has_ended() for crew in crews) and self.clock.monotonic() < until_s:
            self.clock.sleep(LOOK_S)

    def counters(self) -> Counters:
        return self._crew.counters()

    def mark(self, parcel: Parcel) -> bool:
        """Note on the event of *parcel* where S3 has it, for whoever sends links; False when Redis
        may yet hear of that event.
        """
        event = str(parcel.event)
        try:
            if not self.state.event_fields(event):
                return self.clock.now() - protocol.event_started_at(event) > UNKNOWN_AFTER
            self.state.mark_event(event, {f"s3:{parcel.path.name}": parcel.key})
        except ProtocolError as error:
            _log.warning("%s is uploaded, which cannot be noted: %s", parcel.key, error)
        return True

    def _new_crew(self) -> Crew:
        return Crew(self.config, self.clock, self.mark, self._folder_turns[_folder(self.config)])

    def _report(self) -> None:
        """Show what is wrong, and tell the owner what lasts."""
        carriers, guard = self._crew.carriers, self._crew.guard
        self.report_trouble(
            "; ".join([*self._crew.troubles(), *filter(None, [self._redis_disk.trouble])]) or None
        )
        if guard.free_gb is not None or guard.trouble:
            self._trouble_alerts.set(_DISK, guard.low or guard.trouble)
        for name in STORES:
            refused = carriers[name].refused if name in carriers else None
            if name not in carriers or carriers[name].settled:
                self._trouble_alerts.set(
                    _trouble_kind(name, wanted=name in carriers),
                    f"Uploads wait: {refused}." if refused else None,
                )
        self._trouble_alerts.step()

    def _listen(self) -> float:
        """Wait a while, for what is to go out at once if there is such a thing; returns the seconds
        still to wait.
        """
        if not (self.config.twilio.to and self.config.s3.bucket):
            return WAIT_S
        for entry, fact in self._facts.new(WAIT_S):
            if fact.event:
                self._crew.hurry(fact.event)
            self._facts.acknowledge(entry)
        return 0.0


def _trouble_kind(store: str, *, wanted: bool) -> TroubleKind:
    over = "go out again" if wanted else "are wanted no more"
    return TroubleKind(
        f"store {store}", "store_refused", "store_back", f"Uploads to {store} {over}."
    )


def _folder(config: Config) -> Path | None:
    """The folder that gets a copy; a relative one is under data_dir."""
    return (
        config.data_dir / Path(config.uploads.folder).expanduser()
        if config.uploads.folder
        else None
    )


def _alerts(config: Config) -> Path | None:
    """The folder with the notifier's files, if it is under data_dir and they alone are in it."""
    folder = (config.data_dir / Path(config.notify.folder).expanduser()).resolve()
    return (
        folder
        if folder.parent == config.data_dir
        and folder.name not in ("events", "stills", "spool", "run", "redis")
        else None
    )


def _settings(config: Config) -> tuple[object, ...]:
    """What a crew is made from."""
    return (
        config.data_dir,
        config.s3,
        config.dropbox,
        config.uploads,
        config.disk,
        config.notify.folder,
    )
