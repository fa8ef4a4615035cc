"""The choice among settings whose mistakes are known."""

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from app.evaluation.tune.choosing import Conclusion, Outcome, conclude, lacks

FIRST = date(2026, 11, 1)
Sent = NDArray[np.bool_]


def days(count: int, of: int) -> list[date]:
    return [FIRST + timedelta(days=number * of // count) for number in range(count)]


def house(tags: int, seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return whether each event is somebody, and its size: people are larger, mostly."""
    rng = np.random.default_rng(seed)
    somebody = rng.random(tags) < 0.5
    return somebody, np.where(somebody, rng.normal(3, 0.7, tags), rng.normal(1, 0.7, tags))


def chosen(
    size: NDArray[np.float64], somebody: Sent, limits: list[float], miss_costs: float = 1
) -> Conclusion:
    sent = np.array([size > limit for limit in limits])
    changes = [abs(limit - limits[0]) for limit in limits]
    spread = days(somebody.size, 12)
    return conclude(sent, list(somebody), spread, changes=changes, miss_costs=miss_costs)


def test_a_bad_setting_is_replaced_by_a_good_one_for_certain() -> None:
    somebody, size = house(300)
    found = chosen(size, somebody, [4.5, 0.0, 1.0, 2.0, 3.0])
    assert (found.best, found.is_certain, found.more_tags) == (3, True, 0)
    assert found.present.missed > 100
    assert found.chosen.missed < 20
    assert 0 < found.saved.low < found.saved.value < found.saved.high


def test_a_good_setting_is_kept() -> None:
    somebody, size = house(300)
    found = chosen(size, somebody, [2.0, 0.0, 1.0, 1.9, 2.1, 3.0])
    assert (found.best, found.is_certain) == (0, False)
    assert found.saved.value == 0


def test_a_missed_person_may_cost_more() -> None:
    somebody, size = house(400)
    limits = [4.5, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    dear, cheap = (chosen(size, somebody, limits, costs) for costs in (50, 0.05))
    assert limits[dear.best] < limits[cheap.best]
    assert dear.chosen.missed < cheap.chosen.missed
    assert dear.chosen.false > cheap.chosen.false


def test_noise_leads_to_no_certain_change_in_most_houses() -> None:
    """All settings are equally bad. An interval of 95 % may be wrong in 1 of 40 houses."""
    certain = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sent = rng.random((30, 120)) < 0.5
        somebody = list(rng.random(120) < 0.5)
        found = conclude(sent, somebody, days(120, 10), changes=list(range(30)), miss_costs=3)
        certain += found.is_certain
    assert certain <= 4


def test_wrong_tags_do_not_change_the_choice() -> None:
    somebody, size = house(300)
    wrong = somebody ^ (np.random.default_rng(1).random(300) < 0.05)
    limits = [4.5, 0.0, 1.0, 2.0, 3.0]
    assert chosen(size, wrong, limits).best == chosen(size, somebody, limits).best == 3


def test_a_small_gain_says_how_many_more_tags_it_needs() -> None:
    """The other settings are right three times more, of which two are on one day."""
    somebody = [True, False] * 50
    sent = np.array([somebody, somebody])
    sent[0, [0, 2, 50]] = False
    found = conclude(sent, somebody, days(100, 5), changes=[0, 1], miss_costs=1)
    assert found.present == Outcome(missed=3, false=0)
    assert not found.is_certain
    assert found.more_tags is None or found.more_tags > 0


@pytest.mark.parametrize(
    ("occupied", "unoccupied", "on_days", "expected"),
    [
        (40, 20, 5, []),
        (20, 40, 9, []),
        (10, 80, 9, ["10 more tagged Occupied"]),
        (
            *(3, 0, 1),
            [
                *("17 more tagged Occupied", "20 more tagged Unoccupied"),
                *("20 more with any tag besides", "tags of 4 more days"),
            ],
        ),
        (25, 25, 4, ["10 more with any tag", "tags of 1 more day"]),
    ],
)
def test_too_few_tags_are_named(
    occupied: int, unoccupied: int, on_days: int, expected: list[str]
) -> None:
    labels = [True] * occupied + [False] * unoccupied
    assert lacks(labels, days(len(labels), on_days)) == expected
