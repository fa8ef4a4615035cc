"""Makes the clips of one camera, for its events and on request, and publishes them."""

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
from app.daemons.security_system.clip_deadlines import ClipDeadlines
from app.daemons.security_system.clip_replies import ClipReplies
from app.daemons.security_system.controls import ControlState
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.detector import Event
from app.errors import ProtocolError
from app.files import has_room
from app.frames import Frame, Packet
from app.protocol import HELD_BACK, EventRecord, Fact, event_fact_id
from app.recording.clip_writer import ClipWriter
from app.recording.event_folder import EventFolders
from app.recording.recorder import ReadyClip, Recorder
from app.worker import Worker

#: The number of requested clips that may be made at the same time.
MOST_ASKED = 4
#: The supervisor waits 5 s for the end of the program. Clips that are not finished after this time
#: are finished by the next run.
_PATIENCE_S = 2.5
_LOOK_S = 0.02
#: The start searches the newest days for unfinished clips, and then one older day after another.
_NEWEST_DAYS, _SEARCH_EVERY_S = 2, 1.0
#: A step that lasts longer is late: the end of a long clip is written in one step.
STEP_LIMIT_S = 600.0

_log = logging.getLogger(__name__)

#: A function that gets the file of a clip and its seconds, or None and 0 when there is no file.
ClipCallback = Callable[[str | None, float], None]


@dataclass(frozen=True, slots=True)
class _ClipPurpose:
    """The purpose of a clip: an *alert*, or a request; *asked* is its time as ISO 8601."""

    alert: bool = True
    asked: str | None = None

    @classmethod
    def read(cls, purpose: str) -> "_ClipPurpose":
        """Return the purpose in the text *purpose*; an alert when it holds none."""
        try:
            return cls(**json.loads(purpose))
        except (ValueError, TypeError):
            return cls()

    @property
    def asked_at(self) -> datetime | None:
        return datetime.fromisoformat(self.asked) if self.asked else None


class Clips:
    """Makes the clips of *camera* in *folders* and publishes them through *publisher*.

    Alerts that wait for a clip are in *deadlines*. No method delays the frame that is judged.
    """

    def __init__(
        self,
        camera: str,
        config: Config,
        folders: EventFolders,
        publisher: Publisher,
        *,
        deadlines: ClipDeadlines,
        clock: Clock,
    ) -> None:
        self._camera = camera
        self._folders = folders
        self._publisher = publisher
        self._deadlines = deadlines
        self._clock = clock
        self._recorder = Recorder(
            config.recording, clock, self._on_ready, self._on_failed, self._refusal
        )
        self._worker = Worker("clips", self._step, STEP_LIMIT_S)
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._clip: ClipWriter | None = None
        self._asked: list[ClipWriter] = []
        self._asked_count = 0
        self._callbacks: dict[Path, ClipCallback] = {}
        #: The older days that are not searched yet, and the folders of clips that began meanwhile.
        self._older_days: list[str] = []
        self._begun: set[Path] = set()
        self._replies = ClipReplies(camera, publisher)
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Use *config* for clips that begin from now on."""
        self._settings = config.recording
        self._min_free_gb = config.disk.min_free_gb
        self._alert_text = AlertText(self._camera, config.motion.trigger, config.events.words)
        # There is nothing to see before a door is opened and after it is closed.
        self._by_light = config.motion.trigger == "light"
        self._before_s = 0.0 if self._by_light else config.recording.pre_roll_s
        self._after_s = 0.0 if self._by_light else config.recording.post_roll_s
        self._recorder.configure(config.recording)

    @property
    def enabled(self) -> bool:
        """Return whether clips are wanted."""
        return self._settings.clips

    @property
    def trouble(self) -> str | None:
        """The reason why clips cannot be written, None while they can."""
        return self._recorder.trouble

    def counters(self) -> Counters:
        """Return the figures for the heartbeat."""
        ring = self._recorder.ring
        return {
            "clips": self._recorder.count,
            "clip_gaps": self._recorder.gaps,
            "preroll_s": round(ring.kept_s, 1),
            "preroll_mb": round(ring.used_bytes / 1e6, 2),
            "preroll_limit_mb": self._settings.preroll_mb,
        }

    def open(self) -> None:
        """Start the thread that writes; it first finishes the clips of an earlier run.

        Requests of that run that have no clip get a reply.
        """
        left = self._replies.resume()
        days = self._folders.days()
        self._older_days = days[:-_NEWEST_DAYS]
        self._jobs.put(partial(self._repair, days[-_NEWEST_DAYS:]))
        if left:
            self._jobs.put(partial(self._replies.excuse, left))
        self._worker.start()

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended the thread that writes."""
        self._worker.check()

    def add_packet(self, packet: Packet) -> None:
        """Take the camera's next *packet*; any thread may call this."""
        self._recorder.add_packet(packet)

    def add_frame(self, frame: Frame) -> None:
        """Take the camera's next *frame*."""
        if self.enabled:
            self._recorder.add_frame(frame)

    def begin(self, event_id: str, event: Event) -> list[threading.Event]:
        """Begin the clip of *event*, if clips are wanted.

        The returned event is set when the beginning of the clip is on disk.
        """
        if not self.enabled:
            return []
        start_s = event.started_at_s - self._before_s
        self._clip = self._begin(event_id, start_s, _ClipPurpose(event.alert))
        self._clip.show_until(event.started_at_s + self._after_s)
        return [self._clip.begun]

    def extend(self, moved_at_s: float) -> None:
        """Let the clip of the open event show the time after *moved_at_s*, when something moved."""
        if self._clip:
            self._clip.show_until(moved_at_s + self._after_s)

    def end(self, ended_at_s: float) -> None:
        """End the clip of the open event, which ended at *ended_at_s*."""
        clip, self._clip = self._clip, None
        if clip:
            clip.end(ended_at_s + self._after_s)
            self._worker.wake()

    def split(self, callback: ClipCallback) -> None:
        """Make a file of the open event's clip so far; the rest becomes another file.

        *callback* gets the file, and its fact is then no alert. It may run in another thread.
        """
        if self._clip is None:
            callback(None, 0.0)
            return
        self._callbacks[self._clip.folder] = callback
        self._clip.split()
        self._worker.wake()

    def follow(self, wanted: ControlState, camera_open: bool) -> None:
        """Make a clip if *wanted* has a new request, or publish the reason why there is none."""
        asked_at = wanted.clip_asked_at
        if wanted.clips_asked == self._asked_count or asked_at is None:
            return
        self._asked_count = wanted.clips_asked
        self._asked = [clip for clip in self._asked if not clip.is_over]
        why = self._why_not(wanted, camera_open)
        if why:
            self._replies.refuse(asked_at, why)
        else:
            self._begin_asked(asked_at)

    def cut(self) -> None:
        """End all clips now, because the camera is closed or lost."""
        self._recorder.stop_clips()
        self._worker.wake()

    def close(self) -> None:
        """End all clips, finish the ones that take only a moment, and end the thread."""
        self.cut()
        until_s = self._clock.monotonic() + _PATIENCE_S
        while (
            self._recorder.busy
            and not self._worker.has_ended()
            and self._clock.monotonic() < until_s
        ):
            self._clock.sleep(_LOOK_S)
        self._worker.ask_to_stop()

    def _why_not(self, wanted: ControlState, camera_open: bool) -> str | None:
        """Return the reason why no clip can be made now, None when one can."""
        if not wanted.armed:
            return f"Camera {self._camera} is off."
        if not self.enabled:
            return "The settings say that no clips are made (recording.clips)."
        if not camera_open:
            return f"Camera {self._camera} gives no pictures just now."
        if len(self._asked) >= MOST_ASKED:
            return f"{MOST_ASKED} clips are being made already; ask again in some seconds."
        return None

    def _begin(
        self, event_id: str, start_s: float, purpose: _ClipPurpose, most_s: float | None = None
    ) -> ClipWriter:
        folder = self._folders.folder(event_id, protocol.event_started_at(event_id))
        if self._older_days:
            self._begun.add(folder)
        clip = self._recorder.begin_clip(folder, start_s, json.dumps(asdict(purpose)), most_s)
        self._worker.wake()
        return clip

    def _begin_asked(self, asked_at: datetime) -> None:
        now = self._clock.now()
        ago_s = max((now - asked_at).total_seconds(), 0.0)
        moment, moment_s = now - timedelta(seconds=ago_s), self._clock.monotonic() - ago_s
        event_id = protocol.event_id(moment, self._camera)
        after_s = self._settings.post_roll_s
        record = EventRecord(self._camera, moment, moment + timedelta(seconds=after_s))
        facts = protocol.plain_event(record) | {"forced": True}
        self._jobs.put(partial(self._write_record, event_id, moment, facts))
        purpose = _ClipPurpose(alert=False, asked=asked_at.isoformat())
        clip = self._begin(event_id, moment_s - self._settings.pre_roll_s, purpose, most_s=math.inf)
        clip.end(moment_s + after_s)
        self._asked.append(clip)
        self._replies.expect(asked_at)

    def _step(self) -> float:
        while not self._jobs.empty():
            self._jobs.get()()
        wait_s = self._recorder.step()
        if not self._older_days:
            return wait_s
        if wait_s > _SEARCH_EVERY_S:
            self._repair([self._older_days.pop()])
        return min(wait_s, _SEARCH_EVERY_S)

    def _repair(self, days: list[str]) -> None:
        """Make the clips of *days* that an earlier run left unfinished."""
        parts = self._folders.unfinished_clips(self._camera, days)
        self._recorder.repair(
            part for part in parts if part.parent not in self._begun and _is_event(part.parent.name)
        )

    def _write_record(self, event_id: str, moment: datetime, facts: dict[str, object]) -> None:
        try:
            self._folders.write_event(event_id, moment, facts)
        except OSError as error:
            _log.warning("the record of clip %s is not written: %s", event_id, error)

    def _refusal(self, folder: Path) -> str | None:
        if has_room(folder, self._min_free_gb):
            return None
        return f"the disk has less than half of disk.min_free_gb ({self._min_free_gb:g}) left"

    def _on_ready(self, ready: ReadyClip) -> None:
        purpose = _ClipPurpose.read(ready.purpose)
        event_id, file = ready.clip.parent.name, ready.clip.name
        callback = self._callbacks.pop(ready.clip.parent, None)
        if callback:
            callback(file, ready.lasts_s)
        is_alert = not (callback or self._by_light)
        if ready.last:
            is_alert = self._deadlines.clip_ready(event_id)
        fact = Fact(
            event_fact_id(event_id, "clip_ready", file),
            "clip_ready",
            self._clock.now(),
            self._text(ready, event_id, purpose),
            self._camera,
            event_id,
            alert=purpose.alert and is_alert and self._was_sent(event_id),
            file=file,
            lasted_s=round(ready.lasts_s, 2),
            host=protocol.host_name(),
        )
        self._publisher.publish(Publication(fact, spent=ready.mark))
        _log.info("%s of event %s is ready: %.1f s", file, event_id, ready.lasts_s)
        if purpose.asked_at:
            self._replies.give(purpose.asked_at, event_id, file)

    def _was_sent(self, event_id: str) -> bool:
        """Return whether the alert of *event_id* was not held back; it may have had none to send.

        That is read from the disk, because another run may have decided.
        """
        record = self._folders.read_event(event_id, protocol.event_started_at(event_id))
        return record.get("decision") not in HELD_BACK

    def _text(self, ready: ReadyClip, event_id: str, purpose: _ClipPurpose) -> str:
        if purpose.asked:
            return (
                f"The clip of camera {self._camera} that was asked for: {ready.lasts_s:.0f} "
                "seconds."
            )
        if ready.last:
            return self._alert_text.clip(protocol.event_started_at(event_id), ready.reaches_s)
        return f"Clip of camera {self._camera}, to be continued: {ready.lasts_s:.0f} seconds."

    def _on_failed(self, folder: Path, stored_purpose: str, error: OSError) -> None:
        self._deadlines.clip_failed(folder.name)
        callback = self._callbacks.pop(folder, None)
        if callback:
            callback(None, 0.0)
        asked_at = _ClipPurpose.read(stored_purpose).asked_at
        if asked_at:
            self._replies.refuse(asked_at, f"The clip cannot be written: {error}")


def _is_event(name: str) -> bool:
    try:
        protocol.event_started_at(name)
    except ProtocolError as error:
        _log.warning("a clip is left as it is: %s", error)
        return False
    return True
