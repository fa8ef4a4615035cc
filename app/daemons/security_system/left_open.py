"""Finds a door that is left open for too long, and reports each opening once.

An opening begins with the event that light opens, and ends when it is dark. The program may be
killed and restarted meanwhile, or the camera lost and reopened, and another event opens each time.
These events belong to the same opening unless it was out of sight for longer than `OUT_OF_SIGHT`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from app import protocol
from app.detector import Verdict
from app.errors import ProtocolError
from app.frames import Frame

#: Without an event, this many dark frames in a row mean that the door is closed.
_DARK_FRAMES = 3
#: The time for which an opening may be out of sight.
OUT_OF_SIGHT = timedelta(minutes=10)
#: The time between two notes that the opening is still in sight.
NOTE_S = 60.0
#: After this time the report is certainly on disk. Until then another run reports the opening
#: again, under the same id.
_SETTLED_S = 45.0
#: The word in a note that says that the opening was reported.
_REPORTED = "told"


class LeftOpen:
    """Follows the openings that one camera sees.

    An opening is left open after *threshold_s* seconds. *keep* stores a note for the next run; None
    means that the door is closed.
    """

    def __init__(self, threshold_s: float, keep: Callable[[str | None], None]) -> None:
        self.threshold_s = threshold_s
        self._keep = keep
        #: The event with which the present opening began, None when the door is closed.
        self.first_event: str | None = None
        self._reported_s: float | None = None
        self._began_s: float | None = None
        self._seen_s = self._noted_s = float("-inf")
        self._dark = 0

    def resume(self, note: str | None, now: datetime) -> None:
        """Continue the opening in *note*, from an earlier run, if it was seen recently."""
        words = (note or "").split()
        if len(words) < 2:
            return
        event, seen_at = words[:2]
        try:
            protocol.event_started_at(event)
            recent = abs(now - datetime.fromisoformat(seen_at)) <= OUT_OF_SIGHT
        except (ProtocolError, ValueError, TypeError):
            return
        if recent:
            self.first_event, self._seen_s = event, float("inf")
            self._reported_s = float("-inf") if _REPORTED in words else None

    def forget(self) -> None:
        """Forget the present opening, because the camera is switched off."""
        self._close()

    def judge(self, frame: Frame, verdict: Verdict, event: str | None) -> str | None:
        """Judge the next *frame*, with the detector's *verdict* and the open *event*.

        Return the first event of an opening that must now be reported as left open, otherwise None.
        """
        if frame.at_s - self._seen_s > OUT_OF_SIGHT.total_seconds():
            self._close()
        self._seen_s = frame.at_s
        if event is None:
            self._dark = 0 if verdict.motion else self._dark + 1
            if verdict.changed == "closed" or self._dark >= _DARK_FRAMES:
                self._close()
            return None
        self._follow(frame, event)
        is_due = self._reported_s is None and self.lasts_s >= self.threshold_s
        return self.first_event if is_due else None

    @property
    def lasts_s(self) -> float:
        """Return how long the opening has lasted, by the camera's clock, which is never set."""
        return 0.0 if self._began_s is None else self._seen_s - self._began_s

    def reported(self) -> None:
        """Remember that the present opening was reported."""
        self._reported_s = self._seen_s

    def _follow(self, frame: Frame, event: str) -> None:
        self._dark = 0
        if self.first_event is None:
            self.first_event, self._reported_s = event, None
        if self._began_s is None:
            before = frame.taken_at - protocol.event_started_at(self.first_event)
            self._began_s = frame.at_s - before.total_seconds()
        if frame.at_s - self._noted_s >= NOTE_S:
            self._noted_s = frame.at_s
            self._keep(self._note(self.first_event, frame))

    def _note(self, first_event: str, frame: Frame) -> str:
        words = [first_event, frame.taken_at.isoformat()]
        if self._reported_s is not None and frame.at_s - self._reported_s >= _SETTLED_S:
            words.append(_REPORTED)
        return " ".join(words)

    def _close(self) -> None:
        if self.first_event:
            self._keep(None)
        self.first_event = self._began_s = None
        self._noted_s = float("-inf")
