"""The shared state, on a real Redis."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import redis

from app import protocol
from app.errors import ProtocolError
from app.protocol import EventRecord, Fact, Heartbeat, Position, Request
from app.state import Latest, State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def started(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def test_an_event_published_twice_keeps_what_came_in_between(state: State) -> None:
    state.publish(started(), EventRecord("front", NOW))
    state.mark_event(EVENT, {"label": "occupied", "delivered:folder": "2026-11-20T10:15:01Z"})
    state.publish(started(), EventRecord("front", NOW))
    found = state.event(EVENT)
    assert found
    assert found.label == "occupied"
    assert state.event_fields(EVENT)["delivered:folder"] == "2026-11-20T10:15:01Z"


def test_what_must_not_outlive_its_writer_expires(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW), b"jpeg")
    state.send_heartbeat("heartbeat:notifier:pi", Heartbeat(1, NOW, NOW, {}))
    state.set_latest("front", Latest(b"jpeg", NOW))
    lives = {
        "heartbeat:notifier:pi": 30,
        f"event:{EVENT}": 30 * 86400,
        f"event:{EVENT}:snapshot": 7 * 86400,
        "camera:front:latest": 86400,
    }
    for key, life_s in lives.items():
        assert life_s - 5 <= raw.ttl(key) <= life_s, key


def test_a_heartbeat_is_exchanged_for_another(state: State, raw: redis.Redis) -> None:
    mine, other = "heartbeat:uploader:pi", "heartbeat:notifier:pi"
    heartbeat = Heartbeat(1, NOW, NOW, {})
    assert state.exchange_heartbeat(mine, heartbeat, other) is None
    state.send_heartbeat(other, replace(heartbeat, pid=2))
    assert state.exchange_heartbeat(mine, heartbeat, other) == replace(heartbeat, pid=2)
    raw.set(other, "garbage")
    assert state.exchange_heartbeat(mine, heartbeat, other) is None
    assert set(state.heartbeats()) == {mine}


def test_a_camera_reads_its_controls_in_one_round_trip(state: State, raw: redis.Redis) -> None:
    state.set_switch("camera_status", False)
    state.put("camera:front:target", Position(10, -5))
    state.add_request(Request("last_image", NOW, "anna", "front"))
    raw.xadd("requests", {"request": "{"})
    wishes = state.camera_controls("front", "0-0")
    assert wishes.camera_status == "False"
    assert protocol.decode(Position, wishes.target or "") == Position(10, -5)
    assert not wishes.watched
    assert [asked and asked.by for asked in wishes.asked] == ["anna", None]
    assert state.camera_controls("front", wishes.newest).asked == ()


def test_switches_are_words_and_first_values_override_none(state: State, raw: redis.Redis) -> None:
    raw.set("camera_notifications", "False")
    state.initialise_switches()
    assert raw.mget("camera_status", "camera_notifications", "home") == [
        b"True",
        b"False",
        b"False",
    ]
    with pytest.raises(ProtocolError, match="camera_status"):
        state.set_switch("camera", True)


def test_requests_of_an_emptied_redis_are_read_from_the_start(
    state: State, raw: redis.Redis
) -> None:
    """A clock that was ahead has made the position, and then the requests were lost."""
    state.add_request(Request("last_image", NOW, "anna"))
    assert state.camera_controls("front", "99999999999999-0").asked
    raw.flushall()
    assert state.camera_controls("front", "99999999999999-0").newest == "0-0"
    state.add_request(Request("last_image", NOW, "ben"))
    again = state.camera_controls("front", "0-0")
    assert [asked and asked.by for asked in again.asked] == ["ben"]
    assert state.camera_controls("front", again.newest).asked == ()


def test_only_the_first_claim_is_granted(state: State, raw: redis.Redis) -> None:
    assert [state.claim_once("signature:ab", 660) for _ in range(3)] == [True, False, False]
    assert 0 < raw.ttl("signature:ab") <= 660


def test_a_snooze_expires(state: State, raw: redis.Redis) -> None:
    state.snooze(NOW, 90)
    assert state.read_strings("snoozed_until") == [NOW.isoformat()]
    assert 0 < raw.ttl("snoozed_until") <= 90
    state.end_snooze()
    assert state.read_strings("snoozed_until") == [None]
