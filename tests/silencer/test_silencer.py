"""The silencer of one camera: what it needs, what it silences, and what it asks."""

from dataclasses import replace
from datetime import date

import pytest

from app.silencer.silencer import Day, Silencer
from tests.silencer.house import person, tagged_house, tree


@pytest.fixture(scope="module")
def silencer() -> Silencer:
    return Silencer(tagged_house())


def test_a_tree_is_a_false_alarm_like_three_that_were_tagged(silencer: Silencer) -> None:
    verdict = silencer.judge(tree(400))
    assert verdict.is_false_alarm
    assert len(set(verdict.like)) == 3
    assert all(event.startswith("tree") and int(event[4:]) < 60 for event in verdict.like)


def test_a_person_is_none(silencer: Silencer) -> None:
    assert not silencer.judge(person(50_000, sure=False)).is_false_alarm


def test_what_the_model_is_sure_of_is_never_silenced(silencer: Silencer) -> None:
    assert silencer.judge(replace(tree(400), score=0.79)).is_false_alarm
    assert not silencer.judge(replace(tree(400), score=0.8)).is_false_alarm


@pytest.mark.parametrize(
    ("people", "empties", "missing"),
    [
        (0, 0, "60 more tags, at least 20 as occupied and at least 20 as unoccupied"),
        (25, 30, "5 more tags"),
        (10, 60, "10 more tags, at least 10 as occupied"),
        (20, 40, None),
    ],
)
def test_it_says_how_many_tags_it_needs(people: int, empties: int, missing: str | None) -> None:
    some = [
        *(person(n, "occupied", sure=False) for n in range(people)),
        *(tree(n, "unoccupied") for n in range(empties)),
    ]
    assert Silencer(some).missing == missing


def test_with_too_few_tags_nothing_is_silenced() -> None:
    house = tagged_house()
    few = Silencer([one for one in house if one.label is None or one.event[-1] in "02468"])
    assert few.missing
    assert not few.judge(tree(400)).is_false_alarm


def test_without_a_person_model_nothing_is_promised() -> None:
    silencer = Silencer([one for one in tagged_house() if not one.is_sure])
    assert silencer.promise
    assert silencer.promise.threshold is None
    assert not silencer.judge(tree(400)).is_false_alarm


def test_it_asks_for_three_tags_but_never_twice(silencer: Silencer) -> None:
    today = [*(tree(n) for n in range(500, 506)), person(501, sure=False), person(502)]
    first = silencer.questions(today, ())
    assert len(first) == 3
    assert "person501" in first
    assert "person502" not in first
    assert not set(first) & set(silencer.questions(today, first))


def test_it_asks_again_about_a_tag_that_must_be_wrong() -> None:
    silencer = Silencer([*tagged_house(), tree(280, "occupied")])
    assert silencer.questions([], ()) == ["tree280"]
    assert silencer.questions([], ("tree280",)) == []


def test_without_tags_it_asks_about_likely_people_first() -> None:
    silencer = Silencer(())
    assert silencer.questions([tree(1), person(1, sure=False)], ())[0] == "person1"


def test_the_first_event_after_arming_is_never_silenced() -> None:
    day = Day()
    today = date(2026, 11, 20)
    for _ in range(30):
        day.opened(today)
    assert day.opened(today)
    day.armed()
    assert not day.opened(today)
    assert day.opened(today)


def test_at_most_nine_of_ten_events_of_a_day_are_silenced() -> None:
    day = Day()
    silenced = 0
    for _ in range(100):
        if day.opened(date(2026, 11, 20)):
            day.was_silenced()
            silenced += 1
    assert silenced == 90
    assert not day.opened(date(2026, 11, 21))


@pytest.mark.parametrize("people", [0, 1, 3, 6])
@pytest.mark.parametrize("empties", [0, 1, 3, 6, 30])
@pytest.mark.parametrize("days", [1, 2, 9])
def test_it_learns_from_few_tags_of_few_days(people: int, empties: int, days: int) -> None:
    examples = [
        *(person(number % (8 * days), "occupied", sure=False) for number in range(people)),
        *(tree(number % (4 * days), "unoccupied") for number in range(empties)),
        *(person(100 + number) for number in range(3)),
    ]
    silencer = Silencer(examples)
    assert not silencer.is_ready
    assert not silencer.judge(tree(1)).is_false_alarm
    silencer.questions(examples, ())


@pytest.mark.parametrize("days", [1, 2])
def test_enough_tags_of_few_days_silence_nothing(days: int) -> None:
    people = [
        replace(
            person(number % 8 + 8 * (number % days), "occupied", sure=False), event=f"p{number}"
        )
        for number in range(30)
    ]
    trees = [
        replace(tree(number % 4 + 4 * (number % days), "unoccupied"), event=f"t{number}")
        for number in range(40)
    ]
    silencer = Silencer([*people, *trees, *(person(100 + number) for number in range(20))])
    assert not silencer.judge(tree(1)).is_false_alarm
