"""Chooses the threshold that keeps the promise: at most 1 % of people are silenced.

A person can be lost only if the model is not sure of him. So the share of lost people is the
product of two: how many people the model is not sure of, and how many of those are below the
threshold. Upper bounds of both are known without any tag:

* The first share is largest if every event that looks more like a person than like a false alarm
  is a person.
* The second share is measured with the people of whom the model is sure. Each is judged by what all
  other days teach, and weighted by its likeness to the people of whom the model is not sure. The
  bound is that of Clopper and Pearson for the effective size of this weighted sample.
"""

from dataclasses import dataclass

import numpy as np

from app.silencer.bounds import CONFIDENCE, at_most, upper_bound
from app.silencer.learning import WRONG, Model
from app.silencer.logistic import Floats
from app.silencer.table import Table

#: The promise: at most this share of people is silenced.
MAX_MISSED = 0.01
#: Events of people that begin within so many seconds are one visit.
VISIT_S = 600.0
#: The thresholds that are tried; above 0 somebody is more likely there than not.
_THRESHOLDS = np.arange(-8.0, 0.01, 0.1)
#: So much lower is the threshold than the highest that is found: the highest of many is a little
#: too high, and the bounds rest on assumptions.
_MARGIN = 0.5


@dataclass(frozen=True, slots=True)
class Promise:
    """The result of leaving out one day at a time, with the *threshold*.

    Below it are *missed* of *people*, which are events of people of whom the model is sure, in so
    many *visits*, and *removed* of *empties*, which are tagged false alarms. *bound* is the upper
    95 % bound of the share of lost people, without the margin. The threshold is None where none
    keeps the promise.
    """

    threshold: float | None
    people: int
    visits: int
    missed: int
    bound: float
    empties: int
    removed: int


class _Sample:
    """The people without a tag: the scores and weights, and the effective size by visits."""

    def __init__(self, table: Table, scores: Floats, likeness: Floats) -> None:
        free = np.flatnonzero(table.people & ~table.tagged)
        free = free[np.argsort(table.at_s[free], kind="stable")]
        self.scores, self.weights = scores[free], likeness[free] / likeness[free].sum()
        begins = np.flatnonzero(np.diff(table.at_s[free], prepend=-np.inf) > VISIT_S)
        self.visits = len(begins)
        # Kish's effective size. The events of one visit are like one another, so they count once.
        of_visits = np.add.reduceat(self.weights, begins) if self.visits else self.weights
        self.size = 1 / float((of_visits**2).sum()) if self.visits else 0.0

    def missed(self, threshold: float) -> float:
        """Return how many of `size` are below *threshold*."""
        return self.size * float(self.weights[self.scores < threshold].sum())


def promise(model: Model, table: Table, others: Table) -> Promise:
    """Return the highest threshold of *model* that keeps the promise, less a margin.

    *table* is what it learned; *others* are the events of the same days that nobody tagged and of
    which the person model is not sure.
    """
    scores = model.held_out.scores(model.reach)
    sample = _Sample(table, scores, model.likeness)
    empties, doubts = scores[~table.people], scores[table.people & table.tagged]
    unsure = scores[table.tagged]
    if len(others):
        unsure = np.concatenate([unsure, model.judge(others).scores(model.reach)])
    unsure_share = _share(int((unsure >= 0).sum()), len(sample.scores))
    best, bound = None, 1.0
    for threshold in map(float, _THRESHOLDS):
        if (doubts < threshold).sum() > WRONG * len(empties):
            break  # more tags speak against it than can be wrong
        misses = sample.missed(threshold)
        if at_most(misses, sample.size, MAX_MISSED / unsure_share) <= 1 - CONFIDENCE:
            best, bound = threshold, upper_bound(misses, sample.size) * unsure_share
    best = None if best is None else best - _MARGIN
    below = -np.inf if best is None else best
    missed, removed = (int((part < below).sum()) for part in (sample.scores, empties))
    return Promise(best, len(sample.scores), sample.visits, missed, bound, len(empties), removed)


def _share(unsure: int, sure: int) -> float:
    # One more, so that nobody is certain that the model is sure of everybody.
    return (unsure + 1) / (unsure + sure + 1)
