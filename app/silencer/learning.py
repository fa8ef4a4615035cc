"""Learns from the tags of one camera which of its events are false alarms.

People are the events that somebody tagged as occupied, and those without a tag of which the person
model is sure. Three things are learned: how often each place has people and false alarms at each
hour, a logistic regression over the numbers, and how near a false alarm is to the three nearest
tagged ones. An event is silenced if it is near enough to those three, and its logit is below a
threshold, which `app.silencer.promise` chooses.

Events with a person of whom the model is sure are never silenced. They represent the people whom it
hardly saw. So each weighs as much as it looks like those (its *likeness*), and gets the scores of
one of them. docs/design/silencer.md says what is assumed, and what was tried.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.silencer.logistic import Fit, Floats, fit, refit
from app.silencer.numbers import SCORES
from app.silencer.table import Bools, Ints, Table, distances, neighbourhood

NEAREST = 3
#: At most this share of the tags is taken to be wrong.
WRONG = 0.05
_PENALTY, _LIKENESS_PENALTY = 1.0, 10.0
#: The steps from the fit of all days to that without one.
_STEPS_WITHOUT_A_DAY = 2
#: The most that one person counts, as a multiple of the mean.
_MOST_ALIKE = 5.0
#: The density of somebody who comes anywhere at any time, in units of `neighbourhood`.
_ANYWHERE = 0.01
#: The share of tagged false alarms that are near enough to their nearest three.
_NEAR_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Judged:
    """Events as the model sees them: the *logits* of a person, and the nearest false alarms.

    *far* is the distance to the third of them; *near* holds the three rows of the table.
    """

    logits: Floats
    far: Floats
    near: Ints

    def scores(self, reach: float) -> Floats:
        """Return the logits; infinite for what is not within *reach* of false alarms."""
        return np.where(self.far <= reach, self.logits, np.inf)


class Model:
    """A model of the events in *table*, of which everybody is known.

    *held_out* are these events, each judged by what all other days teach. *likeness* is the weight
    of each event among people: 1 in the mean of the people without a tag.
    """

    def __init__(self, table: Table) -> None:
        self._table = table = table.with_borrowed_scores()
        self._centre = table.numbers.mean(axis=0)
        self._scale = np.maximum(table.numbers.std(axis=0), 1e-3)
        self._columns = self._standard(table)
        self.likeness = _likeness(table, self._columns)
        self._places = _Places(table)
        self._people = table.people.astype(float)
        self._weights = _sample_weights(table) * self.likeness
        self._fit = self._fit_all()
        self.held_out = self._hold_out()
        # Without false alarms of two days none is known to be near another.
        far = self.held_out.far[~table.people & np.isfinite(self.held_out.far)]
        self.reach = float(np.quantile(far, _NEAR_SHARE)) if far.size else 0.0

    def judge(self, table: Table) -> Judged:
        """Judge the events of *table*, which are not among those that were learned."""
        columns = self._standard(table)
        people = self._table.people
        near = neighbourhood(table, self._table)
        ratio = _log_ratio(
            near[:, people].sum(1), near[:, ~people].sum(1), people.sum(), (~people).sum()
        )
        logits = self._fit.logits(np.column_stack([columns, ratio]))
        return _judged(logits, distances(columns, self._columns), ~people)

    def _standard(self, table: Table) -> Floats:
        standard: Floats = (table.numbers - self._centre) / self._scale
        return standard

    def _fit_all(self) -> Fit:
        columns = np.column_stack([self._columns, self._places.ratio(None)])
        return fit(columns, self._people, _PENALTY, self._weights)

    def _fit_without(self, day: int) -> Fit:
        rows = self._places.day_of != day
        columns = np.column_stack([self._columns, self._places.ratio(day)])[rows]
        people, weights = self._people[rows], self._weights[rows]
        return refit(self._fit, columns, people, _PENALTY, weights, _STEPS_WITHOUT_A_DAY)

    def _hold_out(self) -> Judged:
        logits = np.zeros(len(self._table))
        for day in range(len(self._places.days)):
            out = self._places.day_of == day
            columns = np.column_stack([self._columns[out], self._places.ratio(day)[out]])
            logits[out] = self._fit_without(day).logits(columns)
        far = distances(self._columns, self._columns)
        days = self._table.days
        far[days[:, None] == days[None, :]] = np.inf
        return _judged(logits, far, ~self._table.people)


class Learned(NamedTuple):
    """A *model*, the *table* that it learned, and which rows of the whole table those are.

    *doubtful* are the other rows: tags that are probably wrong, the worst first.
    """

    model: Model
    table: Table
    kept: Ints
    doubtful: list[int]


def learn(table: Table) -> Learned:
    """Learn *table* without the tags that are probably wrong.

    At most the share `WRONG` of the false alarms may be tagged as people, and the other way round.
    """
    first = Model(table)
    people = table.people & table.tagged
    against = np.where(people, -first.held_out.logits, first.held_out.logits)
    wrong = [
        *_highest(against, people, int(WRONG * (~table.people).sum())),
        *_highest(against, ~table.people, int(WRONG * people.sum())),
    ]
    doubtful = sorted(wrong, key=lambda row: -against[row])
    kept = np.setdiff1d(np.arange(len(table)), doubtful)
    model = Model(table.only(kept)) if doubtful else first
    return Learned(model, table.only(kept), kept, doubtful)


class _Places:
    """The people and the false alarms that there were near the place and hour of each event.

    What an event's own day teaches is left out.
    """

    def __init__(self, table: Table) -> None:
        self.days, self.day_of = np.unique(table.days, return_inverse=True)
        near = neighbourhood(table, table)
        near[self.day_of[:, None] == self.day_of[None, :]] = 0.0
        in_day = (self.day_of[:, None] == np.arange(len(self.days))[None, :]).astype(float)
        people = in_day * table.people[:, None]
        empty = in_day * ~table.people[:, None]
        self._people, self._empty = near @ people, near @ empty
        self._counts = people.sum(axis=0), empty.sum(axis=0)
        self._totals = self._people.sum(axis=1), self._empty.sum(axis=1)

    def ratio(self, without: int | None) -> Floats:
        """Return the ratio for each event, as if there had been no day of the number *without*."""
        people, empty = self._totals
        counts = self._counts[0].sum(), self._counts[1].sum()
        if without is not None:
            people, empty = people - self._people[:, without], empty - self._empty[:, without]
            counts = counts[0] - self._counts[0][without], counts[1] - self._counts[1][without]
        return _log_ratio(people, empty, *counts)


def _log_ratio(people: Floats, empty: Floats, all_people: float, all_empty: float) -> Floats:
    """Return the logarithm of the density of *people* over that of *empty* events."""
    density = people / max(all_people, 1) + _ANYWHERE
    ratio: Floats = np.log(density / (empty / max(all_empty, 1) + _ANYWHERE))
    return ratio


def _likeness(table: Table, columns: Floats) -> Floats:
    """Return how much each person without a tag looks like those with one; 1 for all others.

    It is the ratio of the two densities, by a logistic regression of one against the other.
    """
    likeness = np.ones(len(table))
    free, tagged = table.people & ~table.tagged, table.people & table.tagged
    if not free.any() or not tagged.any():
        return likeness
    people = np.flatnonzero(table.people)
    is_tagged = tagged[people].astype(float)
    weights = np.where(is_tagged == 1, 1.0, tagged.sum() / free.sum())
    model = fit(columns[people, :SCORES], is_tagged, _LIKENESS_PENALTY, weights)
    odds = np.exp(np.clip(model.logits(columns[free, :SCORES]), -20, 20))
    odds = np.minimum(odds / odds.mean(), _MOST_ALIKE)
    likeness[free] = odds / odds.mean()
    return likeness


def _sample_weights(table: Table) -> Floats:
    """Return the weight of each event; the people without a tag weigh no more than the tags."""
    free = table.people & ~table.tagged
    share = min(1.0, float((~free).sum()) / max(int(free.sum()), 1))
    return np.where(free, share, 1.0)


def _judged(logits: Floats, far: Floats, empties: Bools) -> Judged:
    """Return the judgement with the nearest of *empties*, by the distances *far*."""
    rows = np.flatnonzero(empties)
    of_empties = far[:, rows]
    first = np.argpartition(of_empties, NEAREST - 1, axis=1)[:, :NEAREST]
    order = np.take_along_axis(of_empties, first, axis=1).argsort(axis=1)
    first = np.take_along_axis(first, order, axis=1)
    third = np.take_along_axis(of_empties, first[:, -1:], axis=1)[:, 0]
    return Judged(logits, third, rows[first])


def _highest(values: Floats, among: Bools, count: int) -> list[int]:
    """Return the rows of the *count* highest *values* above 0 *among* some."""
    rows = np.flatnonzero(among & (values > 0))
    return [int(row) for row in rows[np.argsort(-values[rows])][:count]]
