"""The path of a frame: it is kept for clips, judged, shown, and may open or close an event.

All of it happens in the thread of the camera, or while its turn is held.
"""

from collections.abc import Callable, Sequence

from app import protocol
from app.cameras.base import NetworkReport
from app.clock import Clock
from app.config import Config
from app.daemons.security_system.derived_settings import DetectorSettings
from app.daemons.security_system.event_reporter import frame_time
from app.daemons.security_system.parts import CameraParts
from app.detector import Event, Verdict
from app.frames import Frame, jpeg
from app.motion.base import SOONEST_S
from app.state import Latest

#: The seconds by which frames may be late while somebody is in sight whose event has opened: there
#: is no other alert before he has gone, and then its end is published so much later.
_IN_SIGHT_LATE_S = 0.4


class FramePath:
    """Takes the frames of *camera* to all *parts*, and publishes its events.

    *is_settled* says whether the mount stands still, and *network* what the network in the sensor
    is.
    """

    def __init__(
        self,
        camera: str,
        config: Config,
        settings: DetectorSettings,
        parts: CameraParts,
        clock: Clock,
        *,
        is_settled: Callable[[], bool],
        network: Callable[[], NetworkReport | None],
    ) -> None:
        self._config = config
        self._camera = camera
        self._parts = parts
        self._clock = clock
        self._is_settled = is_settled
        self._network = network
        self._settings = settings
        self.detector = settings.make()
        #: How many frames have come.
        self.count = 0
        #: Whether the scene is still learned, and its brightness where light is the trigger.
        self.learning = False
        self.level: float | None = None
        self._last_frame: Frame | None = None
        #: Whether the last frame showed somebody.
        self._in_sight = False
        self._images_given = 0
        self._latest_s = float("-inf")

    def configure(self, config: Config, settings: DetectorSettings) -> None:
        """Use *config* and the *settings* of the detector from now on."""
        self._config = config
        if settings != self._settings:
            self.end_event()
            self._settings = settings
            self.detector = settings.make(self.detector.last_alert_at_s)

    def take(self, frames: Sequence[Frame]) -> float:
        """Judge the next *frames*; return by how many seconds others may come late."""
        parts = self._parts
        self.count += len(frames)
        for frame in self._worth_judging(frames):
            self._process(frame)
            if parts.people.works or parts.reporter.open_event:
                parts.alerts.follow(frame, self.detector)
        if not self.detector.rests or parts.alerts.waits or self._is_watched:
            return 0.0
        if self._in_sight:
            return _IN_SIGHT_LATE_S if parts.reporter.open_event else 0.0
        return SOONEST_S

    def _worth_judging(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Return those of *frames*, read together, that may show what the last one does not."""
        if len(frames) == 1 or self._parts.captures.keep_all or not self._is_settled():
            return frames
        if self._parts.reporter.open_event and self._parts.people.works:
            return frames
        return self.detector.worth_judging(frames)

    @property
    def _is_watched(self) -> bool:
        wanted = self._parts.publisher.controls.state
        return wanted.watched or wanted.detector_watched or self._parts.display is not None

    def _process(self, frame: Frame) -> None:
        """Pass the next *frame* to the clips, the detector, and all else that waits for it."""
        self._parts.clips.add_frame(frame)
        if self._is_settled() and not frame.focusing:
            self._judge(frame)
        now_s = self._clock.monotonic()
        wanted = self._parts.publisher.controls.state
        is_due = now_s - self._latest_s >= self._config.events.min_save_seconds
        if not frame.damaged and (is_due or self._images_given != wanted.images_asked):
            self._images_given = wanted.images_asked
            self._show_latest(frame, jpeg(frame.bgr()))
        self._parts.shown.offer(frame)

    def _judge(self, frame: Frame) -> None:
        verdict = self.detector.judge(frame)
        self._in_sight = verdict.motion
        if self._parts.display:
            self._parts.display.offer(
                frame, verdict, self.detector.comparison, self._parts.alerts.view
            )
        self._parts.shown.offer_verdict(frame, verdict, self.detector, self._parts.alerts.view)
        if frame.damaged:
            if verdict.event and verdict.changed == "closed":
                self._close_event(verdict.event, frame)
            return
        if self._parts.fault_reports.step(frame):
            self.detector.relearn()
        self._last_frame = frame
        self._parts.people.use_network(self._network())
        self._parts.people.look(frame, verdict, self.detector)
        self._parts.traces.add(frame, verdict)
        if verdict.motion:
            self._parts.clips.extend(frame.at_s)
        self.learning = verdict.learning
        self.level = verdict.level
        if verdict.event and verdict.changed == "opened":
            self._open_event(verdict.event, frame, verdict)
        else:
            if verdict.event and verdict.changed == "closed":
                self._close_event(verdict.event, frame)
            self._parts.captures.record(frame, verdict, self.detector)
        if self._config.motion.trigger == "light":
            self._watch_opening(frame, verdict)

    def _open_event(self, event: Event, frame: Frame, verdict: Verdict) -> None:
        """Publish *event*, and start its sample and its clip.

        That it happened is on disk first, within some milliseconds. Everything else that would be
        lost with this process is on disk before the event goes out.
        """
        event_id = protocol.event_id(frame_time(frame, event.started_at_s), self._camera)
        self._parts.traces.begin(event_id, event)
        decision = self._parts.alerts.opened(event, frame, self.detector)
        findings = self._parts.people.findings
        self._parts.reporter.open(
            event_id,
            event,
            frame,
            verdict.level,
            decision=decision,
            findings=findings,
            verdict=self._parts.alerts.verdict,
        )
        sample = self._parts.captures.record(frame, verdict, self.detector, event_id)
        clip = self._parts.clips.begin(event_id, event)
        picture = self._parts.reporter.complete(event, frame, [*sample, *clip], findings.shot)
        if findings.shot is None:
            self._show_latest(frame, picture)

    def _close_event(self, event: Event, frame: Frame) -> None:
        ended_at_s = frame.at_s if event.ended_at_s is None else event.ended_at_s
        ended_at = frame_time(frame, ended_at_s)
        findings = self._parts.alerts.closed(self.detector)
        has_clip = self._parts.clips.enabled
        verdict = self._parts.alerts.verdict
        self._parts.reporter.end(
            event, ended_at, has_clip=has_clip, findings=findings, verdict=verdict
        )
        self._parts.traces.end(frame, self._settings.motion)
        self._parts.clips.end(ended_at_s)

    def end_event(self) -> None:
        """End the open event, if there is one, because the camera is lost or switched off."""
        event = self.detector.end_event()
        if event and self._last_frame:
            self._close_event(event, self._last_frame)

    def _watch_opening(self, frame: Frame, verdict: Verdict) -> None:
        first = self._parts.left_open.judge(frame, verdict, self._parts.reporter.open_event)
        if first:
            self._parts.left_open.reported()
            lasts_s = self._parts.left_open.lasts_s
            self._parts.clips.split(self._parts.reporter.left_open(first, lasts_s, frame.taken_at))

    def _show_latest(self, frame: Frame, picture: bytes) -> None:
        self._latest_s = self._clock.monotonic()
        self._parts.publisher.show_latest(Latest(picture, frame.taken_at))
