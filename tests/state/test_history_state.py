"""The entries of both streams, and many events at once."""

import pytest
import redis

from app.errors import StateUnavailable
from app.protocol import EventRecord, Fact, Request
from app.state import State
from tests.state.test_event_state import EVENT, NOW, STARTED


def test_news_come_in_order_and_only_once(state: State) -> None:
    facts = [Fact(f"f{number}", "disk_low", NOW, "Low.") for number in range(5)]
    for fact in facts:
        state.publish(fact)
    state.add_request(Request("tag", NOW, "Ben", event=EVENT))
    newest = state.news(None, None, 3)
    assert newest.facts == facts[2:]
    assert [one.event for one in newest.requests] == [EVENT]
    assert not newest.is_all
    older, first = state.older_facts(newest.first_fact or "", 3)
    assert older == facts[:2]
    assert state.older_facts(first or "", 3) == ([], None)
    later = state.news(newest.last_fact, newest.last_request, 3)
    assert (later.facts, later.requests, later.is_all) == ([], [], True)
    assert (later.last_fact, later.last_request) == (newest.last_fact, newest.last_request)


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
