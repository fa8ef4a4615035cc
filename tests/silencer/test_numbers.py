"""The numbers of an event are shares, whatever the resolution of the camera is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.protocol import EventRecord, Evidence
from app.silencer.numbers import NAMES, Example, cell, example

EVIDENCE = Evidence((300, 120, 40, 120), 0.01, 0.25, 1.0, 0.2, 0.8, 0.3, "left")
RECORD = EventRecord("front", datetime(2026, 11, 20, 10, 15, tzinfo=UTC), evidence=EVIDENCE)


def numbers(record: EventRecord) -> dict[str, float]:
    found = example("e", record, 4 / 3)
    assert found
    return dict(zip(NAMES, found.numbers, strict=True))


def test_places_are_shares_of_the_picture() -> None:
    found = numbers(RECORD)
    assert (found["across"], found["foot"]) == pytest.approx((0.5, 0.5))
    assert found["size"] == pytest.approx(-2)
    assert (found["entered"], found["hidden_known"]) == (1, 1)


def test_twice_the_resolution_gives_the_same_numbers() -> None:
    large = replace(EVIDENCE, box=(600, 240, 80, 240))
    assert numbers(replace(RECORD, evidence=large)) == numbers(RECORD)


def test_the_score_of_another_class_is_a_number_of_its_own() -> None:
    cat = numbers(replace(RECORD, seen="cat", seen_score=0.7, score=0.2))
    assert (cat["person_score"], cat["other_score"]) == (0.2, 0.7)
    person = numbers(replace(RECORD, seen="person", seen_score=0.7, score=0.7))
    assert (person["person_score"], person["other_score"]) == (0.7, 0.0)


def test_an_event_without_evidence_has_no_numbers() -> None:
    assert example("e", replace(RECORD, evidence=None), 4 / 3) is None
    assert example("e", replace(RECORD, evidence=replace(EVIDENCE, height=0.0)), 4 / 3) is None


def test_a_place_at_the_edge_is_in_the_last_cell() -> None:
    at_edge = replace(EVIDENCE, box=(620, 360, 40, 120))
    found = example("e", replace(RECORD, evidence=at_edge), 4 / 3)
    assert found
    assert cell(found.numbers) == (7, 5)


@pytest.mark.parametrize(
    ("score", "label", "is_person"),
    [
        (0.9, None, True),
        (0.79, None, None),
        (None, None, None),
        (0.9, "unoccupied", False),
        (0.1, "occupied", True),
    ],
)
def test_a_tag_counts_more_than_the_model(
    score: float | None, label: None, is_person: bool | None
) -> None:
    one = Example("e", RECORD.started_at, (0.0,) * len(NAMES), label, score)
    assert one.is_person is is_person
