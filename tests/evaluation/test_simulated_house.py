"""A simulated house has false alarms with something in common, and people anywhere."""

import numpy as np

from app.evaluation.simulated_house import KINDS, ODD, PERSON, House
from app.silencer.numbers import NAMES, SURE_SCORE


def test_the_same_seed_gives_the_same_house() -> None:
    first, second, other = (House(np.random.default_rng(seed)).days(0, 10) for seed in (1, 1, 2))
    assert first.kinds == second.kinds
    assert np.array_equal(first.table.numbers, second.table.numbers)
    assert first.kinds != other.kinds


def test_a_house_has_people_its_kinds_and_odd_ones_in_order() -> None:
    house = House(np.random.default_rng(3))
    events = house.days(5, 40)
    assert set(events.kinds) == {PERSON, ODD, *house.kinds}
    assert set(house.kinds) < set(KINDS)
    assert (np.diff(events.table.at_s) >= 0).all()
    assert events.table.people.tolist() == [kind == PERSON for kind in events.kinds]
    assert set(events.table.days) <= set(range(5, 46))
    assert events.table.numbers.shape[1] == len(NAMES)


def test_a_new_kind_comes_only_when_it_is_asked_for() -> None:
    house = House(np.random.default_rng(4))
    new = next(kind for kind in KINDS if kind not in house.kinds)
    assert new not in house.days(0, 20).kinds
    assert new in house.days(20, 20, (new,)).kinds


def test_the_model_is_sure_of_most_people_but_not_of_all() -> None:
    for seed in range(5):
        events = House(np.random.default_rng(seed)).days(0, 60)
        people = events.table.people
        assert 0.6 < (events.scores[people] >= SURE_SCORE).mean() < 0.99
        assert (events.scores[~people] >= SURE_SCORE).mean() < 0.1
