"""Keeps the trace of each event of a camera: what was measured in its frames."""

from app.daemons.security_system.person_watch import PersonWatch
from app.daemons.security_system.publisher import Publisher
from app.detector import Event, Verdict
from app.frames import Frame
from app.motion.base import MotionSettings
from app.motion.thresholds import thresholds
from app.recording.trace import Limits, TracePoint, TraceRecorder


class EventTraces:
    """Records the trace of the open event, and gives it to *publisher* when the event has ended.

    *watch* reports the looks of the person model.
    """

    def __init__(self, publisher: Publisher, watch: PersonWatch) -> None:
        self._publisher = publisher
        self._watch = watch
        self._recorder = TraceRecorder()
        self._event: str | None = None
        watch.on_look = self._recorder.looked

    def add(self, frame: Frame, verdict: Verdict) -> None:
        """Add the next *frame* with its *verdict*."""
        self._recorder.add(
            TracePoint(frame.at_s, verdict.changed_px, verdict.hidden, verdict.level)
        )

    def begin(self, event_id: str, event: Event) -> None:
        """Begin the trace of *event*."""
        self._event = event_id
        self._recorder.begin(event.started_at_s)

    def end(self, frame: Frame, motion: MotionSettings) -> None:
        """End the trace of the open event; *motion* has judged its frames, as large as *frame*."""
        rows, columns = frame.luma.shape
        least = thresholds(motion, (rows, columns))
        limits = Limits(least.area_px, least.hidden, least.level, self._watch.threshold)
        trace, event, self._event = self._recorder.end(limits), self._event, None
        if event and trace:
            self._publisher.keep_trace(event, trace)
