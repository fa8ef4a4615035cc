"""The uploader's threads: one for each store, and one for the disk.

A store that hangs delays neither another store nor the disk guard.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock

from app.clock import Clock
from app.config import Config
from app.daemon import Counters
from app.protocol import Figure
from app.uploads import Store, event_stores, still_store
from app.uploads.disk_guard import DiskGuard
from app.uploads.folder_reader import UploadFile
from app.uploads.inventory import Inventory
from app.uploads.retention import PRIORITY_TEXTS, Candidate
from app.uploads.sources import EventFiles, StillFiles
from app.uploads.upload_queue import LASTING_S, UploadQueue
from app.worker import Worker, WorkerGroup, steps_in_progress

#: The seconds between two searches for new stills. No program waits for them.
STILLS_EVERY_S = 10.0
#: A step that lasts longer is late: a share may hang without limit.
STEP_LIMIT_S = 900.0


class UploadWorkers(WorkerGroup):
    """The threads for one configuration: the disk guard, and an upload queue for each store.

    *publish* publishes the place of a file in S3. A copy to the folder is made while *folder_lock*
    is held: two threads that write the same copy would leave it incomplete when they are killed.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        publish: Callable[[UploadFile], bool],
        folder_lock: Lock,
    ) -> None:
        stores = event_stores(config.s3, copies_folder(config))
        inventory = Inventory(config.data_dir, [store.name for store in stores])
        self.guard = DiskGuard(
            config.data_dir,
            config.disk,
            inventory,
            clock,
            every_s=config.uploads.upload_every_s,
            alerts=_alerts_folder(config),
            stills_wait=config.dropbox.is_set_up,
        )
        queues = (
            *_event_queues(config, stores, inventory, clock, publish),
            *_still_queues(config, clock),
        )
        self.queues = {queue.store.name: queue for queue in queues}
        steps = {name: queue.step for name, queue in self.queues.items()}
        steps["disk"] = self.guard.step
        if "folder" in steps:
            steps["folder"] = _locked(steps["folder"], folder_lock)
        self._threads = {
            name: Worker(f"uploads {name}", step, STEP_LIMIT_S) for name, step in steps.items()
        }
        super().__init__(self._threads.values())

    def hurry(self, event: str) -> None:
        """Upload the new files of *event* to S3 before all others."""
        if "s3" in self.queues:
            self.queues["s3"].hurry(event)
            self._threads["s3"].wake()

    def retry_now(self) -> None:
        """Try failed uploads now."""
        for name, queue in self.queues.items():
            queue.retry_now()
            self._threads[name].wake()

    def has_ended(self) -> bool:
        """Return whether all threads have ended; closes the stores whose threads have ended."""
        for name, queue in self.queues.items():
            if self._threads[name].has_ended():
                queue.store.close()
        return super().has_ended()

    def troubles(self) -> Iterator[str]:
        """The current troubles of the stores and the disk."""
        yield from (queue.trouble for queue in self.queues.values() if queue.trouble)
        yield from filter(None, (self.guard.low, self.guard.trouble, self.guard.few_inodes))

    def has_result(self, store: str) -> bool:
        """Return whether it is known if *store* accepts files."""
        return self.queues[store].settled or self._hangs(store)

    def refused(self, store: str) -> str | None:
        """Return why a person must look after *store*; None when that is not necessary."""
        queue = self.queues[store]
        if self._hangs(store):
            return f"{queue.store} has not answered for an hour: look after the share"
        return queue.refused

    def _hangs(self, store: str) -> bool:
        """Return whether a share holds its thread for too long; nothing can interrupt it."""
        since_s = [one.since_s for one in steps_in_progress() if one.name == "uploads folder"]
        return store == "folder" and any(
            time.monotonic() - began_s > LASTING_S for began_s in since_s
        )

    def counters(self) -> Counters:
        """Return the progress figures for the heartbeat."""
        counters: Counters = {
            "free_gb": self.guard.free_gb,
            "disk_low": self.guard.low is not None,
            "deleted": self.guard.deleted,
            "recordings_gb": self.guard.recordings_gb,
            **_next_deleted(self.guard.next_deleted),
        }
        return counters | {
            f"store_{what}": {name: read(queue) for name, queue in self.queues.items()}
            for what, read in _STORE_COUNTERS.items()
        }


def _locked(step: Callable[[], float], lock: Lock) -> Callable[[], float]:
    """Return *step*, done while *lock* is held."""

    def locked() -> float:
        with lock:
            return step()

    return locked


def _next_deleted(candidates: Iterable[Candidate]) -> Counters:
    """Return the counters of the *candidates* that are deleted next, by their names."""
    named = {f"{one.path.parent.name}/{one.path.name}": one for one in candidates}
    return {
        "next_deleted_mb": {name: round(one.size / 1e6, 1) for name, one in named.items()},
        "next_deleted_why": {name: PRIORITY_TEXTS[one.priority] for name, one in named.items()},
    }


def _last_at(queue: UploadQueue) -> str | None:
    return queue.last_at.isoformat(timespec="seconds") if queue.last_at else None


#: The counters of each store, after `store_`.
_STORE_COUNTERS: dict[str, Callable[[UploadQueue], Figure]] = {
    "waiting": lambda queue: queue.waiting,
    "waiting_mb": lambda queue: queue.waiting_mb,
    "uploaded": lambda queue: queue.uploaded,
    "uploaded_mb": lambda queue: queue.uploaded_mb,
    "last": _last_at,
    "failures": lambda queue: queue.failures,
    "trouble": lambda queue: queue.trouble,
}


def _event_queues(
    config: Config,
    stores: Iterable[Store],
    inventory: Inventory,
    clock: Clock,
    publish: Callable[[UploadFile], bool],
) -> Iterator[UploadQueue]:
    """Return the queues of the stores for events. Only uploads to S3 are published."""
    for store in stores:
        publish_links = publish if store.name == "s3" else None
        files = EventFiles(inventory, store.name, clock, publish_links)
        yield UploadQueue(store, files, clock, config.uploads.upload_every_s)


def _still_queues(config: Config, clock: Clock) -> Iterator[UploadQueue]:
    """Return the queue of the store for single pictures, if one is configured."""
    if store := still_store(config.dropbox):
        yield UploadQueue(store, StillFiles(config.data_dir), clock, STILLS_EVERY_S)


def copies_folder(config: Config) -> Path | None:
    """Return the folder that gets copies, None without one."""
    folder = config.uploads.folder
    return Path(folder).expanduser() if folder else None


def _alerts_folder(config: Config) -> Path | None:
    """Return the folder with the notifier's files, if it is under data_dir and holds only them."""
    folder = (config.data_dir / Path(config.notify.folder).expanduser()).resolve()
    shared = folder.name in ("events", "stills", "spool", "run", "redis")
    return None if shared or folder.parent != config.data_dir else folder
