"""The presence rules over simulated months, and the verb that prints their results."""

import json
from statistics import median

import pytest

from app.evaluation.presence_month import LEARNED, PLAIN, Figures, simulate
from tests.evaluation.videos import run, run_as_process

#: In month 89 an outage hides the nap of somebody who lies in; in month 5109 somebody goes to bed
#: an hour earlier than ever. `presence-month` runs any other month.
SEEDS = (89, 5109)
#: Besides what the router sees: one answer that is lost, and the poll after it.
UNANSWERED_S = 30


@pytest.fixture(scope="module", params=SEEDS)
def learned(request: pytest.FixtureRequest) -> Figures:
    seed: int = request.param
    return simulate(seed, 30, LEARNED)


def test_after_3_days_no_house_with_somebody_home_is_armed(learned: Figures) -> None:
    assert learned.false_armings == 0


def test_departures_arm_in_5_minutes_by_day_20_by_night(learned: Figures) -> None:
    assert median(learned.departures_by_day) <= 300
    assert max([*learned.departures_by_day, *learned.departures_by_night]) <= 1200
    assert len(learned.departures_by_day) > 20
    assert learned.departures_by_night
    assert learned.departures_missed == 0


def test_arrivals_disarm_within_20_s_of_the_routers_list(learned: Figures) -> None:
    assert max(learned.arrivals) <= 20
    assert len(learned.arrivals) > 20
    assert max(learned.arrivals_hindered, default=0) <= UNANSWERED_S


def test_a_visitor_with_a_residents_host_name_disarms_nothing(learned: Figures) -> None:
    assert learned.disarmings_by_strangers == 0


def test_a_plain_wait_often_arms_while_people_sleep() -> None:
    plain = simulate(20, 12, PLAIN)
    assert plain.false_armings > 10
    assert plain.departures_by_night
    assert max(plain.departures_by_night) <= 300


def test_the_verb_prints_both_side_by_side() -> None:
    done = run("presence-month", "--days", "4", "--seed", "2")
    assert (done.exit_code, done.stderr) == (0, "")
    heading, *rows = done.stdout.splitlines()
    assert heading.split() == ["learned", "plain"]
    assert any(row.startswith("armed while somebody was home, after that") for row in rows)


def test_the_verb_gives_the_same_figures_as_json() -> None:
    done = run_as_process("presence-month", "--days", "4", "--seed", "2", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert list(figures) == ["learned", "plain"]
    assert Figures(**figures["learned"]) == simulate(2, 4, LEARNED)
