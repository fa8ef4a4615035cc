"""The network in a camera as a person model: its answers come with the pictures."""

import logging

from app.frames import Frame
from app.people.classes import COCO
from app.people.host import Look, LookAnswer, ModelCounts, ModelReport
from app.people.rule import SAME_THING, shared

#: The score from which a person counts, as in picamera2's example; it was not measured here.
THRESHOLD = 0.55
#: The network has seen the picture already, so a look costs nothing; so many seconds between two.
_EVERY_S = 0.2
#: A share of the picture: smaller things the network cannot know, as it sees 320x320 pixels.
_LEAST_SHARE = 0.1
_KINDS = frozenset(COCO.values())

_log = logging.getLogger(__name__)


class CameraModel:
    """The network of *file* in a camera, used like a `ModelHost`; it counts looks in *counts*.

    *refused* is the reason why it is not a file that comes before it, if there is one.
    """

    ready = True
    every_s: float | None = _EVERY_S
    trouble: str | None = None

    def __init__(self, file: str, counts: ModelCounts, refused: str = "") -> None:
        summary = f"person model: imx500 ({file} in the camera)"
        #: What the owner must hear of, None without a problem.
        self.problem: str | None = None
        if refused:
            summary = f"{summary}; not imx500: {refused}"
            self.problem = f"A person model cannot be used. {refused}. {file} is used."
        self.report = ModelReport("imx500", THRESHOLD, True, summary, self.problem)
        self._counts = counts
        self._answers: list[LookAnswer] = []

    def start(self) -> None:
        """Log which model it is."""
        _log.info("%s", self.report.summary)

    def check(self) -> None:
        """Do nothing: it has no thread and no process."""

    def can_look(self, frame: Frame) -> bool:
        """Return whether the network has looked at *frame*."""
        return frame.detections is not None

    def offer(self, look: Look) -> None:
        """Answer *look* by the finds in its frame that are where its track is.

        There is no answer when nothing is found there and the track is too small for the network.
        """
        box = look.followed.box
        found = tuple(
            one
            for one in look.frame.detections or ()
            if one.kind in _KINDS and shared(one.box, box) >= SAME_THING
        )
        self._counts.looks += 1
        rows, columns = look.frame.luma.shape
        if found or max(box.width / columns, box.height / rows) >= _LEAST_SHARE:
            self._answers.append(LookAnswer(look, found))

    def forget(self) -> None:
        """Forget the answers that nobody has taken."""
        self._answers.clear()

    def take(self) -> list[LookAnswer]:
        """Return the answers since the last call, the oldest first."""
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """Do nothing: the camera ends the network."""
