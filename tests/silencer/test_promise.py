"""The threshold keeps the promise, or there is none."""

import numpy as np
import pytest

from app.silencer.bounds import upper_bound
from app.silencer.learning import learn
from app.silencer.promise import MAX_MISSED, Promise, promise
from app.silencer.table import Table
from tests.silencer.house import person, tagged_house, tree


def promised(people: int, more_tags: int = 0) -> Promise:
    house = [*tagged_house(people), *(tree(n, "occupied") for n in range(240, 240 + more_tags))]
    learned = learn(Table.of([one for one in house if one.is_person is not None]))
    others = Table.of([one for one in house if one.is_person is None])
    return promise(learned.model, learned.table, others)


def test_with_many_people_elsewhere_the_tree_is_silenced() -> None:
    found = promised(600)
    assert found.threshold is not None
    assert found.bound <= MAX_MISSED
    assert found.removed > 0.6 * found.empties
    assert found.visits < found.people == 600


def test_with_few_people_nothing_is_promised() -> None:
    found = promised(15)
    assert (found.threshold, found.bound, found.removed) == (None, 1.0, 0)


def test_tags_that_speak_against_it_lower_the_threshold() -> None:
    few, many = promised(600), promised(600, more_tags=25)
    assert few.threshold is not None
    assert many.threshold is None or many.threshold < few.threshold
    assert many.removed < few.removed


def test_events_of_one_visit_count_once() -> None:
    alone = promised(600)
    assert upper_bound(0, alone.visits) < MAX_MISSED
    assert alone.missed <= 0.05 * alone.people


@pytest.mark.parametrize("seed", range(3))
def test_people_who_come_later_are_not_silenced(seed: int) -> None:
    house = tagged_house()
    learned = learn(Table.of([one for one in house if one.is_person is not None]))
    others = Table.of([one for one in house if one.is_person is None])
    threshold = promise(learned.model, learned.table, others).threshold
    assert threshold is not None
    new = Table.of([person(20_000 + 1_000 * seed + n, sure=False) for n in range(400)])
    scores = learned.model.judge(new).scores(learned.model.reach)
    assert np.mean(scores < threshold) <= 0.02
