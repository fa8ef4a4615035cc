"""Judges the events of one camera by what its tags have taught."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from app.silencer.learning import Learned, learn
from app.silencer.numbers import Example
from app.silencer.promise import Promise, promise
from app.silencer.questions import MOST_A_DAY, least_certain
from app.silencer.table import Bools, Ints, Table

#: So many tags are needed, and so many of each label.
LEAST_TAGS, LEAST_OF_EACH = 60, 20
#: With so many tags of each label it knows better than before what to ask.
_LEAST_TO_ASK = 5
#: The newest events without a tag of which the model is sure, from which it learns.
_MOST_SURE = 1000
#: At most this share of a day's events is silenced.
MOST_OF_A_DAY = 0.9


class AlarmVerdict(NamedTuple):
    """The verdict on an event: whether it is a false alarm, and the tagged ones it is *like*."""

    is_false_alarm: bool
    like: tuple[str, ...] = ()


class Silencer:
    """The judge of one camera's events, by *examples*; it does nothing with too few tags."""

    def __init__(self, examples: Sequence[Example]) -> None:
        tagged = [one for one in examples if one.label is not None]
        self.people = sum(one.label == "occupied" for one in tagged)
        self.empties = len(tagged) - self.people
        free = [one for one in examples if one.label is None]
        sure = [one for one in free if one.is_sure][-_MOST_SURE:]
        self._known = [*tagged, *sure]
        self._learned: Learned | None = None
        self.promise: Promise | None = None
        if min(self.people, self.empties) >= _LEAST_TO_ASK:
            self._learned = learn(Table.of(self._known))
        if self._learned and self.missing is None:
            # Both must be of the same days, since they are compared with one another.
            others = [one for one in free if not one.is_sure and sure and one.at >= sure[0].at]
            self.promise = promise(self._learned.model, self._learned.table, Table.of(others))

    @property
    def is_ready(self) -> bool:
        """Return whether it knows of some events that they are false alarms."""
        return self.promise is not None and self.promise.threshold is not None

    @property
    def missing(self) -> str | None:
        """Return how many more tags are needed, in words; None when there are enough."""
        people, empties = LEAST_OF_EACH - self.people, LEAST_OF_EACH - self.empties
        more = max(LEAST_TAGS - self.people - self.empties, max(people, 0) + max(empties, 0))
        if more <= 0:
            return None
        of_each = [
            f"at least {count} as {label}"
            for count, label in ((people, "occupied"), (empties, "unoccupied"))
            if count > 0
        ]
        return f"{more} more tags" + (f", {' and '.join(of_each)}" if of_each else "")

    @property
    def lacks(self) -> str | None:
        """Return what it needs before it can silence anything, in words; None if nothing."""
        if self.is_ready:
            return None
        if self.missing:
            return f"it needs {self.missing}"
        visits = self.promise.visits if self.promise else 0
        return (
            f"it silences nothing yet: with {visits} visits of which the person model is sure, it "
            "cannot say that at most 1 % of people would be lost; usually 150 to 400 are enough"
        )

    def judge(self, example: Example) -> AlarmVerdict:
        """Judge the event of *example*; one of which the person model is sure is no false alarm."""
        if example.is_sure:
            return AlarmVerdict(False)
        silent, near = self.judge_all(Table.of([example]))
        if not silent[0]:
            return AlarmVerdict(False)
        return AlarmVerdict(True, tuple(self._known[row].event for row in near[0]))

    def judge_all(self, table: Table) -> tuple[Bools, Ints]:
        """Return which events of *table* are false alarms, and the rows of the examples nearest.

        Those of which the person model is sure are judged like all others.
        """
        learned, kept = self._learned, self.promise
        if learned is None or kept is None or kept.threshold is None:
            return np.zeros(len(table), bool), np.zeros((len(table), 0), int)
        judged = learned.model.judge(table)
        return judged.scores(learned.model.reach) < kept.threshold, learned.kept[judged.near]

    def questions(self, examples: Sequence[Example], asked: Collection[str]) -> list[str]:
        """Return the events to ask about today, from today's *examples*, but those *asked*."""
        free = [one for one in examples if one.is_person is None and one.event not in asked]
        doubtful: list[str] = []
        if self._learned is None or not free:
            likely = np.array([one.score or 0.0 for one in free])
        else:
            likely = self._learned.model.judge(Table.of(free)).logits
        if self._learned:
            doubtful = [self._known[row].event for row in self._learned.doubtful]
        again = [event for event in doubtful if event not in asked][:1]
        return [*again, *(free[row].event for row in least_certain(likely))][:MOST_A_DAY]


@dataclass(slots=True)
class Day:
    """The events of one day, and how many of them were silenced.

    The first event since the camera was armed is never silenced, nor more than `MOST_OF_A_DAY`.
    """

    day: date | None = None
    events: int = 0
    silenced: int = 0
    since_arming: int = 0

    def armed(self) -> None:
        """Begin again: the next event is the first."""
        self.since_arming = 0

    def opened(self, day: date) -> bool:
        """Count an event of *day*, and return whether it may be silenced."""
        if day != self.day:
            self.day, self.events, self.silenced = day, 0, 0
        self.events += 1
        self.since_arming += 1
        return self.since_arming > 1 and self.silenced + 1 <= MOST_OF_A_DAY * self.events

    def was_silenced(self) -> None:
        """Count the event that was opened last as silenced."""
        self.silenced += 1
