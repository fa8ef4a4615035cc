"""What is left open: an opening that lasts too long, which is told once, whatever happens in
between.

An opening begins with the event that light opens, and is over when it is dark. Meanwhile the
program may be killed and started again, the camera be lost and come back, and each time another
event opens: it is the same opening, as long as it was out of sight for a few minutes only.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from app import protocol
from app.detector import Verdict
from app.errors import ProtocolError
from app.frames import Frame

#: Without an event, so many dark frames one after another say that it is closed.
_DARK_FRAMES = 3
#: How long it may be out of sight, and how often it is noted that it is in sight.
OUT_OF_SIGHT = timedelta(minutes=10)
NOTE_S = 60.0
#: What was told so long ago is on disk by now. Until then another run tells it again, under the
#: same name.
_SETTLED_S = 45.0
_TOLD = "told"


class LeftOpen:
    """Follows the openings that one camera sees. *keep* keeps a line for the next run, None that
    nothing is open.
    """

    def __init__(self, threshold_s: float, keep: Callable[[str | None], None]) -> None:
        self.threshold_s = threshold_s
        self._keep = keep
        #: The event that the present opening began with, None when all is closed.
        self.first: str | None = None
        self._told_s: float | None = None
        self._began_s: float | None = None
        self._seen_s = self._noted_s = float("-inf")
        self._dark = 0

    def resume(self, line: str | None, now: datetime) -> None:
        """Go on with the opening of an earlier run, if there was one until recently."""
        words = (line or "").split()
        if len(words) < 2:
            return
        event, seen_at = words[:2]
        try:
            protocol.event_started_at(event)
            recent = abs(now - datetime.fromisoformat(seen_at)) <= OUT_OF_SIGHT
        except (ProtocolError, ValueError, TypeError):
            return
        if recent:
            self.first, self._seen_s = event, float("inf")
            self._told_s = float("-inf") if _TOLD in words else None

    def forget(self) -> None:
        """Nobody looks any more, so that the next that is open is another opening."""
        self._close()

    def look(self, frame: Frame, verdict: Verdict, event: str | None) -> bool:
        """*frame* was judged so, and *event* is open. Whether it is to be told now that something
        is left open.
        """
        if frame.at_s - self._seen_s > OUT_OF_SIGHT.total_seconds():
            self._close()
        self._seen_s = frame.at_s
        if event is None:
            self._dark = 0 if verdict.motion else self._dark + 1
            if verdict.changed == "closed" or self._dark >= _DARK_FRAMES:
                self._close()
            return False
        self._follow(frame, event)
        return self._told_s is None and self.lasts_s >= self.threshold_s

    @property
    def lasts_s(self) -> float:
        """For how many seconds it is open, by the clock of the camera, which nobody sets."""
        return 0.0 if self._began_s is None else self._seen_s - self._began_s

    @property
    def since(self) -> datetime | None:
        """When the present opening began."""
        return protocol.event_started_at(self.first) if self.first else None

    def told(self) -> None:
        """It is told of the present opening."""
        self._told_s = self._seen_s

    def _follow(self, frame: Frame, event: str) -> None:
        self._dark = 0
        if self.first is None:
            self.first, self._told_s = event, None
        if self._began_s is None:
            self._began_s = (
                frame.at_s
                - (frame.taken_at - protocol.event_started_at(self.first)).total_seconds()
            )
        if frame.at_s - self._noted_s >= NOTE_S:
            self._noted_s = frame.at_s
            told = (
                f" {_TOLD}"
                if self._told_s is not None and frame.at_s - self._told_s >= _SETTLED_S
                else ""
            )
            self._keep(f"{self.first} {frame.taken_at.isoformat()}{told}")

    def _close(self) -> None:
        if self.first:
            self._keep(None)
        self.first = self._began_s = None
        self._noted_s = float("-inf")
