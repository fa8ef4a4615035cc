"""The scripts that Redis runs in one step."""

from datetime import UTC, datetime, timedelta

import pytest
import redis

from app.errors import ProtocolError, StateUnavailable
from app.protocol import ArmedBy, EventRecord, Fact, Label, Presence, Request
from app.state import State, Tag

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def started(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def test_a_fact_published_again_is_on_the_stream_once(state: State, raw: redis.Redis) -> None:
    for _ in range(3):
        state.publish(started(), EventRecord("front", NOW), b"jpeg")
    assert raw.xlen("events") == 1
    assert state.event(EVENT) == EventRecord("front", NOW)
    assert state.snapshot(EVENT) == b"jpeg"


def tag(label: Label | None, by: str = "anna", minutes: int = 0) -> Request:
    return Request("tag", NOW + timedelta(minutes=minutes), by, user="U1", event=EVENT, label=label)


def test_a_tag_lands_on_its_event_and_is_requested_once(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    assert state.tag(tag("occupied")) == Tag()
    assert state.tag(tag("occupied", "ben", 1)) == Tag("occupied", "anna", NOW)
    assert state.event(EVENT) == EventRecord(
        "front", NOW, label="occupied", label_by="anna", label_at=NOW
    )
    assert raw.xlen("requests") == 1


def test_a_label_can_change_and_be_undone(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    state.tag(tag("occupied"))
    assert state.tag(tag("unoccupied", "ben", 1)) == Tag("occupied", "anna", NOW)
    assert state.tag(tag(None)) == Tag("unoccupied", "ben", NOW + timedelta(minutes=1))
    assert state.tag(tag(None)) == Tag()
    assert state.event(EVENT) == EventRecord("front", NOW)
    assert raw.xlen("requests") == 3


def test_a_tag_on_an_event_that_is_gone_requests_nothing(state: State, raw: redis.Redis) -> None:
    state.mark_event(EVENT, {"delivered:folder": "2026-11-20T10:15:01Z"})
    assert state.tag(tag("occupied")) is None
    assert not raw.exists("requests")


def test_a_commit_is_whole_and_publishes_once(state: State, raw: redis.Redis) -> None:
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    for _ in range(2):
        state.commit(
            {"presence:anna": Presence(False, NOW)},
            {"home": False, "camera_status": True},
            ArmedBy("who is home", NOW, "gone"),
            fact,
        )
    assert state.get("presence:anna", Presence) == Presence(False, NOW)
    assert state.read_strings("home", "camera_status") == ["False", "True"]
    armed_by = state.get("armed_by", ArmedBy)
    assert armed_by and armed_by.why == "gone"
    assert raw.xlen("events") == 1


def test_a_commit_sent_again_overwrites_nothing_newer(state: State) -> None:
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    state.commit({}, {"camera_status": True}, None, fact)
    state.set_switch("camera_status", False)
    state.commit({}, {"camera_status": True}, None, fact)
    assert state.read_strings("camera_status") == ["False"]


def test_a_commit_that_cannot_publish_stores_nothing(state: State, raw: redis.Redis) -> None:
    state.publish(started())
    raw.config_set("maxmemory", "1")
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    with pytest.raises(StateUnavailable, match="maxmemory"):
        state.commit({"presence:anna": Presence(False, NOW)}, {"camera_status": True}, None, fact)
    assert set(raw.keys()) == {b"events", b"published:" + started().id.encode()}


def test_a_commit_with_one_wrong_record_stores_nothing(state: State, raw: redis.Redis) -> None:
    with pytest.raises(ProtocolError, match="hoem is not a switch"):
        state.commit({"presence:anna": Presence(False, NOW)}, {"hoem": False})
    assert raw.dbsize() == 0
