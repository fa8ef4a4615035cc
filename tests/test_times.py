"""Times as people read and write them, and as Redis has them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.times import (
    format_duration,
    format_time,
    format_time_s,
    parse_duration,
    parse_until,
    utc_time,
)

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-20T10:15:00Z", "2026-11-20T10:15:00+00:00", "2026-11-20T10:15:00"]
)
def test_a_time_without_a_zone_is_utc(text: str) -> None:
    assert utc_time(text) == NOW


def test_a_time_with_another_zone_keeps_it() -> None:
    at = utc_time("2026-11-20T11:15:00+01:00")
    assert at == NOW
    assert at.tzinfo == timezone(timedelta(hours=1))


@pytest.mark.parametrize("text", ["", "soon", "2026-13-20T10:15:00Z", "{}"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        utc_time(text)


def test_a_time_today_is_short_and_another_has_its_day() -> None:
    here = NOW.astimezone()
    assert format_time(NOW, NOW) == f"{here:%H:%M}"
    assert format_time(NOW - timedelta(days=2), NOW) == f"{here - timedelta(days=2):%a %H:%M}"
    assert format_time(NOW - timedelta(days=8), NOW) == f"{here - timedelta(days=8):%d %b %H:%M}"


def test_seconds_are_shown_on_demand(in_zone: Callable[[str], None]) -> None:
    in_zone("Asia/Kolkata")
    midnight = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
    before = midnight - timedelta(seconds=1)
    assert format_time_s(before, before) == "23:59:59"
    assert format_time_s(before, midnight) == "Thu 23:59:59"
    assert format_time_s(before, midnight + timedelta(days=7)) == "31 Dec 23:59:59"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (42, "42 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")],
)
def test_a_length_is_shown_in_one_unit(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("text", "minutes"), [("30m", 30), ("2h", 120), (" 1H30M ", 90), ("90 min", 90), ("0m", 0)]
)
def test_a_length_that_a_person_writes_is_read(text: str, minutes: int) -> None:
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "30", "until", "until 24:00", "until 10:60", "2d"])
def test_words_that_mean_no_time_are_not_guessed_at(text: str) -> None:
    assert parse_duration(text) is None
    assert parse_until(text, NOW) is None


@pytest.mark.parametrize(
    ("zone", "now", "text", "end"),
    [
        ("UTC", "2026-11-20T10:15:30", "until 10:16", "2026-11-20T10:16"),
        ("UTC", "2026-11-20T10:15:00", "until 10:15", "2026-11-21T10:15"),
        ("UTC", "2026-11-30T23:58:20", "until 23:59", "2026-11-30T23:59"),
        ("UTC", "2026-11-30T23:59:00", "until 23:59", "2026-12-01T23:59"),
        ("UTC", "2026-12-31T23:59:59.999999", "until 0", "2027-01-01T00:00"),
        ("UTC", "2028-02-28T10:15:00", "until 10", "2028-02-29T10:00"),
        ("Asia/Kolkata", "2026-11-20T12:29:59", "until 18:00", "2026-11-20T12:30"),
        ("Europe/Berlin", "2026-10-24T08:15:00", "until 10:15", "2026-10-25T09:15"),
        ("Europe/Berlin", "2026-10-25T00:50:00", "until 2:10", "2026-10-25T01:10"),
        ("Europe/Berlin", "2026-10-25T01:50:00", "until 2:10", "2026-10-26T01:10"),
        ("Europe/Berlin", "2027-03-28T00:45:00", "until 2:30", "2027-03-28T01:30"),
        ("America/New_York", "2026-11-01T05:50:00", "until 1.10", "2026-11-01T06:10"),
        ("America/New_York", "2027-03-14T06:59:59", "until 3", "2027-03-14T07:00"),
        ("America/New_York", "2027-03-13T15:50:43", "until 2", "2027-03-14T07:00"),
        ("America/Santiago", "2026-09-05T20:00:00", "until 0", "2026-09-06T04:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(
    in_zone: Callable[[str], None], zone: str, now: str, text: str, end: str
) -> None:
    in_zone(zone)
    assert parse_until(text, utc_time(now)) == utc_time(end)
