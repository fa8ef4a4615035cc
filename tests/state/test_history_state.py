"""The entries of both streams, and many events at once."""

from dataclasses import replace
from typing import cast

import pytest
import redis

from app.errors import StateUnavailable
from app.protocol import EventRecord, Fact, Request
from app.state import State
from app.state.views import PastEvents, text_of
from tests.state.test_event_state import EVENT, NOW, STARTED


def test_news_come_in_order_and_only_once(state: State) -> None:
    facts = [Fact(f"f{number}", "disk_low", NOW, "Low.") for number in range(5)]
    state.publish(facts[0])
    state.add_request(Request("tag", NOW, "Ben", event=EVENT))
    first = state.news(None, None, 3)
    assert (first.facts, [one.event for one in first.requests]) == (facts[:1], [EVENT])
    for fact in facts[1:]:
        state.publish(fact)
    newest = state.news(first.last_fact, first.last_request, 3)
    assert (newest.facts, newest.is_all) == (facts[1:4], False)
    newest = state.news(newest.last_fact, newest.last_request, 3)
    assert (newest.facts, newest.is_all) == (facts[4:], True)
    later = state.news(newest.last_fact, newest.last_request, 3)
    assert (later.facts, later.requests, later.is_all) == ([], [], True)
    assert (later.last_fact, later.last_request) == (newest.last_fact, newest.last_request)


def test_past_events_are_openings_and_clips(state: State, raw: redis.Redis) -> None:
    ready = replace(STARTED, id="c", kind="clip_ready", file="clip.mp4", host="shed")
    for fact in (STARTED, replace(STARTED, id="e", kind="motion_ended"), ready):
        state.publish(fact)
    raw.xadd("events", {"other": '"kind":"motion_started"'})
    raw.xadd("events", {"fact": b"\xff"})
    newest = text_of(cast(bytes, raw.xadd("events", {"fact": "{}"}))) or ""
    past = state.past_events(newest, 3)
    assert list(past.events) == [(EVENT, "shed")]
    past = state.past_events(past.oldest or "", 3)
    assert list(past.events) == [(EVENT, None)]
    assert state.past_events(past.oldest or "", 3) == PastEvents([], None)
    raw.delete("events")
    raw.set("events", "text")
    assert state.past_events(newest, 3) == PastEvents([], None)


def test_known_events_leave_out_what_is_damaged(state: State, raw: redis.Redis) -> None:
    state.publish(STARTED, EventRecord("front", NOW), b"jpeg")
    raw.hset("event:damaged", "camera", "front")
    raw.set("event:text", "text")
    assert list(state.known_events([EVENT, "damaged", "text", "unknown"])) == [EVENT]
    assert state.known_events([EVENT])[EVENT].has_snapshot
    assert state.known_events([]) == {}


def test_a_user_who_may_not_read_streams_is_a_trouble(state: State, raw: redis.Redis) -> None:
    raw.acl_setuser("default", enabled=True, nopass=True, commands=["-xrange", "-xrevrange"])
    try:
        with pytest.raises(StateUnavailable):
            state.news(None, None, 3)
    finally:
        raw.acl_setuser("default", enabled=True, nopass=True, categories=["+@all"])
