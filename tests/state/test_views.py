"""Surveys and heartbeats, as callers read them from a real Redis."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app import protocol
from app.errors import StateUnavailable
from app.protocol import Decision, EventRecord, Fact, Heartbeat
from app.state import State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def started(number: int = 0) -> Fact:
    return Fact(f"{EVENT}-{number}", "motion_started", NOW, "Motion.", "front", EVENT)


def test_a_broken_heartbeat_hides_no_other(
    state: State, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    state.send_heartbeat("heartbeat:a:pi", Heartbeat(1, NOW, NOW + timedelta(seconds=1), {"n": 1}))
    raw.set("heartbeat:b:pi", "{")
    raw.sadd("heartbeats", "heartbeat:b:pi")
    assert list(state.heartbeats()) == ["heartbeat:a:pi"]
    assert "heartbeat:b:pi" in caplog.text


def test_a_survey_finds_the_newest_events_and_all_heartbeats(
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


def test_a_survey_counts_the_decisions_of_a_time(state: State, raw: redis.Redis) -> None:
    raw.xadd("events", {"fact": "garbage"})
    raw.xadd("events", {"fact": b'{"kind":"motion_started","event":"' + b"\xff" * 9 + b'"}'})
    raw.xadd("events", {"other": '{"kind":"motion_started","event":"e"}'})
    raw.set("event:e", "no hash")
    decisions: tuple[Decision | None, ...] = ("sent", "held", "held", None)
    for minute, decision in enumerate(decisions):
        at = NOW + timedelta(minutes=minute)
        event = protocol.event_id(at, "front")
        fact = Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event)
        state.publish(fact, EventRecord("front", at, decision=decision))
        confirmed = replace(fact, id=f"{event}-confirmed", kind="motion_confirmed")
        state.publish(confirmed, EventRecord("front", at, decision=decision))
    assert state.survey("home", decisions_s=60).decisions == {"sent": 1, "held": 2}
    assert state.survey("home").decisions == {}
    found = state.survey_once("signature:ef", 660, "home", decisions_s=60)
    assert found
    assert found.decisions == {"sent": 1, "held": 2}


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


def test_a_survey_of_the_server_has_its_facts_too(state: State, raw: redis.Redis) -> None:
    state.set_switch("home", True)
    state.send_heartbeat("heartbeat:a:pi", Heartbeat(1, NOW, NOW, {"n": 1}))
    survey, facts = state.survey_server("home")
    assert (survey.strings, list(survey.heartbeats())) == ({"home": "True"}, ["heartbeat:a:pi"])
    assert facts["used_memory"] > 0
    raw.acl_setuser("default", enabled=True, commands=["-info"])
    assert state.survey_server("home")[1] == {}
    raw.acl_setuser("default", enabled=True, commands=["-eval"])
    with pytest.raises(StateUnavailable, match="eval"):
        state.survey_server("home")
    raw.acl_setuser("default", enabled=True, categories=["+@all"])
