"""The strip of one day."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.protocol import EventRecord, event_id
from app.web.dashboard.events.day_strip import HEIGHT, strip_of
from app.web.dashboard.events.row import EventRow, new_row

DAY = date(2026, 10, 25)


@pytest.fixture(autouse=True)
def _in_berlin(in_zone: Callable[[str], None]) -> None:
    """The house is where summer time ends on `DAY`, which has 25 hours."""
    in_zone("Europe/Berlin")


def row(hour: int, minute: int) -> EventRow:
    """The row of an event that began at this time of `DAY`, UTC."""
    at = datetime(2026, 10, 25, hour, minute, tzinfo=UTC)
    return new_row(event_id(at, "front")).of_record(EventRecord("front", at, at))


def test_a_bar_has_the_colour_of_what_matters_most() -> None:
    rows = [
        replace(row(8, 14), decision="silenced"),
        replace(row(8, 2), decision="sent"),
        replace(row(7, 1), label="unoccupied", decision="sent"),
    ]
    strip = strip_of(DAY, rows)
    assert [(bar.colour, bar.height, bar.words) for bar in strip.bars] == [
        ("unoccupied", 22, "08:01: front, unoccupied"),
        ("sent", HEIGHT, "09:02 to 09:14: 2 events, sent; the newest"),
    ]
    assert strip.bars[1].newest == rows[0].id
    assert strip.words == "3 events between 08:01 and 09:14"
    assert strip.colours == {"sent", "unoccupied"}


def test_the_hours_of_a_long_day_are_in_their_places() -> None:
    strip = strip_of(DAY, [row(22, 50)])
    assert strip.hours == (("00:00", 0.0), ("06:00", 28.0), ("12:00", 52.0), ("18:00", 76.0))
    assert strip.bars[0].x == 99.0
    assert strip.words == "1 event, at 23:50"


def test_a_day_without_midnight_begins_after_it(in_zone: Callable[[str], None]) -> None:
    """In Chile summer time begins at midnight."""
    in_zone("America/Santiago")
    at = datetime(2026, 9, 6, 4, 10, tzinfo=UTC)
    first = new_row(event_id(at, "front")).of_record(EventRecord("front", at, at))
    strip = strip_of(date(2026, 9, 6), [first])
    assert (strip.bars[0].x, strip.hours[1]) == (0.0, ("06:00", 21.74))


def test_a_day_without_events_says_so() -> None:
    assert strip_of(DAY, []).words == "no events"
