"""Shares with their 95 % intervals: precision, recall and F1."""

import math
from dataclasses import dataclass

import numpy as np

#: The standard deviations of a normal distribution that hold 95 % of it.
_Z = 1.959964
_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Interval:
    """A *value* and its 95 % interval, from *low* to *high*."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of events by their verdict and their truth.

    The verdict on *hits* and *false* was "somebody". *hits* and *missed* really were somebody.
    *right_no* were nobody by both.
    """

    hits: int = 0
    false: int = 0
    missed: int = 0
    right_no: int = 0

    @property
    def precision(self) -> Interval | None:
        """The share of somebody among what was called somebody; None without any."""
        return wilson(self.hits, self.hits + self.false)

    @property
    def recall(self) -> Interval | None:
        """The share of what was called somebody among somebody; None without any."""
        return wilson(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> Interval | None:
        """The harmonic mean of both, with a bootstrap's interval; None without any."""
        return bootstrap_f1(self)


def wilson(count: int, of: int) -> Interval | None:
    """Return the share *count* / *of* with Wilson's score interval; None when *of* is 0."""
    if of == 0:
        return None
    share, z2 = count / of, _Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == of else min(1.0, middle + half)
    return Interval(share, low, high)


def bootstrap_f1(counts: Counts) -> Interval | None:
    """Return F1 with the percentile interval of a bootstrap over the events; None without any.

    The same counts give the same interval.
    """
    kinds = np.array([counts.hits, counts.false, counts.missed, counts.right_no])
    if 2 * counts.hits + counts.false + counts.missed == 0:
        return None
    drawn = np.random.default_rng(0).multinomial(kinds.sum(), kinds / kinds.sum(), _RESAMPLES)
    hits, wrong = 2.0 * drawn[:, 0], drawn[:, 1] + drawn[:, 2]
    scores = np.divide(hits, hits + wrong, out=np.zeros(_RESAMPLES), where=hits + wrong > 0)
    low, high = np.percentile(scores, (2.5, 97.5))
    value = 2 * counts.hits / (2 * counts.hits + counts.false + counts.missed)
    return Interval(value, float(low), float(high))
