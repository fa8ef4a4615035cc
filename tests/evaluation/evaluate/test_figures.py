"""The figures of events that were made by hand."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.evaluation.evaluate import figures
from app.evaluation.evaluate.figures import CALLS, classic_table, counts
from app.evaluation.evaluate.judging import JudgedEvent
from app.evaluation.intervals import Counts
from app.protocol import event_id
from tests.evaluation.tagged import NOON


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def event(number: int, label: str, **changes: Any) -> JudgedEvent:
    at = NOON + timedelta(minutes=number)
    usual: dict[str, Any] = {
        "motion": True,
        "score": 0.0,
        "person": False,
        "remembered": False,
        "sent": True,
        "person_source": "stored",
        "decision_source": "stored",
    }
    return JudgedEvent(
        event_id(at, "front"),
        *("front", at, label),  # type: ignore[arg-type]
        **(usual | changes),
    )


EVENTS = [
    *(event(number, "occupied", person=True, score=0.9) for number in range(5)),
    *(event(number, "occupied", remembered=True, score=0.2) for number in range(5, 8)),
    event(8, "occupied", score=0.1, sent=False),
    *(event(number, "unoccupied", score=0.05, sent=False) for number in range(9, 13)),
    event(13, "unoccupied", person=True, score=0.95),
    event(60, "unoccupied", motion=False, sent=False),
    event(61, "occupied", person=None, score=None),
]


def test_the_classic_table_has_all_its_rows() -> None:
    assert classic_table(EVENTS, CALLS["person"]) == {
        (True, True, True): 5,
        (True, True, False): 1,
        (True, False, True): 4,  # the row that the first table left out
        (True, False, False): 4,
        (False, True, True): 0,
        (False, True, False): 0,
        (False, False, True): 0,
        (False, False, False): 1,
    }


def test_the_memory_moves_people_to_their_row() -> None:
    table = classic_table(EVENTS, figures.person_or_memory)
    assert (table[True, True, True], table[True, False, True]) == (8, 1)


def test_each_way_to_decide_is_counted() -> None:
    found = {name: counts(EVENTS, call) for name, call in CALLS.items()}
    assert found == {
        "motion": Counts(hits=10, false=5, missed=0, right_no=1),
        "person": Counts(hits=5, false=1, missed=4, right_no=5),
        "motion and person": Counts(hits=5, false=1, missed=4, right_no=5),
        "motion and person, with the memory": Counts(hits=8, false=1, missed=1, right_no=5),
        "the rule in force": Counts(hits=9, false=1, missed=1, right_no=5),
    }


def test_hours_are_those_of_the_house() -> None:
    assert [(one.name, one.counts.hits) for one in figures.by_hour(EVENTS)] == [
        ("13:00", 8),
        ("14:00", 1),
    ]
    ((front, found),) = [(one.name, one.counts) for one in figures.by_camera(EVENTS)]
    assert (front, found) == ("front", counts(EVENTS, CALLS["the rule in force"]))


def test_scores_have_bands_and_a_perfect_one_has_too() -> None:
    bands = figures.by_score([*EVENTS, event(70, "occupied", score=1.0)])
    assert [(one.low, one.events, one.occupied) for one in bands] == [
        (0.0, 5, 0),
        (0.1, 1, 1),
        (0.2, 3, 3),
        (0.9, 7, 6),
    ]


def test_the_worst_mistakes_come_first() -> None:
    mistakes = [
        event(1, "unoccupied", score=0.5),
        event(2, "unoccupied", score=0.9),
        event(3, "occupied", score=0.4, sent=False),
        event(4, "occupied", score=0.1, sent=False),
        event(5, "occupied"),
    ]
    found = figures.worst_mistakes(mistakes, 3)
    assert [one.score for one in found] == [0.1, 0.4, 0.9]
