"""The shared state, on a real Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app import protocol
from app.errors import ProtocolError, StateUnavailable
from app.protocol import ArmedBy, EventRecord, Fact, Heartbeat, Label, Position, Presence, Request
from app.state import Latest, State, Tag, within
from app.state.switches import Switches
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def started(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def test_a_fact_published_again_is_on_the_stream_once(state: State, raw: redis.Redis) -> None:
    for _ in range(3):
        state.publish(started(), EventRecord("front", NOW), b"jpeg")
    assert raw.xlen("events") == 1
    assert state.event(EVENT) == EventRecord("front", NOW)
    assert state.snapshot(EVENT) == b"jpeg"


def test_an_event_told_of_twice_keeps_what_was_learnt_in_between(state: State) -> None:
    state.publish(started(), EventRecord("front", NOW))
    state.mark_event(EVENT, {"label": "occupied", "delivered:folder": "2026-11-20T10:15:01Z"})
    state.publish(started(), EventRecord("front", NOW))
    found = state.event(EVENT)
    assert found
    assert found.label == "occupied"
    assert state.event_fields(EVENT)["delivered:folder"] == "2026-11-20T10:15:01Z"


def test_what_must_not_outlive_its_writer_has_an_end(state: State, raw: redis.Redis) -> None:
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


def test_a_reader_gets_new_facts_and_what_it_left_unfinished(state: State) -> None:
    reader = state.facts("notifier", "one")
    for number in range(3):
        state.publish(started(number))
    first, *_ = reader.new(0.1)
    reader.acknowledge(first[0])
    assert [fact.id for _, fact in state.facts("notifier", "one").unfinished()] == [
        f"{EVENT}-1",
        f"{EVENT}-2",
    ]
    assert reader.new(0.05) == []


def test_two_readers_of_a_group_share_the_facts(state: State) -> None:
    one, two = state.facts("notifier", "one"), state.facts("notifier", "two")
    state.publish(started(0))
    assert len(one.new(0.1)) == 1
    state.publish(started(1))
    assert [fact.id for _, fact in two.new(0.1)] == [f"{EVENT}-1"]


def test_a_reader_goes_on_after_the_stream_was_deleted(state: State, raw: redis.Redis) -> None:
    reader = state.facts("notifier", "one")
    reader.unfinished()
    raw.flushall()
    state.publish(started())
    assert len(reader.new(0.1)) == 1


def test_garbage_on_the_stream_is_dropped_and_logged(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    reader = state.facts("notifier", "one")
    raw.xadd("events", {"fact": '{"id": 3}'})
    raw.xadd("events", {"nonsense": "x"})
    state.publish(started())
    assert [fact.id for _, fact in reader.new(0.1)] == [f"{EVENT}-0"]
    assert caplog.text.count("dropped from the stream events") == 2


def test_what_is_behind_a_whole_batch_of_garbage_is_read_with_it(
    state: State, raw: redis.Redis
) -> None:
    """Half a digest must not pass for the whole, and what was left by a reader that died must not
    lie on.
    """
    reader = state.facts("notifier", "one")
    for _ in range(250):
        raw.xadd("events", {"nonsense": "x"})
    state.publish(started())
    raw.xgroup_create("events", "notifier", id="0")
    raw.xreadgroup("notifier", "one", {"events": ">"}, count=1000)
    assert [fact.id for _, fact in reader.all_unfinished()] == [f"{EVENT}-0"]
    raw.xgroup_setid("events", "notifier", id="0")
    assert [fact.id for _, fact in reader.new(0)] == [f"{EVENT}-0"]
    assert raw.xpending("events", "notifier")["pending"] == 1


def test_a_camera_learns_in_one_round_what_is_wanted_of_it(state: State, raw: redis.Redis) -> None:
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


def test_switches_are_plain_words_and_first_values_do_not_override(
    state: State, raw: redis.Redis
) -> None:
    raw.set("camera_notifications", "False")
    state.initialise_switches()
    assert raw.mget("camera_status", "camera_notifications", "home") == [
        b"True",
        b"False",
        b"False",
    ]
    with pytest.raises(ProtocolError, match="camera_status"):
        state.set_switch("camera", True)


def test_a_switch_that_is_neither_true_nor_false_is_reported_once_and_the_last_good_value_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    switches = Switches()
    assert switches.read("camera_status", "False") is False
    assert [switches.read("camera_status", "perhaps") for _ in range(3)] == [False] * 3
    assert caplog.text.count("camera_status is 'perhaps'") == 1
    assert switches.read("camera_status", None) is False
    assert switches.read("camera_status", "True") is True


def test_a_broken_heartbeat_hides_no_other(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    state.send_heartbeat("heartbeat:a:pi", Heartbeat(1, NOW, NOW + timedelta(seconds=1), {"n": 1}))
    raw.set("heartbeat:b:pi", "{")
    raw.sadd("heartbeats", "heartbeat:b:pi")
    assert list(state.heartbeats()) == ["heartbeat:a:pi"]
    assert "heartbeat:b:pi" in caplog.text


def test_a_key_of_another_type_is_an_error_of_the_protocol(state: State, raw: redis.Redis) -> None:
    raw.lpush("camera:front:position", "x")
    with pytest.raises(ProtocolError, match="WRONGTYPE"):
        state.get("camera:front:position", Position)


def test_a_server_that_is_gone_is_said_at_once_and_found_again(
    redis_server: RedisServer, state: State
) -> None:
    state.ping()
    redis_server.kill()
    with pytest.raises(StateUnavailable, match="not reachable"):
        state.ping()
    redis_server.start()
    state.ping()


def test_a_server_that_cannot_write_is_as_good_as_gone(state: State, raw: redis.Redis) -> None:
    raw.config_set("maxmemory", "1mb")
    raw.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(StateUnavailable, match="Redis"):
        state.set_latest("front", Latest(b"x" * 2_000_000, NOW))
        state.set_latest("front", Latest(b"x" * 2_000_000, NOW))


def tag(label: Label | None, by: str = "anna", minutes: int = 0) -> Request:
    return Request("tag", NOW + timedelta(minutes=minutes), by, user="U1", event=EVENT, label=label)


def test_a_tag_lands_on_its_event_and_is_asked_for_once(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    assert state.tag(tag("occupied")) == Tag()
    assert state.tag(tag("occupied", "ben", 1)) == Tag("occupied", "anna", NOW)
    assert state.event(EVENT) == EventRecord(
        "front", NOW, label="occupied", label_by="anna", label_at=NOW
    )
    assert raw.xlen("requests") == 1


def test_a_label_changes_hands_and_goes_with_an_undo(state: State, raw: redis.Redis) -> None:
    state.publish(started(), EventRecord("front", NOW))
    state.tag(tag("occupied"))
    assert state.tag(tag("unoccupied", "ben", 1)) == Tag("occupied", "anna", NOW)
    assert state.tag(tag(None)) == Tag("unoccupied", "ben", NOW + timedelta(minutes=1))
    assert state.tag(tag(None)) == Tag()
    assert state.event(EVENT) == EventRecord("front", NOW)
    assert raw.xlen("requests") == 3


def test_a_tag_on_an_event_that_is_gone_asks_for_nothing(state: State, raw: redis.Redis) -> None:
    state.mark_event(EVENT, {"delivered:folder": "2026-11-20T10:15:01Z"})
    assert state.tag(tag("occupied")) is None
    assert not raw.exists("requests")


def test_only_the_first_time_is_the_first_time(state: State, raw: redis.Redis) -> None:
    assert [state.claim_once("signature:ab", 660) for _ in range(3)] == [True, False, False]
    assert 0 < raw.ttl("signature:ab") <= 660


def test_a_survey_finds_the_newest_events_and_every_pulse(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    events = [protocol.event_id(NOW + timedelta(minutes=minute), "front") for minute in range(5)]
    for event in events:
        at = protocol.event_started_at(event)
        state.publish(
            Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event),
            EventRecord("front", at),
        )
        state.publish(
            Fact(f"{event}-ended", "motion_ended", at, "Over.", "front", event),
            EventRecord("front", at, at),
        )
    raw.delete(f"event:{events[4]}")
    raw.hset(f"event:{events[3]}", "score", "much")
    state.send_heartbeat("heartbeat:a:pi", Heartbeat(1, NOW, NOW, {"n": 1}))
    found = state.survey("camera_status", "home", events=4)
    assert list(found.events()) == [events[2], events[1]]
    assert "not an event" in caplog.text
    assert found.strings == {"camera_status": None, "home": None}
    assert list(found.heartbeats()) == ["heartbeat:a:pi"]


def test_a_survey_with_a_claim_is_made_once(state: State) -> None:
    state.set_switch("home", True)
    found = [
        state.survey_once(claim, 660, "home")
        for claim in ("signature:ab", "signature:ab", "signature:cd")
    ]
    assert [survey and survey.strings for survey in found] == [
        {"home": "True"},
        None,
        {"home": "True"},
    ]


def test_a_call_that_would_begin_too_late_is_not_made(state: State) -> None:
    with within(-1), pytest.raises(StateUnavailable, match="too slow"):
        state.set_switch("home", True)
    assert state.read_strings("home") == [None]


def test_a_snooze_goes_by_itself(state: State, raw: redis.Redis) -> None:
    state.snooze(NOW, 90)
    assert state.read_strings("snoozed_until") == [NOW.isoformat()]
    assert 0 < raw.ttl("snoozed_until") <= 90
    state.end_snooze()
    assert state.read_strings("snoozed_until") == [None]


def test_what_follows_from_one_thing_is_kept_wholly_and_told_once(
    state: State, raw: redis.Redis
) -> None:
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


def test_what_was_kept_is_not_kept_again_over_what_others_changed_since(state: State) -> None:
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    state.commit({}, {"camera_status": True}, None, fact)
    state.set_switch("camera_status", False)
    state.commit({}, {"camera_status": True}, None, fact)
    assert state.read_strings("camera_status") == ["False"]


def test_nothing_is_kept_when_it_cannot_be_told(state: State, raw: redis.Redis) -> None:
    raw.set("events", "no stream")
    fact = Fact(
        "20261120T101500.000Z-house-1", "presence_changed", NOW, "Everyone has left: armed."
    )
    with pytest.raises(ProtocolError, match="WRONGTYPE"):
        state.commit({"presence:anna": Presence(False, NOW)}, {"camera_status": True}, None, fact)
    assert raw.keys() == [b"events"]


@contextmanager
def denied(raw: redis.Redis, command: str) -> Iterator[None]:
    """In here nobody may call *command*."""
    raw.acl_setuser("default", enabled=True, commands=[f"-{command}"])
    try:
        yield
    finally:
        raw.acl_setuser("default", enabled=True, commands=[f"+{command}"])


def test_a_user_who_may_not_is_waited_out_until_somebody_lets_him(
    state: State, raw: redis.Redis
) -> None:
    with denied(raw, "mget"), pytest.raises(StateUnavailable, match="no permissions"):
        state.read_strings("home")


def test_a_server_that_lets_nobody_change_its_settings_or_ask_for_them_says_so(
    state: State, raw: redis.Redis
) -> None:
    with denied(raw, "config"), pytest.raises(ProtocolError, match="denies that to this user"):
        state.set_server("appendonly", "yes")
    with denied(raw, "info"), pytest.raises(ProtocolError, match="denies that to this user"):
        state.server_facts()


def test_nothing_is_kept_of_what_is_wrong_in_part(state: State, raw: redis.Redis) -> None:
    with pytest.raises(ProtocolError, match="hoem is not a switch"):
        state.commit({"presence:anna": Presence(False, NOW)}, {"hoem": False})
    assert raw.dbsize() == 0
