"""Foreign values under our keys: they count as missing, and are set aside when in the way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.errors import ProtocolError
from app.protocol import (
    ArmedBy,
    ClipAsked,
    EventRecord,
    Fact,
    Habits,
    Heartbeat,
    Position,
    Presence,
    Request,
    RouterHealth,
)
from app.state import Latest, State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
BEAT = "heartbeat:notifier:pi"

Put = Callable[[redis.Redis, str], Any]
TYPES: dict[str, Put] = {
    "string": lambda raw, key: raw.set(key, "x"),
    "list": lambda raw, key: raw.rpush(key, "x"),
    "set": lambda raw, key: raw.sadd(key, "x"),
    "hash": lambda raw, key: raw.hset(key, "x", "x"),
    "zset": lambda raw, key: raw.zadd(key, {"x": 1}),
    "stream": lambda raw, key: raw.xadd(key, {"x": "x"}),
}
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "no utf-8": b"\xff\xfe\x80",
    "nul": b"a\0b",
    "nested": b"[" * 100_000,
    "a number": b"5",
    "nan": b'{"pid": NaN, "lasted_s": NaN, "wait_s": NaN}',
    "huge": b"9" * 100_000,
    "negative": b"-1",
    "year one": b"0001-01-01T00:00:00+00:00",
}
RECORDS = {
    "camera:front:position": Position,
    "camera:front:clip": ClipAsked,
    "armed_by": ArmedBy,
    "presence:anna": Presence,
    "presence:anna:habits": Habits,
    "router": RouterHealth,
}
#: A key of each row.
NAMES = {
    row: row.of(*("front" if "camera" in row.name else "notifier", "pi", "front"))
    for row in protocol.KEYS
} | {
    protocol.keys.EVENT: protocol.event_key(EVENT),
    protocol.keys.EVENT_SNAPSHOT: protocol.snapshot_key(EVENT),
    protocol.keys.DELIVERY: protocol.delivery_key("one"),
    protocol.keys.PRESENCE: "presence:anna",
    protocol.keys.HABITS: "presence:anna:habits",
    protocol.keys.PUBLISHED: protocol.published_key("one"),
}


def fact(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def read_everything(state: State) -> None:
    for key, kind in RECORDS.items():
        state.get(key, kind)
    state.heartbeats()
    state.heartbeat_marks()
    state.event(EVENT)
    state.delivery_marks(fact())
    state.delivery_marks("one")
    state.snapshot(EVENT)
    state.latest("front")
    state.latest_taken_at("front")
    state.camera_controls("front", "0-0")
    survey = state.survey(*RECORDS, *protocol.SWITCHES, "snoozed_until", events=5)
    survey.heartbeats()
    survey.events()
    state.facts("notifier", "pi").unfinished()
    state.facts("notifier", "pi").new(0)
    state.requests("notifier", "pi").new(0)


def write_everything(state: State) -> None:
    state.publish(fact(1), EventRecord("front", NOW), b"jpeg")
    state.commit({"router": RouterHealth(True, NOW)}, {"home": True}, None, fact(2))
    state.mark_delivery(fact(), {"held": "x"})
    state.mark_delivery("one", {"held": "x"})
    state.mark_heartbeat(BEAT, "beats")
    state.send_heartbeat(BEAT, Heartbeat(1, NOW, NOW, {}))
    state.set_latest("front", Latest(b"jpeg", NOW))
    state.add_request(Request("last_image", NOW, "anna"))
    state.tag(Request("tag", NOW, "anna", event=EVENT, label="occupied"))
    state.put("camera:front:position", Position(1, 2))
    state.claim_once(protocol.signature_key("ab"), 60)
    state.snooze(NOW, 60)
    state.initialise_switches()


def expect_written(state: State) -> None:
    assert state.event(EVENT) == EventRecord(
        "front", NOW, label="occupied", label_by="anna", label_at=NOW
    )
    assert state.delivery_marks("one")["held"] == "x"
    assert state.heartbeat_marks()[BEAT] == "beats"
    assert BEAT in state.heartbeats()
    assert state.latest("front") == Latest(b"jpeg", NOW)
    assert [one for one in state.camera_controls("front", "0-0").asked if one]
    reader = state.facts("notifier", "pi")
    found = {fact.id for _, fact in [*reader.all_unfinished(), *reader.new(0)]}
    assert {fact(1).id, fact(2).id} <= found


@pytest.mark.parametrize("put", TYPES.values(), ids=TYPES)
def test_a_wrong_type_under_any_key_stops_nothing(
    state: State, raw: redis.Redis, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    """All rows at once."""
    for row, key in NAMES.items():
        if row.type != "channel":
            put(raw, key)
    for _ in range(3):
        read_everything(state)
    ignored = [one.getMessage() for one in caplog.records if "is ignored" in one.getMessage()]
    assert len(ignored) == len(set(ignored))
    write_everything(state)
    expect_written(state)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_under_any_key_stop_nothing(
    state: State, raw: redis.Redis, value: bytes
) -> None:
    """As a string, member, field and entry, whatever the row wants."""
    for row, key in NAMES.items():
        if row.type == "string":
            raw.set(key, value)
        elif row.type == "set":
            raw.sadd(key, value, BEAT)
        elif row.type == "hash":
            raw.hset(key, value, value)
            marks = (mark.of(BEAT, "pi", "front") for mark in row.marks)
            for field in (*row.fields, *marks):
                raw.hset(key, field, value)
        elif row.type == "stream":
            raw.xadd(key, dict.fromkeys((value, *row.fields), value))
            raw.xadd(key, dict.fromkeys(row.fields, value))
    read_everything(state)
    raw.delete(*(key for row, key in NAMES.items() if row.type == "hash"))
    raw.delete(protocol.published_key(fact(1).id))
    write_everything(state)
    expect_written(state)


def test_a_foreign_value_is_kept_and_reported_once_a_day(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    state.clock = FakeClock(NOW)
    for number in range(2):
        event = protocol.event_id(NOW.replace(minute=number), "front")
        raw.set(protocol.event_key(event), "theirs")
        started = Fact(f"{event}-x", "motion_started", NOW, "Motion.", "front", event)
        state.publish(started, EventRecord("front", NOW))
        assert raw.get(protocol.set_aside_key(protocol.event_key(event))) == b"theirs"
    entries: Any = raw.xrange("events")
    facts = [json.loads(stored[b"fact"]) for _, stored in entries]
    assert [fact["kind"] for fact in facts] == ["motion_started", "redis_trouble", "motion_started"]
    assert caplog.text.count("something else writes there") == 2


def test_a_stream_that_takes_no_entry_is_replaced(state: State, raw: redis.Redis) -> None:
    raw.xadd("events", {"x": "x"}, id="18446744073709551615-18446744073709551615")
    state.publish(fact())
    reader = state.facts("notifier", "pi")
    assert fact() in [found for _, found in reader.new(0)]
    assert raw.exists("set-aside:events")


def test_a_write_of_no_record_is_still_refused(state: State) -> None:
    with pytest.raises(ProtocolError, match="hoem is not a switch"):
        state.set_switch("hoem", True)
