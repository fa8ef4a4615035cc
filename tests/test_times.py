"""Times as people read and write them, and as Redis has them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.times import format_duration, format_time, parse_end, utc_time

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
    assert format_time(NOW - timedelta(days=8), NOW).startswith("12 Nov ")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (42, "42 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")],
)
def test_a_length_is_shown_in_one_unit(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("text", "minutes"), [("30m", 30), ("2h", 120), (" 1H30M ", 90), ("90 min", 90)]
)
def test_a_length_that_a_person_writes_is_read(text: str, minutes: int) -> None:
    assert parse_end(text, NOW) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "30", "until", "until 24:00", "until 10:60", "2d"])
def test_words_that_mean_no_time_are_not_guessed_at(text: str) -> None:
    assert parse_end(text, NOW) is None
