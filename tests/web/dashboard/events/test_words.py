"""An event in words."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.protocol import event_id
from app.times import format_time
from app.web.dashboard.events.row import EventRow, new_row
from app.web.dashboard.events.words import (
    day_words,
    fate_of,
    length_of,
    like_words,
    what_was,
)
from tests.web.dashboard.made_events import FIRST

ROW = new_row(event_id(FIRST, "front"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROW, "Motion"),
        (replace(ROW, score=0.04), "Motion, person score 4%"),
        (replace(ROW, seen="person", score=0.83), "A person, 83%"),
        (replace(ROW, seen="cow", score=0.71), "An animal, 71%"),
        (replace(ROW, asked=True), "A clip that somebody asked for"),
    ],
)
def test_what_it_was_is_said_in_everyday_words(row: EventRow, words: str) -> None:
    assert what_was(row) == words


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (replace(ROW, decision="sent"), "sent"),
        (replace(ROW, decision="sent", delivery="muted"), "muted"),
        (replace(ROW, delivery="delivered"), "sent"),
        (replace(ROW, delivery="no alert"), "no alert"),
        (replace(ROW, decision="held", delivery="delivered"), "held back"),
        (replace(ROW, asked=True), "asked for"),
    ],
)
def test_the_fate_of_an_alert_is_what_is_known(row: EventRow, word: str) -> None:
    fate = fate_of(row)
    assert fate
    assert fate.word == word


def test_the_fate_may_be_unknown() -> None:
    assert fate_of(ROW) is None


def test_an_event_without_an_end_goes_on_for_some_hours() -> None:
    assert length_of(replace(ROW, lasted_s=150), FIRST) == "2 min"
    assert length_of(ROW, FIRST + timedelta(hours=1)) == "going on"
    assert length_of(ROW, FIRST + timedelta(hours=7)) == "end not known"


def test_likeness_names_the_tagged_events() -> None:
    like = tuple(event_id(FIRST - timedelta(minutes=number), "front") for number in (1, 2, 3))
    times = (FIRST - timedelta(minutes=number) for number in (1, 2, 3))
    first, second, third = (format_time(at, FIRST) for at in times)
    assert like_words(replace(ROW, like=like), FIRST) == f"like {first}, {second} and {third}"
    assert like_words(replace(ROW, like=like[:1]), FIRST) == f"like {first}"
    assert like_words(ROW, FIRST) == ""


def test_a_day_is_named_by_how_near_it_is() -> None:
    today = date(2026, 11, 20)
    assert day_words(today, today) == "Today, Friday 20 November"
    assert day_words(date(2026, 11, 19), today) == "Yesterday, Thursday 19 November"
    assert day_words(date(2025, 1, 1), today) == "Wednesday 1 January 2025"
