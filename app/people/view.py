"""The newest looks of a person model, and the decision about an alert, for the display."""

from dataclasses import dataclass
from typing import NamedTuple

from app.frames import Box, Detection
from app.people.rule import SAME_THING, Best, shared
from app.protocol import Decision

#: A look is shown for so many seconds.
SHOWN_S = 1.0
#: So many looks are remembered.
MOST_LOOKS = 8


class SeenLook(NamedTuple):
    """A look of the model at the track *number*, in the picture taken at *at_s*.

    It looked at *crop*, and *found* these, all in the pixels of that picture.
    """

    number: int
    at_s: float
    crop: Box
    found: tuple[Detection, ...]

    def things(self) -> list[Detection]:
        """Return the best detection of each thing that was found, the best of all last."""
        best: list[Detection] = []
        for one in sorted(self.found, key=lambda one: one.score, reverse=True):
            if all(shared(one.box, other.box) < SAME_THING for other in best):
                best.append(one)
        return best[::-1]


@dataclass(frozen=True, slots=True)
class PeopleView:
    """The newest *looks* of the model, and the decision about the alert of the event *number*.

    *number* is None while no event is open, *decision* where there is no alert to decide about.
    """

    looks: tuple[SeenLook, ...] = ()
    number: int | None = None
    decision: Decision | None = None
    why: str | None = None
    best: Best | None = None
    corrected: Detection | None = None

    def looks_at(self, at_s: float) -> list[SeenLook]:
        """Return the newest look at each track in the second before *at_s*."""
        recent = (one for one in self.looks if 0 <= at_s - one.at_s <= SHOWN_S)
        return list({one.number: one for one in recent}.values())
