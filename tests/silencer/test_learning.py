"""The model learns the tree from its tags, and judges each event by the other days."""

from dataclasses import replace

import numpy as np
import pytest

from app.silencer.learning import Learned, learn
from app.silencer.table import Table
from tests.silencer.house import person, tagged_house, tree

TAGS = [one for one in tagged_house(120) if one.is_person is not None]


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn(Table.of(TAGS))


def test_a_new_movement_of_the_tree_is_near_and_no_person(learned: Learned) -> None:
    judged = learned.model.judge(Table.of([tree(400), person(400, sure=False)]))
    assert judged.logits[0] < -1 < judged.logits[1]
    assert judged.far[0] <= learned.model.reach


def test_something_unlike_all_tags_is_out_of_reach(learned: Learned) -> None:
    table = Table.of([tree(400)])
    judged = learned.model.judge(replace(table, numbers=table.numbers - 30))
    assert judged.scores(learned.model.reach)[0] == np.inf


def test_no_event_is_judged_by_its_own_day(learned: Learned) -> None:
    table, held_out = learned.table, learned.model.held_out
    assert not (table.days[held_out.near] == table.days[:, None]).any()
    assert table.people[held_out.near].sum() == 0


def test_wrong_tags_are_found_and_left_out() -> None:
    wrong = [*TAGS, tree(240, "occupied"), person(9_000, "unoccupied", sure=False)]
    found = learn(Table.of(wrong))
    assert len(TAGS) in found.doubtful
    assert len(found.table) == len(wrong) - len(found.doubtful)


def test_at_most_one_tag_in_twenty_is_left_out() -> None:
    lies = [*TAGS, *(tree(n, "occupied") for n in range(240, 260))]
    assert len(learn(Table.of(lies)).doubtful) <= 0.05 * 60 + 0.05 * 45


def test_people_who_look_like_the_tagged_ones_weigh_more() -> None:
    small = [
        replace(one, numbers=(-2.5, 0.1, *one.numbers[2:]))
        for one in (person(n, "occupied", sure=False) for n in range(10_000, 10_025))
    ]
    some = [replace(person(n), numbers=(-2.4, 0.12, *person(n).numbers[2:])) for n in range(30)]
    others = [person(n) for n in range(30, 120)]
    trees = [tree(n, "unoccupied") for n in range(60)]
    model = learn(Table.of([*trees, *small, *some, *others])).model
    likeness = model.likeness[-120:]
    assert likeness[:30].mean() > 2 * likeness[30:].mean()
    assert likeness.mean() == pytest.approx(1.0)
