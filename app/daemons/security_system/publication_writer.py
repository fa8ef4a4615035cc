"""Writes a camera's facts and notes to disk, in a thread that never waits for Redis."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from app import protocol
from app.clock import Clock
from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.notes import Notes
from app.daemons.security_system.spool import Publication, Spool
from app.protocol import EventRecord, Fact
from app.recording.event_folder import EventFolders, SnapshotPair
from app.recording.trace import EventTrace

#: The seconds until notes that the disk has refused are tried again.
_RETRY_S = 1.0
#: The longest time that a fact waits for its pictures, which the camera's loop draws.
PICTURES_PATIENCE_S = 10.0
#: The longest time that a fact waits then for the sample and clip that must be on disk before it.
FILES_PATIENCE_S = 1.0

_log = logging.getLogger(__name__)


class PublicationWriter:
    """Writes each publication to *spool*, and what belongs to it into *folders*.

    The fact comes first, a few milliseconds after `add`: from then on a kill loses nothing, and the
    next run publishes it. *written* is called when a publication may go to Redis. The same thread
    writes `notes`, in order with the publications.
    """

    def __init__(
        self,
        folders: EventFolders,
        spool: Spool,
        disk: DiskWriter,
        clock: Clock,
        written: Callable[[], None],
    ) -> None:
        self._folders = folders
        self._spool = spool
        self._disk = disk
        self._clock = clock
        self._written = written
        self.notes = Notes(spool.folder, disk, self._put)
        self._added: deque[Publication] = deque()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._stopping = False

    def __len__(self) -> int:
        """Return the number of publications that are not in the spool yet."""
        return len(self._added)

    def add(self, publication: Publication) -> None:
        """Write *publication* soon; return at once."""
        publication.complete = False
        self._added.append(publication)
        self._put(partial(self._publish, publication))

    def rewrite(
        self, event: str, record: EventRecord, alert: bool, pictures: SnapshotPair | None
    ) -> None:
        """Write the *record* and the *pictures* of *event* soon, in order with the publications.

        *alert* says whether its opening was an alert.
        """
        facts = protocol.plain_event(record) | {"alert": alert}
        self._put(partial(self._rewrite, event, record, facts, pictures))

    def keep_trace(self, event: str, trace: EventTrace) -> None:
        """Write the *trace* of *event* soon, behind the publications; a full disk has none."""
        self._put(partial(self._write_trace, event, trace))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake, which is in the log, has ended the thread."""
        if not self._thread.is_alive() and not self._stopping:
            raise RuntimeError("the thread that writes the spool has ended")

    def flush(self, patience_s: float) -> None:
        """Wait until everything so far is written, for at most *patience_s* seconds."""
        if self._thread.ident:
            flushed = threading.Event()
            self._put(flushed.set)
            flushed.wait(patience_s)

    def stop(self, patience_s: float) -> None:
        """Write what waits, for at most *patience_s* seconds, and end the thread."""
        self._stopping = True
        self._jobs.put(None)
        if self._thread.ident:
            self._thread.join(patience_s)

    def write_event(self, publication: Publication) -> None:
        """Write the record and the pictures of the event of *publication*, if it has one."""
        fact, record = publication.fact, publication.record
        if fact.event and record:
            # If this run is killed before the end of the event, the next run publishes the event
            # again, and must know whether its opening was an alert.
            facts = protocol.plain_event(record) | self._opening(fact, record)
            self._folders.write_event(fact.event, record.started_at, facts, publication.pictures)

    def _opening(self, fact: Fact, record: EventRecord) -> dict[str, Any]:
        """Return what the file of the event of *fact* says of its opening, while it is open."""
        match fact.kind:
            case "motion_started":
                return {"alert": fact.alert}
            case "motion_confirmed":
                return {"alert": False}
            case "motion_corrected" | "motion_reconfirmed":
                known = self._folders.read_event(fact.event or "", record.started_at)
                return {"alert": known.get("alert")}
        return {}

    def _rewrite(
        self,
        event: str,
        record: EventRecord,
        facts: dict[str, Any],
        pictures: SnapshotPair | None,
    ) -> None:
        started_at = record.started_at
        self._disk.attempt(self._folders.write_event, event, started_at, facts, pictures)

    def _write_trace(self, event: str, trace: EventTrace) -> None:
        try:
            self._folders.write_trace(event, protocol.event_started_at(event), trace)
        except OSError as error:
            _log.warning("event %s has no trace: %s", event, error)

    def _put(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def _run(self) -> None:
        stopped = False
        while not stopped:
            patience_s = None if self.notes.write_refused() else _RETRY_S
            with suppress(queue.Empty):
                job = self._jobs.get(timeout=patience_s)
                if job:
                    job()
                stopped = job is None

    def _publish(self, publication: Publication) -> None:
        self._added.pop()
        self._write(publication)
        publication.complete = True
        self._written()

    def _write(self, publication: Publication) -> None:
        """Write the fact first: in any other order, a kill in between could lose it."""
        in_spool = self._disk.attempt(self._spool.add, publication)
        if publication.news:
            _log.info("%s", publication.news)
        if publication.note:
            self.notes.write(publication.note)
        if in_spool and publication.spent:
            self._disk.attempt(publication.spent.unlink, True)
        if publication.drawn and not publication.drawn.wait(PICTURES_PATIENCE_S):
            _log.warning("%s is published without its picture", publication.fact.id)
        if self._disk.attempt(self.write_event, publication):
            publication.pictures = None
        self._wait_for_files(publication)

    def _wait_for_files(self, publication: Publication) -> None:
        """Wait until the sample and clip of *publication* are on disk; the disk may hang."""
        until_s = self._clock.monotonic() + FILES_PATIENCE_S
        for written in publication.after:
            if not written.wait(max(until_s - self._clock.monotonic(), 0.0)):
                _log.warning(
                    "%s is published before its sample and clip are on disk, because they take "
                    "longer than %g s",
                    publication.fact.id,
                    FILES_PATIENCE_S,
                )
                return
