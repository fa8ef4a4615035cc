"""A camera's line to the house: a thread of its own writes events to disk, hands them to Redis and
asks what is wanted.

So a frame never waits for a disk or a network. What the owner tells it is on disk first and in
Redis next; with Redis away it waits in the spool, and the wishes last known hold.
"""

import logging
import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVarTuple

from app import protocol
from app.clock import Clock
from app.daemons.security_system.spool import Spool, Waiting
from app.errors import ProtocolError, StateUnavailable, WorldError
from app.files import write_atomic
from app.protocol import ClipAsked, EventRecord, Fact, Heartbeat, Position, Request, RequestKind
from app.recording.event_folder import EventFolders, SnapshotPair
from app.state import CameraControls, Latest, State
from app.state.switches import Switches

#: How often Redis is asked what is wanted; the camera is to obey within a second.
ASK_EVERY_S = 0.4
RETRY_S = 1.0
#: The longest that a fact is held back for what is to be on disk before it.
PATIENCE_S = 1.0
#: Who asked for a picture or a film longer ago, as while this program was down, does not wait for
#: it any more.
FORGET_AFTER = timedelta(seconds=30)

#: Under what name the next run finds whether the camera was armed, for as long as Redis does not
#: say.
_ARMED = "armed"

_log = logging.getLogger(__name__)

Args = TypeVarTuple("Args")


@dataclass(frozen=True, slots=True)
class News:
    """A fact to tell, with the record and the pictures of its event if it is about one.

    *spent* is a file that may go as soon as the fact is written down: with it, another run would
    tell the fact anew. The fact is written down *after* all these things are done, unless that
    takes too long.
    """

    fact: Fact
    record: EventRecord | None = None
    pictures: SnapshotPair | None = None
    spent: Path | None = None
    after: tuple[threading.Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of the camera.

    *images_asked* counts the requests for a picture taken now, *clips_asked* those for a film; the
    newest of these came at *clip_asked_at*. *known* is False until Redis answered.
    """

    armed: bool
    target: Position | None = None
    watched: bool = False
    images_asked: int = 0
    clips_asked: int = 0
    clip_asked_at: datetime | None = None
    known: bool = False


class Link:
    """The line of *camera*. Its owner calls `tell`, `show_…` and `beat`, which return at once, and
    reads `wishes`.
    """

    def __init__(
        self, camera: str, state: State, folders: EventFolders, spool: Spool, clock: Clock
    ) -> None:
        self._camera = camera
        self._state = state
        self._folders = folders
        self._spool = spool
        self._clock = clock
        self._switches = Switches()
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._newest: dict[str, Callable[[], None]] = {}
        self._notes: dict[str, str | None] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._asked_file = spool.folder / "asked-up-to"
        self._asked_up_to = "0-0"
        self._labels: dict[str, Request] = {}
        self._refused: set[str] = set()
        self._bad_target: str | None = None
        self._told_s: float = clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self.wishes = Wishes(armed=protocol.SWITCHES["camera_status"])
        #: Why Redis is away, None while it answers.
        self.away: str | None = None
        #: Why the disk takes nothing, None while it does.
        self.disk_trouble: str | None = None
        #: Seconds from the last `tell` to Redis having it.
        self.last_handover_s: float | None = None

    @property
    def waiting(self) -> int:
        """How many facts Redis has not got yet."""
        return len(self._spool) + self._news.qsize()

    def open(self) -> None:
        """Take up what an earlier run has left: facts, labels to come, and whether the camera was
        armed. `WorldError` if one still runs.
        """
        self._on_disk(self._spool.lock)
        for waiting in self._spool.load():
            self._on_disk(self._write_event, News(waiting.fact, waiting.record))
        self._asked_up_to = self._read_asked_up_to()
        self.wishes = replace(
            self.wishes, armed=self._switches.read("camera_status", self.noted(_ARMED))
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def check(self) -> None:
        """Raise `RuntimeError` when the thread has died of a mistake; its traceback is in the log
        then.
        """
        if not self._thread.is_alive() and not self._stopping:
            raise RuntimeError("the thread that speaks to Redis has ended")

    def stop(self, patience_s: float = 4.0) -> None:
        """Write down and hand over what there is, waiting for that at most *patience_s*."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident:
            self._thread.join(patience_s)
        self._spool.unlock()

    def tell(self, news: News) -> None:
        """Write *news* down and publish it."""
        self._told_s = self._clock.monotonic()
        self._news.put(news)
        self._wake.set()

    def note(self, name: str, line: str | None) -> None:
        """Keep *line* for the next run, which finds it by `noted`; None is nothing to keep."""
        with self._lock:
            self._notes[name] = line
        self._wake.set()

    def noted(self, name: str) -> str | None:
        """What an earlier run has kept under *name*."""
        return _read_word(self._spool.folder / name)

    def show_latest(self, latest: Latest) -> None:
        """Make *latest* the camera's newest picture."""
        self._send("latest", lambda: self._state.set_latest(self._camera, latest))

    def show_frame(self, picture: bytes) -> None:
        """Send *picture*, a JPEG, to whoever watches."""
        self._send("frame", lambda: self._state.publish_frame(self._camera, picture))

    def show_position(self, position: Position) -> None:
        """Tell where the camera points now."""
        self._send(
            "position",
            lambda: self._state.put(protocol.camera_key(self._camera, "position"), position),
        )

    def show_clip(self, asked: ClipAsked) -> None:
        """Tell what became of the newest clip that somebody asked for."""
        key = protocol.camera_key(self._camera, "clip")
        self._send("clip", lambda: self._state.put(key, asked, protocol.LATEST_LIFE_S))

    def beat(self, key: str, heartbeat: Heartbeat) -> None:
        """Show the program's pulse."""
        self._send("beat", lambda: self._state.send_heartbeat(key, heartbeat))

    def _send(self, what: str, send: Callable[[], None]) -> None:
        with self._lock:
            self._newest[what] = send
        self._wake.set()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopping:
            self._wake.wait(wait_s)
            self._wake.clear()
            wait_s = self._round()
        self._round()
        self._write_notes()

    def _round(self) -> float:
        """Everything once; returns the seconds until the next round."""
        self._write_news()
        self._write_notes()
        if self._labels:
            self._write_labels()
        try:
            self._hand_over()
            self._send_newest()
            self._ask()
        except (StateUnavailable, ProtocolError) as error:
            self._lost_redis(str(error))
            return RETRY_S
        if self.away:
            _log.info("Redis is back")
            self.away = None
        return ASK_EVERY_S

    def _lost_redis(self, why: str) -> None:
        if self.away is None:
            _log.warning("%s; what happens is kept in the spool meanwhile", why)
        self.away = why
        self._spool.redis_went_away()

    def _write_news(self) -> None:
        while not self._news.empty():
            news = self._news.get()
            self._await(news)
            # A picture is in its folder before its fact waits; an end waits before its folder shows
            # it, and so is not forgotten.
            if news.pictures is None:
                written = self._on_disk(self._spool.add, news.fact, news.record, None)
                if written and news.spent:
                    self._on_disk(news.spent.unlink, True)
            in_folder = self._on_disk(self._write_event, news)
            if news.pictures:
                self._on_disk(
                    self._spool.add,
                    news.fact,
                    news.record,
                    None if in_folder else news.pictures.marked,
                )

    def _await(self, news: News) -> None:
        """Wait for what is to be done before *news* are written down, but not for long: the disk
        may hang.
        """
        until_s = self._clock.monotonic() + PATIENCE_S
        if not all(done.wait(max(until_s - self._clock.monotonic(), 0.0)) for done in news.after):
            _log.warning(
                "%s is told before its sample and film are on disk, which take longer than %g s",
                news.fact.id,
                PATIENCE_S,
            )

    def _write_notes(self) -> None:
        with self._lock:
            notes, self._notes = self._notes, {}
        for name, line in notes.items():
            if not self._on_disk(self._write_note, self._spool.folder / name, line):
                with self._lock:
                    self._notes.setdefault(name, line)

    def _write_note(self, path: Path, line: str | None) -> None:
        if line is None:
            path.unlink(missing_ok=True)
        else:
            write_atomic(path, line.encode())

    def _write_event(self, news: News) -> None:
        if news.fact.event and news.record:
            # If this run is killed before the end, the next one tells of the event again, and is to
            # know whether it was an alert.
            alert = {"alert": news.fact.alert} if news.fact.kind == "motion_started" else {}
            facts = protocol.plain_event(news.record) | alert
            self._folders.write_event(news.fact.event, news.record.started_at, facts, news.pictures)

    def _on_disk(self, write: Callable[[*Args], None], *args: *Args) -> bool:
        try:
            write(*args)
        except WorldError:
            raise
        except OSError as error:
            self._disk_failed(error)
            return False
        if self.disk_trouble:
            _log.info("the disk takes files again")
        self.disk_trouble = None
        return True

    def _disk_failed(self, error: OSError) -> None:
        if self.disk_trouble is None:
            _log.error("the disk takes nothing, what happens is kept in memory: %s", error)
        self.disk_trouble = f"the disk takes nothing: {error}"

    def _hand_over(self) -> None:
        while waiting := self._spool.first():
            self._state.publish(
                waiting.fact, waiting.record, waiting.snapshot or self._stored_snapshot(waiting)
            )
            self._spool.handed_over(self._clock.monotonic())
            self.last_handover_s = round(self._clock.monotonic() - self._told_s, 4)
        try:
            self._spool.settle(self._clock.monotonic())
        except OSError as error:
            self._disk_failed(error)

    def _stored_snapshot(self, waiting: Waiting) -> bytes | None:
        if waiting.fact.kind != "motion_started" or not waiting.fact.event or not waiting.record:
            return None
        try:
            return self._folders.snapshot(waiting.fact.event, waiting.record.started_at)
        except OSError as error:
            _log.warning("event %s is told without its picture: %s", waiting.fact.event, error)
            return None

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

    def _ask(self) -> None:
        found = self._state.camera_controls(self._camera, self._asked_up_to)
        self._asked_up_to = found.newest
        armed = self._switches.read("camera_status", found.camera_status)
        if armed != self.wishes.armed or not self.wishes.known:
            self.note(_ARMED, str(armed))  # the card may be slow, and the camera is to obey at once
        clips_at = [asked.at for asked in found.asked if asked and self._is_for_now(asked, "clip")]
        self.wishes = replace(
            self.wishes,
            armed=armed,
            target=self._target(found),
            watched=found.watched,
            images_asked=self.wishes.images_asked
            + sum(1 for asked in found.asked if asked and self._is_for_now(asked, "last_image")),
            clips_asked=self.wishes.clips_asked + len(clips_at),
            clip_asked_at=max(clips_at, default=self.wishes.clip_asked_at),
            known=True,
        )
        self._labels.update(
            {
                asked.event: asked
                for asked in found.asked
                if asked and asked.event and self._is_tag(asked)
            }
        )
        if found.asked:
            self._write_labels()

    def _is_for_now(self, asked: Request, kind: RequestKind) -> bool:
        """Whether *asked* is a request of that *kind* to this camera, of which somebody waits for
        the answer still.
        """
        if asked.kind != kind or asked.camera not in (None, self._camera):
            return False
        return self._clock.now() - asked.at < FORGET_AFTER

    def _is_tag(self, asked: Request) -> bool:
        if asked.kind != "tag" or asked.event is None:
            return False
        try:
            protocol.event_started_at(asked.event)
            return protocol.event_camera(asked.event) == self._camera
        except ProtocolError as error:
            _log.warning("a tag is dropped: %s", error)
            return False

    def _write_labels(self) -> None:
        """Put the labels beside their events; those that the disk does not take are tried again,
        also by the next run.
        """
        for event, asked in list(self._labels.items()):
            if self._on_disk(self._write_label, event, asked):
                del self._labels[event]
        if not self._labels:
            self._on_disk(write_atomic, self._asked_file, self._asked_up_to.encode())

    def _write_label(self, event: str, asked: Request) -> None:
        facts = (
            {"label": asked.label, "user": asked.user or asked.by, "time": asked.at.isoformat()}
            if asked.label
            else None
        )
        if not self._folders.write_label(event, protocol.event_started_at(event), facts):
            _log.warning("event %s is tagged, but it is not on this disk any more", event)

    def _read_asked_up_to(self) -> str:
        """The last request that an earlier run had dealt with; the stream's beginning when there
        was none.
        """
        found = _read_word(self._asked_file) or ""
        return found if re.fullmatch(r"\d+-\d+", found) else "0-0"

    def _target(self, found: CameraControls) -> Position | None:
        if found.target is None:
            return None
        try:
            return protocol.decode(Position, found.target)
        except ProtocolError as error:
            if self._bad_target != found.target:
                _log.warning("%s: %s", protocol.camera_key(self._camera, "target"), error)
            self._bad_target = found.target
            return self.wishes.target


def _read_word(path: Path) -> str | None:
    """What a small file of an earlier run says; None when it is not there or cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
