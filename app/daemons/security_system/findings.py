"""The findings of a person model in the open event, and the best picture of it."""

from typing import NamedTuple

from app.frames import Detection, Frame

#: The picture of an event is the best so many seconds around its opening.
PICTURE_S = 1.0


class Shot(NamedTuple):
    """A picture in which the model saw *detection*; *person* says whether that is a person."""

    frame: Frame
    detection: Detection
    person: bool

    @property
    def rank(self) -> tuple[bool, float]:
        """A better shot has a higher rank."""
        return self.person, self.detection.score


class Findings(NamedTuple):
    """The findings of the model in the open event, as in an `EventRecord`, and their picture.

    All are None while no model has looked.
    """

    score: float | None = None
    person: bool | None = None
    seen: str | None = None
    seen_score: float | None = None
    shot: Shot | None = None


NOTHING_FOUND = Findings()


class BestShot:
    """Keeps the best picture of the open event; between events, the newest two for the next."""

    def __init__(self) -> None:
        #: The best picture of the open event, None without one.
        self.shot: Shot | None = None
        #: When the open event opened, by the times of the pictures; None without an event.
        self.opened_s: float | None = None
        #: Whether the event has a better picture than the one that was published.
        self.has_news = False
        self._recent: list[Shot] = []

    def opened(self, at_s: float) -> None:
        """Begin the event that opens at *at_s*, with the best of the last pictures before it."""
        self.opened_s, self.has_news = at_s, False
        shots = [one for one in self._recent if one.frame.at_s >= at_s - PICTURE_S]
        self.shot = max(shots, key=lambda one: one.rank, default=None)

    def offer(self, shot: Shot) -> None:
        """Keep *shot* if the open event has no better picture, or for the next event."""
        if self.opened_s is None:
            self._recent = [*self._recent[-1:], shot]
            return
        is_near = abs(shot.frame.at_s - self.opened_s) <= PICTURE_S
        best = self.shot
        if best is None or (shot.rank > best.rank and (is_near or shot.person > best.person)):
            self.shot, self.has_news = shot, True

    def is_settled(self, at_s: float) -> bool:
        """Return whether the best picture around the opening is known at *at_s*."""
        return self.opened_s is not None and at_s - self.opened_s >= PICTURE_S

    def closed(self) -> None:
        """Forget the event that has ended."""
        self.opened_s, self.shot, self.has_news = None, None, False

    def relearn(self) -> None:
        """Forget the pictures that were kept for the next event."""
        self._recent.clear()
