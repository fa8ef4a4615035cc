"""Publishes a camera's events: a thread writes them to disk, and another to Redis.

A frame therefore never waits for a disk or a network, nor the disk for Redis. Every fact is first
on disk and then in Redis. While Redis is away, facts wait in the spool. The thread for Redis also
looks at `Controls` whenever they change.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.daemons.security_system.controls import Controls
from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.publication_writer import PublicationWriter
from app.daemons.security_system.redis_memory import RedisMemory
from app.daemons.security_system.spool import REFUSED, Publication, Spool
from app.errors import ProtocolError, StateUnavailable
from app.protocol import ClipAsked, EventRecord, Fact, Heartbeat, Position
from app.recording.event_folder import EventFolders, SnapshotPair
from app.recording.trace import EventTrace
from app.state import LOOK_S, Latest, State

RETRY_S = 1.0
#: Refusals by a disk that is broken. The uploader reports the others.
_BROKEN_DISK = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.EUCLEAN)

_log = logging.getLogger(__name__)


class Publisher:
    """Publishes for *camera*; `publish`, `send_heartbeat` and the `show_…` methods return at once.

    The `notes` are written in order with what is published. The thread for Redis looks at
    `controls`.
    """

    def __init__(
        self, camera: str, state: State, folders: EventFolders, spool: Spool, clock: Clock
    ) -> None:
        self._camera = camera
        self._state = state
        self._folders = folders
        self._spool = spool
        self._clock = clock
        self._changes = state.control_changes(camera)
        self._must_look = True
        self._memory = RedisMemory(camera, state, folders)
        self._was_away = False
        self._disk = DiskWriter()
        self._writer = PublicationWriter(folders, spool, self._disk, clock, self._changes.wake)
        self.notes = self._writer.notes
        self.controls = Controls(
            camera,
            state,
            folders,
            asked_file=spool.folder / "asked-up-to",
            notes=self.notes,
            disk=self._disk,
            clock=clock,
        )
        self._newest: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._refused: set[str] = set()
        self._refusal: ProtocolError | None = None
        self._published_s: float = clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        #: The reason why Redis is away, None while it answers.
        self.away: str | None = None
        #: Seconds from the last call of `publish` until Redis had the fact.
        self.last_handover_s: float | None = None

    @property
    def waiting(self) -> int:
        """Return the number of facts that wait for Redis."""
        return len(self._spool) + len(self._writer)

    @property
    def disk_trouble(self) -> str | None:
        """The reason why the disk accepts no files, None while it accepts them."""
        return self._disk.trouble

    def open(self) -> None:
        """Take over the facts and notes of an earlier run; `WorldError` if that still runs."""
        self._disk.attempt(self._spool.lock)
        for publication in self._spool.load():
            self._disk.attempt(self._writer.write_event, publication)
            if publication.note:
                self.notes.write(publication.note)
        self.controls.open()

    def start(self) -> None:
        """Start the threads."""
        self._writer.start()
        self._thread.start()

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake, which is in the log, has ended a thread."""
        self._writer.check()
        if not self._thread.is_alive() and not self._stopping:
            raise RuntimeError("the publisher's thread has ended")

    def stop(self, patience_s: float = 4.0) -> None:
        """Publish the waiting facts, for at most *patience_s* seconds, and end the threads."""
        until_s = time.monotonic() + patience_s
        self._writer.flush(patience_s)
        self._stopping = True
        self._changes.wake()
        if self._thread.ident:
            self._thread.join(max(until_s - time.monotonic(), 0.0))
        self._writer.stop(max(until_s - time.monotonic(), 0.0))
        self._spool.unlock()

    def flush(self, patience_s: float) -> None:
        """Wait until what was published is on disk, for at most *patience_s* seconds."""
        self._writer.flush(patience_s)

    def publish(self, publication: Publication) -> None:
        """Write *publication* to disk and then to Redis."""
        self._published_s = self._clock.monotonic()
        self._writer.add(publication)

    def rewrite(
        self, event: str, record: EventRecord, alert: bool, pictures: SnapshotPair | None
    ) -> None:
        """Replace the *record* of *event* on disk, and its *pictures* unless they are None.

        *alert* says whether its opening was an alert.
        """
        self._writer.rewrite(event, record, alert, pictures)

    def keep_trace(self, event: str, trace: EventTrace) -> None:
        """Write the *trace* of *event*, which has ended, to disk."""
        self._writer.keep_trace(event, trace)

    def show_latest(self, latest: Latest) -> None:
        """Make *latest* the camera's newest picture."""
        self._memory.latest = latest
        self._send("latest", lambda: self._state.set_latest(self._camera, latest))

    def forget_latest(self, before: datetime) -> None:
        """Remove the camera's newest picture if it was taken earlier than *before*."""
        latest = self._memory.latest
        if latest and latest.taken_at < before:
            self._memory.latest = None
        if self._memory.latest is None:
            self._send("latest", lambda: self._state.forget_latest(self._camera, before))

    def show_frame(self, picture: bytes) -> None:
        """Send *picture*, a JPEG, to the live view."""
        self._send("frame", lambda: self._state.publish_frame(self._camera, picture))

    def show_detector(self, picture: bytes) -> None:
        """Send *picture*, a line of JSON and a JPEG, to those who look at the detector."""
        self._send("detector", lambda: self._state.publish_detector(self._camera, picture))

    def show_position(self, position: Position) -> None:
        """Make *position* the camera's present position."""
        key = protocol.camera_key(self._camera, "position")
        self._send("position", lambda: self._state.put(key, position))

    def show_clip(self, asked: ClipAsked) -> None:
        """Make *asked* the result of the newest request for a clip."""
        key = protocol.camera_key(self._camera, "clip")
        self._send("clip", lambda: self._state.put(key, asked, protocol.LATEST_LIFE_S))

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Store *heartbeat* under *key*."""
        self._send("heartbeat", lambda: self._state.send_heartbeat(key, heartbeat))

    def _send(self, what: str, send: Callable[[], None]) -> None:
        with self._lock:
            self._newest[what] = send
        # A fact that is being written goes first, and takes what is newest along.
        if not self.waiting:
            self._changes.wake()

    def _run(self) -> None:
        self._step()
        while not self._stopping:
            self._wait()
            self._step()
        self._changes.close()

    def _wait(self) -> None:
        """Wait until there is something to do."""
        were_pushed = self._changes.are_pushed
        wait_s = RETRY_S if self.away or self.controls.has_undone_work else LOOK_S
        if self._changes.wait(wait_s, may_connect=not self.away):
            self._must_look = True
        if were_pushed and not self._changes.are_pushed:
            # Perhaps Redis was killed, and is back already without its last moments.
            self._was_away = True
            self._spool.redis_went_away()

    def _step(self) -> None:
        """Do everything once."""
        self.controls.obey_again()
        try:
            self._hand_over()
            self._send_newest()
            if self._was_away:
                self._memory.restore()
                self._was_away = False
            if self._must_look:
                self._look()
            if self._refusal:
                raise self._refusal
        except (StateUnavailable, ProtocolError) as error:
            self._lost_redis(str(error))
            return
        if self.away:
            _log.info("Redis is back")
            self.away = None

    def _look(self) -> None:
        """Read the wanted state, and remove what Redis certainly has: it has just answered."""
        self.controls.poll()
        self._must_look = False
        self._report_disk()
        try:
            self._spool.settle(self._clock.monotonic())
        except OSError as error:
            self._disk.failed(error)

    def _lost_redis(self, why: str) -> None:
        if self.away is None:
            _log.warning("%s; facts are kept in the spool meanwhile", why)
        self.away = why
        self._must_look = self._was_away = True
        self._spool.redis_went_away()

    def _hand_over(self) -> None:
        self._refusal = None
        while publication := self._spool.first():
            try:
                self._state.publish(
                    publication.fact, publication.record, self._snapshot(publication)
                )
            except ProtocolError as error:
                if not self._set_aside(publication, error):
                    break
                continue
            self._memory.published(publication.fact, publication.record)
            self._spool.handed_over(self._clock.monotonic())
            self.last_handover_s = round(self._clock.monotonic() - self._published_s, 4)

    def _set_aside(self, publication: Publication, why: ProtocolError) -> bool:
        """Keep *publication*, which Redis refuses, in a folder of its own, and report that once.

        Returns False when Redis refuses the report too: then the record is not at fault.
        """
        now = self._clock.now()
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        text = (
            f"Redis refuses a record of camera {self._camera}, so one alert is missing. It is kept "
            f"in {self._spool.folder / REFUSED}. The reason: {why}"
        )
        report = protocol.derived_fact_id(day, f"refused {self._camera}")
        try:
            self._state.publish(Fact(report, "redis_trouble", now, text, self._camera))
            kept = self._spool.refuse()
        except (ProtocolError, OSError) as error:
            if isinstance(error, StateUnavailable):
                raise
            self._refusal = why
            return False
        _log.error("%s is not published, and is kept as %s: %s", publication.fact.id, kept, why)
        return True

    def _report_disk(self) -> None:
        """Report, once a day, that the disk has refused a file: it may be worn out."""
        error = self._disk.error
        if error is None or error.errno not in _BROKEN_DISK:
            return
        now = self._clock.now()
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        text = (
            f"The disk has refused a file of camera {self._camera} ({error.strerror or error}). "
            "Events are only in memory while it does. Alerts still come. “dmesg” may show errors "
            "of the disk; it may be worn out or loose."
        )
        report = protocol.derived_fact_id(day, f"disk {self._camera}")
        self._state.publish(Fact(report, "disk_low", now, text, self._camera))
        self._disk.error = None

    def _snapshot(self, publication: Publication) -> bytes | None:
        """Return the marked picture that *publication* brings; None for facts without one."""
        if publication.pictures:
            return publication.pictures.marked
        event, record = protocol.pictured_event(publication.fact), publication.record
        if event is None or record is None:
            return None
        why = "the program was killed before it was on disk"
        try:
            snapshot = self._folders.snapshot(event, record.started_at)
        except OSError as error:
            snapshot, why = None, str(error)
        if snapshot is None:
            _log.warning("event %s is published without its picture: %s", event, why)
        return snapshot

    def _send_newest(self) -> None:
        with self._lock:
            newest, self._newest = self._newest, {}
        for what, send in newest.items():
            try:
                send()
            except ProtocolError as error:
                if what not in self._refused:
                    _log.warning("the %s of camera %s is not shown: %s", what, self._camera, error)
                self._refused.add(what)
            except StateUnavailable:
                with self._lock:
                    self._newest = newest | self._newest
                raise
