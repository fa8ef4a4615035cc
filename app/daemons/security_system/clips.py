"""The films of one camera: of its events, and of what somebody asks to see; and what the house is
told of them.
"""

import json
import logging
import math
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from app import protocol
from app.alert_text import AlertText
from app.clock import Clock
from app.config import Config
from app.daemon import Counters
from app.daemons.security_system.clip_deadlines import Owed
from app.daemons.security_system.publisher import Link, News, Wishes
from app.detector import Event
from app.errors import ProtocolError
from app.files import has_room
from app.frames import Frame, Packet
from app.protocol import ClipAsked, EventRecord, Fact
from app.recording.clip_writer import ClipWriter
from app.recording.event_folder import EventFolders
from app.recording.recorder import ReadyClip, Recorder
from app.worker import Worker

#: So many clips that somebody asked for are made at the same time.
MOST_ASKED = 4
#: At the end of the program its supervisor waits for 5 s. What is not finished then is finished at
#: the next start.
_PATIENCE_S = 2.5
_LOOK_S = 0.02

_log = logging.getLogger(__name__)

#: Is told the file of what was filmed so far and how many seconds it lasts, or None and 0.
SoFar = Callable[[str | None, float], None]


@dataclass(frozen=True, slots=True)
class _About:
    """What a clip is about: an event, which may be an *alert*, or what somebody *asked* for then
    (ISO 8601).
    """

    alert: bool = True
    asked: str | None = None

    @classmethod
    def read(cls, note: str) -> "_About":
        """The one in *note*; that of an event if there is none."""
        try:
            return cls(**json.loads(note))
        except (ValueError, TypeError):
            return cls()


class Clips:
    """Those of *camera*, in *folders*, told through *link*. Nothing of it holds up the frame that
    is being seen.
    """

    def __init__(
        self,
        camera: str,
        config: Config,
        folders: EventFolders,
        link: Link,
        clock: Clock,
        *,
        owed: Owed,
    ) -> None:
        self._camera = camera
        self._owed = owed
        self._folders = folders
        self._link = link
        self._clock = clock
        self._recorder = Recorder(
            config.recording, clock, self._is_ready, self._failed, self._refusal
        )
        self._worker = Worker("clips", self._step)
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._clip: ClipWriter | None = None
        self._asked: list[ClipWriter] = []
        self._asked_up_to = 0
        self._so_far: dict[Path, SoFar] = {}
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Do as *config* says, with clips that begin from now on."""
        self._settings = config.recording
        self._min_free_gb = config.disk.min_free_gb
        self._wording = AlertText(self._camera, config.motion.trigger, config.events.words)
        # Before a door was opened there is nothing to be seen, nor after it was closed.
        self._by_light = config.motion.trigger == "light"
        self._before_s = 0.0 if self._by_light else config.recording.pre_roll_s
        self._after_s = 0.0 if self._by_light else config.recording.post_roll_s
        self._recorder.configure(config.recording)

    @property
    def on(self) -> bool:
        """Whether clips are wanted."""
        return self._settings.clips

    @property
    def trouble(self) -> str | None:
        """Why clips cannot be written, None while they can."""
        return self._recorder.trouble

    def counters(self) -> Counters:
        """The figures for the heartbeat."""
        ring = self._recorder.ring
        return {
            "clips": self._recorder.count,
            "clip_gaps": self._recorder.gaps,
            "preroll_s": round(ring.kept_s, 1),
            "preroll_mb": round(ring.used_bytes / 1e6, 2),
            "preroll_limit_mb": self._settings.preroll_mb,
        }

    def open(self) -> None:
        """Begin, with what an earlier run has left."""
        parts = self._folders.unfinished_clips(self._camera)
        self._jobs.put(
            lambda: self._recorder.repair(part for part in parts if _is_event(part.parent.name))
        )
        self._worker.start()

    def check(self) -> None:
        """Raise `RuntimeError` when the thread that writes has died of a mistake."""
        self._worker.check()

    def packet(self, packet: Packet) -> None:
        """The camera gave *packet*. From any thread."""
        self._recorder.add_packet(packet)

    def frame(self, frame: Frame) -> None:
        """The camera gave *frame*."""
        if self.on:
            self._recorder.add_frame(frame)

    def opened(self, name: str, event: Event) -> list[threading.Event]:
        """*event*, which is called *name*, has opened. What this returns is set as soon as the
        beginning of its film is on disk.
        """
        if not self.on:
            return []
        self._clip = self._begin(name, event.started_at_s - self._before_s, _About(event.alert))
        return [self._clip.begun]

    def closed(self, ended_at_s: float) -> None:
        """The open event is over since *ended_at_s*."""
        clip, self._clip = self._clip, None
        if clip:
            clip.end(ended_at_s + self._after_s)
            self._worker.wake()

    def so_far(self, tell: SoFar) -> None:
        """Make a file of what was filmed so far of the open event, and *tell* of it instead of
        telling the house, in another thread.
        """
        if self._clip is None:
            tell(None, 0.0)
            return
        self._so_far[self._clip.folder] = tell
        self._clip.split()
        self._worker.wake()

    def follow(self, wishes: Wishes, seeing: bool) -> None:
        """Film what somebody has asked for, if the camera is *seeing* anything."""
        asked_at = wishes.clip_asked_at
        if wishes.clips_asked == self._asked_up_to or asked_at is None:
            return
        self._asked_up_to = wishes.clips_asked
        self._asked = [clip for clip in self._asked if not clip.is_over]
        if not wishes.armed:
            self._answer(asked_at, why=f"Camera {self._camera} is off.")
        elif not self.on:
            self._answer(asked_at, why="The settings say that no clips are made (recording.clips).")
        elif not seeing:
            self._answer(asked_at, why=f"Camera {self._camera} gives no pictures just now.")
        elif len(self._asked) >= MOST_ASKED:
            self._answer(
                asked_at,
                why=f"{MOST_ASKED} clips are being made already; ask again in some seconds.",
            )
        else:
            self._film_asked(asked_at)

    def cut(self) -> None:
        """The camera is closed or lost."""
        self._recorder.stop_clips()
        self._worker.wake()

    def close(self) -> None:
        """Make of all clips what can be made in a moment."""
        self.cut()
        until_s = self._clock.monotonic() + _PATIENCE_S
        while (
            self._recorder.busy
            and not self._worker.has_ended()
            and self._clock.monotonic() < until_s
        ):
            self._clock.sleep(_LOOK_S)
        self._worker.ask_to_stop()

    def _begin(
        self, event: str, start_s: float, about: _About, most_s: float | None = None
    ) -> ClipWriter:
        folder = self._folders.folder(event, protocol.event_started_at(event))
        clip = self._recorder.begin_clip(folder, start_s, json.dumps(asdict(about)), most_s)
        self._worker.wake()
        return clip

    def _film_asked(self, asked_at: datetime) -> None:
        now = self._clock.now()
        ago_s = max((now - asked_at).total_seconds(), 0.0)
        moment, moment_s = now - timedelta(seconds=ago_s), self._clock.monotonic() - ago_s
        event = protocol.event_id(moment, self._camera)
        after = self._settings.post_roll_s
        record = EventRecord(self._camera, moment, moment + timedelta(seconds=after))
        facts = protocol.plain_event(record) | {"forced": True}
        self._jobs.put(partial(self._write_record, event, moment, facts))
        about = _About(alert=False, asked=asked_at.isoformat())
        clip = self._begin(event, moment_s - self._settings.pre_roll_s, about, most_s=math.inf)
        clip.end(moment_s + after)
        self._asked.append(clip)

    def _step(self) -> float:
        while not self._jobs.empty():
            self._jobs.get()()
        return self._recorder.step()

    def _write_record(self, event: str, moment: datetime, facts: dict[str, object]) -> None:
        try:
            self._folders.write_event(event, moment, facts)
        except OSError as error:
            _log.warning("what is known of the clip %s is not written: %s", event, error)

    def _refusal(self, folder: Path) -> str | None:
        if has_room(folder, self._min_free_gb):
            return None
        return f"the disk has less than half of disk.min_free_gb ({self._min_free_gb:g}) left"

    def _is_ready(self, ready: ReadyClip) -> None:
        about, event, file = _About.read(ready.note), ready.clip.parent.name, ready.clip.name
        so_far = self._so_far.pop(ready.clip.parent, None)
        if so_far:
            so_far(file, ready.lasts_s)
        is_news = self._owed.paid(event) if ready.last else not (so_far or self._by_light)
        fact = Fact(
            f"{event}-clip_ready{file.removeprefix('clip').removesuffix('.mp4')}",
            "clip_ready",
            self._clock.now(),
            self._text(ready, event, about),
            self._camera,
            event,
            alert=about.alert and is_news,
            file=file,
            lasted_s=round(ready.lasts_s, 2),
            host=protocol.host_name(),
        )
        self._link.tell(News(fact, spent=ready.part))
        _log.info("%s of event %s is ready: %.1f s", file, event, ready.lasts_s)
        if about.asked:
            self._answer(datetime.fromisoformat(about.asked), event=event, file=file)

    def _text(self, ready: ReadyClip, event: str, about: _About) -> str:
        if about.asked:
            return (
                f"The film of camera {self._camera} that was asked for: {ready.lasts_s:.0f} "
                "seconds."
            )
        if ready.last:
            return self._wording.clip(protocol.event_started_at(event), ready.reaches_s)
        return f"Film of camera {self._camera}, to be continued: {ready.lasts_s:.0f} seconds."

    def _failed(self, folder: Path, note: str, error: OSError) -> None:
        about = _About.read(note)
        self._owed.failed(folder.name)
        so_far = self._so_far.pop(folder, None)
        if so_far:
            so_far(None, 0.0)
        if about.asked:
            self._answer(
                datetime.fromisoformat(about.asked), why=f"The film cannot be written: {error}"
            )

    def _answer(
        self,
        asked_at: datetime,
        *,
        event: str | None = None,
        file: str | None = None,
        why: str | None = None,
    ) -> None:
        self._link.show_clip(
            ClipAsked(asked_at, event, file, why, protocol.host_name() if file else None)
        )


def _is_event(name: str) -> bool:
    try:
        protocol.event_started_at(name)
    except ProtocolError as error:
        _log.warning("a clip is left alone: %s", error)
        return False
    return True
