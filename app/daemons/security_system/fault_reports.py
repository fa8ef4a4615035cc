"""Publishes that something is wrong with the camera itself, such as a covered lens, and its end."""

import logging
from datetime import timedelta
from typing import NamedTuple

from app import protocol
from app.clock import Clock
from app.daemons.security_system.noted_steadiness import NotedSteadiness
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.frames import Frame, Image, annotated, caption
from app.motion.camera_faults import HOLD_S, CameraFault, CameraFaults
from app.protocol import EventRecord, Fact
from app.recording.event_folder import SnapshotPair
from app.state.steadiness import Notice, Pace
from app.times import format_duration, format_time

#: The note that keeps what was published for the next run.
NOTE = "camera-fault"
#: The seconds for which the camera must be good again until that is published.
GOOD_S = 5.0
#: The age from which a picture is certainly from before a fault that is recognised now.
_BEFORE_S = HOLD_S + 2.0
#: The largest width of each picture of the pair, in pixels.
_WIDTH_PX = 960

_log = logging.getLogger(__name__)


class _Words(NamedTuple):
    """The words for a fault: *what* the camera is or shows, and the *cure*."""

    what: str
    cure: str


_WORDS: dict[CameraFault, _Words] = {
    "covered": _Words("is covered", "Look at its lens: something is in front of it, or on it."),
    "turned": _Words(
        "shows another view", "Turn it back, unless somebody has turned it on purpose."
    ),
    "unfocused": _Words("is out of focus", "Clean its lens, or focus it."),
    "frozen": _Words("shows the same picture again and again", "Switch it off and on again."),
    "dark": _Words("is suddenly dark", "Look at its lens, and at the lamp in its room."),
    "blinded": _Words("is blinded", "Look for a bright light in front of it."),
}


class FaultReports:
    """Follows the pictures of *camera*, and publishes its faults through *publisher*.

    *enabled* is the setting `camera_faults`. Steadiness says what is published.
    """

    def __init__(self, camera: str, publisher: Publisher, clock: Clock, enabled: bool) -> None:
        self._camera = camera
        self._publisher = publisher
        self._clock = clock
        self._enabled = enabled
        self._faults = CameraFaults()
        self._steadiness = NotedSteadiness(
            Pace(0.0, GOOD_S), publisher.notes, NOTE, "faults of the camera"
        )
        self._scene = 0
        #: Two pictures from before a fault, the later one first.
        self._earlier: tuple[Frame, ...] = ()
        #: The fault in words while there is one; None otherwise.
        self.trouble: str | None = None

    def open(self) -> None:
        """Take over what an earlier run has published."""
        self._steadiness.open()

    def configure(self, enabled: bool) -> None:
        """Use another *enabled*."""
        if enabled != self._enabled:
            self._enabled = enabled
            self._faults, self._earlier = CameraFaults(), ()
            self.pause()

    def pause(self) -> None:
        """Let no time count while the camera is closed or lost."""
        self.trouble = None
        self._steadiness.pause()

    def relearn(self) -> None:
        """Learn the scene again, because the camera was opened, or turned by its mount."""
        self._faults.relearn()
        self._earlier = ()

    def step(self, frame: Frame) -> bool:
        """Look at the next intact *frame*, and publish what is to be published now.

        Returns whether the view has changed, so that what is known of it must be learned again.
        """
        if not self._enabled or not self._faults.is_due(frame.at_s):
            return False
        if frame.scene != self._scene:
            self._scene = frame.scene
            self.relearn()
        before = self._faults.shown
        fault = self._faults.look(frame.luma, frame.luma_span, frame.at_s)
        self.trouble = f"the camera {_WORDS[fault].what}: {_WORDS[fault].cure}" if fault else None
        self._follow(fault, frame)
        if not self._faults.suspects:
            self._keep(frame)
        shown = self._faults.shown
        return shown != before and bool({shown, before} & {"turned", "unfocused"})

    def _follow(self, fault: CameraFault | None, frame: Frame) -> None:
        known = self._steadiness.record.is_down
        # A new run does not know whether the fault of the last one is over until it sees a scene.
        is_down = fault is not None or (known and not self._faults.learned)
        now = self._clock.now()
        since = now - timedelta(seconds=HOLD_S) if is_down and not known else None
        notice = self._steadiness.observe(is_down, now, self._clock.monotonic(), since)
        if notice:
            self._publish(notice, fault, frame)

    def _keep(self, frame: Frame) -> None:
        if not self._earlier or frame.at_s - self._earlier[0].at_s >= _BEFORE_S:
            self._earlier = (frame, *self._earlier[:1])
        elif frame.at_s < self._earlier[0].at_s:
            self._earlier = (frame,)

    def _publish(self, notice: Notice, fault: CameraFault | None, frame: Frame) -> None:
        now, text, note = notice.at, _text(self._camera, notice, fault), self._steadiness.note()
        _log.warning("%s", text)
        if not notice.is_bad:
            fact_id = protocol.new_fact_id(now, self._camera)
            fact = Fact(fact_id, "camera_fault_over", now, text, self._camera)
            self._publisher.publish(Publication(fact, note=note))
            return
        event = protocol.event_id(now, self._camera)
        fact_id = protocol.event_fact_id(event, "camera_fault")
        fact = Fact(fact_id, "camera_fault", now, text, self._camera, event)
        record = EventRecord(self._camera, now, ended_at=now)
        self._publisher.publish(Publication(fact, record, self._pictures(frame), note=note))

    def _pictures(self, frame: Frame) -> SnapshotPair:
        """Return the picture from before the fault and *frame*, side by side, and *frame*."""
        earlier = [one for one in self._earlier if frame.at_s - one.at_s >= _BEFORE_S][:1]
        shown = [_shown(self._camera, one, frame.luma.shape) for one in (*earlier, frame)]
        return SnapshotPair.encoded(_beside(shown), frame.bgr())


def _shown(camera: str, frame: Frame, shape: tuple[int, ...]) -> Image:
    """Return the picture of *frame* with its time, in the size of a picture of *shape*."""
    import cv2
    import numpy as np

    rows, columns = shape[:2]
    width = min(columns, _WIDTH_PX)
    size = (width, max(round(rows * width / columns), 1))
    picture = cv2.resize(frame.bgr(), size, interpolation=cv2.INTER_AREA)
    return annotated(np.asarray(picture, np.uint8), (), caption(camera, frame))


def _beside(pictures: list[Image]) -> Image:
    import numpy as np

    return np.hstack(pictures)


def _text(camera: str, notice: Notice, fault: CameraFault | None) -> str:
    since = format_time(notice.since, notice.at)
    words = _WORDS[fault] if fault else None
    match notice.kind:
        case "down" if words:
            return f"Camera {camera} {words.what} since {since}. {words.cure}"
        case "unsteady":
            last = f" It {words.what} now. {words.cure}" if words else ""
            return (
                f"Camera {camera} is often covered, turned away or unclear: "
                f"{notice.frequency('so', 'clear')}.{last} You get a summary now and then, not "
                "every change."
            )
        case "steady":
            return f"Camera {camera} sees well all the time again, since {since}."
        case _:
            outage = format_duration(notice.outage_s)
            return f"Camera {camera} sees well again since {since}, after {outage}."
