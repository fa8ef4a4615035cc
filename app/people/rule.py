"""Decides about the alert of an event by what a person model saw: sent, waiting or held.

It has no clock of its own: all times are those of the pictures, in seconds. docs/design/people.md
says how the limits were measured.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.frames import Box, Detection
from app.people.base import PERSON, PeopleSettings
from app.protocol import Decision, Evidence

#: An alert waits so long for the model.
WAIT_S = 1.0
#: An answer for a picture so long before the opening is about the same event.
_BEFORE_S = 1.0
#: A sure blob: shares of the picture's area and height, height over width, and the shares of the
#: texture that it hides and by which it is darker. Cars that drive towards the camera reach 1.9.
_SURE_SIZE, _SURE_HEIGHT, _SURE_TALLNESS = 0.015, 0.25, 2.0
_SURE_HIDES, _SURE_DARKER = 0.6, 0.1
#: What becomes sure while the alert waits, or is held, must stay it for so long.
_SURE_FOR_S = 0.3
#: So much above the threshold must a person in a doubtful crop be: FastestDet gives insects .63.
DOUBT = 0.1
#: Two boxes are around the same thing when they share so much of the smaller one.
SAME_THING = 0.5
#: An alert is corrected when most answers, so many at least, over so many seconds name something
#: else, and the best of them is so far above the threshold. The first that is seen of a person is
#: sometimes held for a cat.
_CORRECTIONS, _CORRECTION_S, _CORRECTION_MARGIN = 3, 1.0, 0.1

#: Classes that models see in shadows and in parts of people, and that do not come to a house.
_UNLIKELY = frozenset({"airplane", "boat", "train", "elephant", "zebra", "giraffe"})

Why = Literal["no model", "sure", "remembered", "person", "nobody", "no answer"]


@dataclass(frozen=True, slots=True)
class Best:
    """The best that the model saw in an event: *detection*, in the picture taken at *at_s*.

    *person* says whether it counts as a person.
    """

    at_s: float
    detection: Detection
    person: bool


def is_sure(evidence: Evidence | None, columns: int | None = None) -> bool:
    """Return whether *evidence* is enough for an alert, whatever a model says.

    That is a large, upright shape that hides what is behind it, in a picture of so many *columns*.
    It is in view as a whole: the first that is seen of a car is upright too.
    """
    if evidence is None or evidence.hidden is None:
        return False
    x, _, width, height = evidence.box
    return (
        evidence.size >= _SURE_SIZE
        and evidence.height >= _SURE_HEIGHT
        and height >= _SURE_TALLNESS * width
        and evidence.hidden >= _SURE_HIDES
        and evidence.darker >= _SURE_DARKER
        and x > 0
        and (columns is None or x + width < columns)
    )


def subject_of(found: Sequence[Detection], threshold: float) -> tuple[Detection | None, bool]:
    """Return the person in *found*, else the best of the rest; and whether it is a person.

    A person counts from *threshold* on, unless the model holds the same thing for something else
    with a better score. An animal or a vehicle counts from *threshold* on too.
    """
    found = [one for one in found if one.kind not in _UNLIKELY]
    people = [one for one in found if one.kind == PERSON and not _is_another(one, found)]
    person = max(people, key=_score, default=None)
    if person and person.score >= threshold:
        return person, True
    others = [one for one in found if one.kind != PERSON and one.score >= threshold]
    return max(others, key=_score, default=None) or person, False


class _Answer(NamedTuple):
    at_s: float
    found: Sequence[Detection]
    threshold: float


class PersonRule:
    """Decides about the alerts of one camera.

    *threshold* is the score from which a person counts if the settings name none, and *decides*
    says whether the model is good enough to decide about alerts.
    """

    def __init__(self, settings: PeopleSettings, *, threshold: float, decides: bool) -> None:
        required = settings.require_person
        self._asks = decides if required == "auto" else required
        self._threshold = threshold if settings.threshold is None else settings.threshold
        self._memory_s = settings.memory_s
        #: When a person was last seen, in an event or outside.
        self._person_s = -math.inf
        self._opened_s: float | None = None
        self._recent: deque[_Answer] = deque()
        self._sure_since_s = math.inf
        #: The answers that named something else than a person, and the first of them.
        self._others, self._other_s = 0, math.inf
        #: The answers about the present event.
        self.answers = 0
        #: The decision about the present event; None without an alert to decide about.
        self.decision: Decision | None = None
        #: The reason for the decision.
        self.why: Why | None = None
        #: The best that the model saw in the present event: a person, else something else.
        self.best: Best | None = None
        #: The best score of a person in the present event; None while no model has looked.
        self.score: float | None = None
        #: What the model saw instead of a person, after an alert that was sent without one.
        self.corrected: Detection | None = None

    @property
    def asks(self) -> bool:
        """True when an alert needs a person."""
        return self._asks

    @property
    def knows_person(self) -> bool:
        """True when a person is known in the open event, so that looks may be rare."""
        return self._opened_s is not None and self.best is not None and self.best.person

    def opened(
        self,
        at_s: float,
        evidence: Evidence | None,
        columns: int | None = None,
        *,
        alert: bool = True,
    ) -> Decision | None:
        """Decide about an event that opened at *at_s*: "sent", or "waiting" for an answer.

        The picture has so many *columns*, None where that is not known. Without an *alert* there is
        nothing to decide, and the answers are only kept.
        """
        self._begin(at_s)
        self._recall(at_s)
        if not alert:
            return None
        if not self._asks:
            return self._decide("sent", "no model")
        if self.best and self.best.person:
            return self._decide("sent", "person")
        if at_s - self._person_s <= self._memory_s:
            return self._decide("sent", "remembered")
        if is_sure(evidence, columns):
            return self._decide("sent", "sure")
        return self._decide("waiting", None)

    def moved(
        self, at_s: float, evidence: Iterable[Evidence | None], columns: int | None = None
    ) -> Decision | None:
        """Take the *evidence* of all who move at *at_s*; return a new decision.

        An alert that waits, or was held, is sent once somebody looks sure, unless the model mostly
        saw something else. Somebody who comes in over an edge is no more than a part at first.
        """
        if self.decision not in ("waiting", "held"):
            return None
        if not any(is_sure(one, columns) for one in evidence):
            self._sure_since_s = math.inf
            return None
        self._sure_since_s = min(self._sure_since_s, at_s)
        lasts = round(at_s - self._sure_since_s, 6) >= _SURE_FOR_S
        return self._decide("sent", "sure") if lasts and not self._is_other else None

    def answered(
        self, at_s: float, found: Sequence[Detection], *, doubtful: bool = False
    ) -> Decision | None:
        """Take what the model *found* in a picture taken at *at_s*; return a new decision.

        None means that nothing changes. A *doubtful* crop shows what is no motion yet.
        """
        answer = _Answer(at_s, found, self._threshold + DOUBT * doubtful)
        is_person = subject_of(found, answer.threshold)[1]
        if is_person:
            self._person_s = max(self._person_s, at_s)
        if self._opened_s is None or at_s < self._opened_s - _BEFORE_S:
            self._keep(answer)
            return None
        self._take(answer)
        if is_person and (self.decision in ("waiting", "held") or self.corrected):
            self.corrected = None
            return self._decide("sent", "person")
        self._correct(at_s)
        return None

    def failed(self) -> Decision | None:
        """Send what waits: the model is away."""
        return self._decide("sent", "no answer") if self.decision == "waiting" else None

    def step(self, now_s: float) -> Decision | None:
        """Return the decision when the wait is over at *now_s*; None while nothing changes."""
        if self.decision != "waiting" or now_s - (self._opened_s or 0.0) < WAIT_S:
            return None
        return self._give_up()

    def closed(self) -> Decision | None:
        """End the event; return the decision if there was none yet."""
        decision = self._give_up() if self.decision == "waiting" else None
        self._opened_s = None
        return decision

    def _begin(self, at_s: float) -> None:
        self._opened_s = at_s
        self.decision = self.why = self.best = self.score = self.corrected = None
        self.answers = self._others = 0
        self._sure_since_s = self._other_s = math.inf

    def _recall(self, at_s: float) -> None:
        """Take the answers of just before the opening: they are about the same thing."""
        for answer in self._recent:
            if answer.at_s >= at_s - _BEFORE_S:
                self._take(answer)
        self._recent.clear()

    def _keep(self, answer: _Answer) -> None:
        self._recent.append(answer)
        while answer.at_s - self._recent[0].at_s > _BEFORE_S:
            self._recent.popleft()

    def _take(self, answer: _Answer) -> None:
        self.answers += 1
        people = [one.score for one in answer.found if one.kind == PERSON]
        self.score = max([self.score or 0.0, *people])
        subject, is_person = subject_of(answer.found, answer.threshold)
        if subject and subject.kind != PERSON:
            self._others += 1
            self._other_s = min(self._other_s, answer.at_s)
        if subject and (self.best is None or _rank(is_person, subject) > self._best_rank()):
            self.best = Best(answer.at_s, subject, is_person)

    def _best_rank(self) -> tuple[bool, float]:
        return _rank(self.best.person, self.best.detection) if self.best else (False, 0.0)

    @property
    def _is_other(self) -> bool:
        """True when most answers named something else than a person."""
        return self._others > self.answers / 2

    def _correct(self, at_s: float) -> None:
        """Correct an alert that went out without a person once something else is certain."""
        best = self.best
        if (
            self.decision == "sent"
            and self.why != "no model"
            and best
            and best.detection.kind != PERSON
            and best.detection.score >= self._threshold + _CORRECTION_MARGIN
            and self._others >= _CORRECTIONS
            and self._is_other
            and at_s - self._other_s >= _CORRECTION_S
        ):
            self.corrected = best.detection

    def _give_up(self) -> Decision:
        return self._decide(*(("held", "nobody") if self.answers else ("sent", "no answer")))

    def _decide(self, decision: Decision, why: Why | None) -> Decision:
        self.decision, self.why = decision, why
        return decision


def _score(one: Detection) -> float:
    return one.score


def _rank(is_person: bool, one: Detection) -> tuple[bool, float]:
    return is_person, one.score


def _is_another(person: Detection, found: Sequence[Detection]) -> bool:
    """Return whether the model holds *person* for something else with a better score."""
    return any(
        one.kind != PERSON
        and one.score > person.score
        and shared(one.box, person.box) >= SAME_THING
        for one in found
    )


def shared(one: Box, other: Box) -> float:
    """Return the share of the smaller box that both boxes cover."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(width, 0) * max(height, 0) / max(smaller, 1)
