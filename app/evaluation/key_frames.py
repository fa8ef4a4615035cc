"""The few frames of a clip that are worth a picture."""

from dataclasses import dataclass

from app.detector import Verdict
from app.frames import Frame
from app.motion.base import Comparison
from app.people.view import PeopleView

#: The most frames that are kept, and the seconds of which one is kept at first.
MOST_FRAMES, _FINEST_S = 12, 0.5


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A frame with its verdict, and the data by which it was judged."""

    frame: Frame
    verdict: Verdict
    comparison: Comparison | None
    people: PeopleView | None = None

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """A frame that is worth more has a higher rank."""
        return rank_of(self.verdict)


def rank_of(verdict: Verdict) -> tuple[bool, bool, float]:
    """Return the rank of a frame: it opens an event, shows motion, or much has changed in it."""
    figure = verdict.changed_px if verdict.level is None else verdict.level
    return verdict.changed == "opened", verdict.motion, figure or 0.0


class KeyFrames:
    """Keeps the best frame of each part of a clip; the parts grow with the clip."""

    def __init__(self) -> None:
        self._part_s = _FINEST_S
        self._best: dict[int, KeyFrame] = {}

    def wants(self, frame: Frame, verdict: Verdict) -> bool:
        """Return whether *frame* is the best of its part so far."""
        best = self._best.get(self._number(frame))
        return best is None or rank_of(verdict) > best.rank

    def add(self, key_frame: KeyFrame) -> None:
        """Keep *key_frame* in place of the one of its part."""
        self._best[self._number(key_frame.frame)] = key_frame
        while len(self._best) > MOST_FRAMES:
            kept, self._best = self._best, {}
            self._part_s *= 2
            for one in kept.values():
                if self.wants(one.frame, one.verdict):
                    self._best[self._number(one.frame)] = one

    def frames(self) -> list[KeyFrame]:
        """Return the frames that are kept, in order."""
        return [self._best[number] for number in sorted(self._best)]

    def _number(self, frame: Frame) -> int:
        return int(frame.at_s / self._part_s)
