"""The silencer's promise in simulated houses, and the verb that prints the results."""

import json

import pytest

from app.evaluation.silencer_houses import MOST_TAGS, HouseFigures, simulate, table
from app.silencer.promise import MAX_MISSED
from tests.evaluation.videos import run

#: `silencer-houses` runs any others.
SEEDS = (1, 3)


@pytest.fixture(scope="module")
def houses() -> list[HouseFigures]:
    return [simulate(seed) for seed in SEEDS]


def test_false_alarms_go_and_people_stay(houses: list[HouseFigures]) -> None:
    for house in houses:
        assert house.tags <= MOST_TAGS
        assert house.removed >= 0.6
        assert house.lost <= MAX_MISSED
        assert house.is_kept


def test_a_new_kind_of_false_alarm_costs_no_people(houses: list[HouseFigures]) -> None:
    assert all(house.lost_in_drift <= 2 * MAX_MISSED for house in houses)


def test_the_table_is_markdown(houses: list[HouseFigures]) -> None:
    heading, line, *rows = table(houses).splitlines()
    assert heading.startswith("|  | all houses | tree |")
    assert line.startswith("| --- | ---: |")
    assert "| houses in which the promise is kept | 2 |" in "\n".join(rows)


def test_the_verb_prints_each_house_as_json(houses: list[HouseFigures]) -> None:
    done = run("silencer-houses", "--houses", "1", "--seed", str(SEEDS[0]), "--jobs", "1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert HouseFigures(**{**found, "kinds": tuple(found["kinds"])}) == houses[0]
