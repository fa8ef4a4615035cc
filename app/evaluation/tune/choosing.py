"""Chooses the best of several settings by what each would have done in tagged events.

A missed person costs as much as several false alarms (`--miss-costs`). The best settings are chosen
on all days but one, and tried on that day; this is done for each day. So no result comes from the
days on which its settings were chosen. The intervals are those of a bootstrap over the days: the
events of a day depend on one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.evaluation.intervals import Interval

#: Conclusions need so many tags, so many of each kind, on so many days.
LEAST_TAGS, LEAST_OF_EACH, LEAST_DAYS = 60, 20, 5
_RESAMPLES = 4000
#: How many standard errors other settings must be better than the present ones.
_ERRORS = 2.0
Costs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The mistakes of some settings: people *missed*, and *false* alarms."""

    missed: int
    false: int


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The settings that were chosen, as their place *best*, and what they would change.

    *present* and *chosen* are the mistakes in all events: of the present settings, and of those
    chosen without the day on which they are counted. *saved* is the cost that is saved for each
    hundred events, with its interval. *more_tags* is about how many more would make it certain,
    None where nothing is better.
    """

    best: int
    present: Outcome
    chosen: Outcome
    saved: Interval
    more_tags: int | None

    @property
    def is_certain(self) -> bool:
        return self.saved.low > 0


def lacks(occupied: Sequence[bool], days: Sequence[date]) -> list[str]:
    """Return what is lacking for a conclusion, in words."""
    somebody, nobody, here = sum(occupied), len(occupied) - sum(occupied), len(set(days))
    more_of_each = {
        "Occupied": max(0, LEAST_OF_EACH - somebody),
        "Unoccupied": max(0, LEAST_OF_EACH - nobody),
    }
    found = [f"{more} more tagged {label}" for label, more in more_of_each.items() if more]
    rest = LEAST_TAGS - len(occupied) - sum(more_of_each.values())
    if rest > 0:
        found.append(f"{rest} more with {'any tag besides' if found else 'any tag'}")
    if here < LEAST_DAYS:
        more = LEAST_DAYS - here
        found.append(f"tags of {more} more day{'s' if more > 1 else ''}")
    return found


def conclude(
    sent: NDArray[np.bool_],
    occupied: Sequence[bool],
    days: Sequence[date],
    *,
    changes: Sequence[float],
    miss_costs: float,
) -> Conclusion:
    """Return the best settings.

    *sent*, (settings, events), says what each of the settings would have sent; the present ones are
    the first. *changes* is how far each is from the present ones: of settings that are as good,
    the nearest is taken.
    """
    somebody = np.asarray(occupied, np.bool_)
    costs = np.where(somebody, miss_costs * ~sent, sent).astype(np.float64)
    numbers = np.unique([one.toordinal() for one in days], return_inverse=True)[1]
    near = np.asarray(changes, np.float64)
    chosen = np.empty(somebody.size, np.intp)
    for day in range(numbers.max() + 1):
        chosen[numbers == day] = _best(costs[:, numbers != day], near)
    held_out = sent[chosen, np.arange(somebody.size)]
    gains = costs[0] - costs[chosen, np.arange(somebody.size)]
    saved = _saved(gains, numbers)
    return Conclusion(
        _best(costs, near),
        _outcome(sent[0], somebody),
        _outcome(held_out, somebody),
        saved,
        _more_tags(saved, somebody.size),
    )


def _best(costs: Costs, near: Costs) -> int:
    """Return the place of the best settings, but 0 while the present ones may be as good.

    That is the case when the difference is within twice its standard error.
    """
    totals = costs.sum(1)
    lowest = min(range(totals.size), key=lambda place: (totals[place], near[place]))
    differences = costs[0] - costs[lowest]
    error = float(differences.std()) * np.sqrt(costs.shape[1])
    return 0 if differences.sum() <= _ERRORS * error else lowest


def _saved(gains: Costs, numbers: NDArray[Any]) -> Interval:
    """Return the mean of *gains* for a hundred events, by a bootstrap over days."""
    count = numbers.max() + 1
    by_day = np.bincount(numbers, gains, count)
    events = np.bincount(numbers, minlength=count)
    drawn = np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))
    means = 100 * by_day[drawn].sum(1) / events[drawn].sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(100 * float(gains.mean()), float(low), float(high))


def _outcome(sent: NDArray[np.bool_], somebody: NDArray[np.bool_]) -> Outcome:
    return Outcome(int((somebody & ~sent).sum()), int((~somebody & sent).sum()))


def _more_tags(saved: Interval, tags: int) -> int | None:
    """Return how many more tags would make what is saved certain, if it stays as it is."""
    if saved.low > 0:
        return 0
    if saved.value <= 0:
        return None
    times = ((saved.value - saved.low) / saved.value) ** 2
    return max(1, int(np.ceil(tags * (times - 1))))
