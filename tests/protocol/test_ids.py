"""Ids of events and facts."""

from datetime import UTC, datetime, timedelta

import pytest

from app import protocol
from app.errors import ProtocolError

NOW = datetime(2026, 11, 20, 10, 15, 0, 123_000, tzinfo=UTC)


def test_the_ids_of_events_sort_by_time() -> None:
    moments = [NOW, replace_year(NOW, 2027), NOW.replace(microsecond=124_000)]
    names = [protocol.event_id(moment, "front") for moment in moments]
    assert names[0] == "20261120T101500.123Z-front"
    assert sorted(names) == [names[0], names[2], names[1]]


def replace_year(moment: datetime, year: int) -> datetime:
    return moment.replace(year=year)


def test_two_facts_of_one_moment_have_two_ids() -> None:
    assert protocol.new_fact_id(NOW, "front") != protocol.new_fact_id(NOW, "front")


def test_an_event_id_gives_back_its_camera_and_its_time() -> None:
    event = protocol.event_id(NOW, "front-door")
    assert protocol.event_camera(event) == "front-door"
    assert protocol.event_started_at(event) == NOW


@pytest.mark.parametrize("event", ["", "yesterday", "20261120T101500Z-front", "../../etc/passwd"])
def test_a_wrong_event_id_is_refused(event: str) -> None:
    with pytest.raises(ProtocolError, match="no event's id"):
        protocol.event_started_at(event)
    with pytest.raises(ProtocolError, match="no event's id"):
        protocol.event_camera(event)


def test_an_id_with_an_impossible_date_is_refused() -> None:
    with pytest.raises(ProtocolError, match="no event's id"):
        protocol.event_started_at("20261399T101500.123Z-front")


@pytest.mark.parametrize(
    ("file", "end"), [(None, ""), ("clip.mp4", ""), ("clip-2.mp4", "-2"), ("clip-10.mp4", "-10")]
)
def test_a_fact_of_an_event_has_one_id_for_each_part(file: str | None, end: str) -> None:
    event = protocol.event_id(NOW, "front")
    assert protocol.event_fact_id(event, "clip_ready", file) == f"{event}-clip_ready{end}"


def test_an_id_that_follows_from_a_text_is_the_same_each_time() -> None:
    first = protocol.derived_fact_id(NOW, "disk begun")
    assert first == protocol.derived_fact_id(NOW, "disk begun")
    assert first != protocol.derived_fact_id(NOW, "disk over")
    assert first != protocol.derived_fact_id(NOW + timedelta(seconds=1), "disk begun")


def test_the_same_text_gives_the_same_fact_id() -> None:
    fact_id = protocol.derived_fact_id(NOW, "a text")
    assert fact_id == "20261120T101500.123Z-house-734194ede5b063e6"
    assert protocol.derived_fact_id(NOW, "another text") != fact_id
