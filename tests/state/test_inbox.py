"""Facts and requests for one reader, on a real Redis."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
import redis

from app.errors import StateUnavailable
from app.protocol import Fact, Request
from app.state import State
from app.state.inbox import Inbox
from tests.waiting import Stopwatch, patience

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
FACT = Fact("lost", "camera_lost", AT, "Lost.", "front")
REQUEST = Request("say", AT, "anna", text="Hello.")
WAIT_S = 20.0


@pytest.fixture
def inbox(state: State) -> Iterator[Inbox]:
    made = state.inbox("notifier", "here", WAIT_S)
    yield made
    made.close()


def test_it_returns_what_is_there_of_both_streams(inbox: Inbox, state: State) -> None:
    state.publish(FACT)
    state.add_request(REQUEST)
    found = inbox.new()
    assert [fact for _, fact in found.facts] == [FACT]
    assert [request for _, request in found.requests] == [REQUEST]


@pytest.mark.parametrize("kind", ["fact", "request"])
def test_a_wait_ends_with_the_first_entry(inbox: Inbox, state: State, kind: str) -> None:
    call = partial(state.publish, FACT) if kind == "fact" else partial(state.add_request, REQUEST)
    later = threading.Timer(0.1, call)
    later.start()
    with Stopwatch() as watch:
        found = inbox.new()
        later.join()
    assert [record for _, record in (*found.facts, *found.requests)]
    assert watch.seconds < min(patience(2.0), WAIT_S / 2)


def test_another_thread_ends_a_wait_and_nothing_is_lost(inbox: Inbox, state: State) -> None:
    state.add_request(REQUEST)
    inbox.new()
    interruption = threading.Timer(0.1, inbox.interrupt)
    interruption.start()
    with Stopwatch() as watch:
        with pytest.raises(StateUnavailable):
            inbox.new()
        interruption.join()
    assert watch.seconds < min(patience(2.0), WAIT_S / 2)
    state.publish(FACT)
    assert [fact for _, fact in inbox.new().facts] == [FACT]
    assert [request for _, request in inbox.requests.unfinished()] == [REQUEST]


def test_what_cannot_be_read_is_acknowledged(inbox: Inbox, raw: redis.Redis) -> None:
    raw.xadd("requests", {"request": "not JSON"})
    assert inbox.new() == ([], [])
    assert raw.xpending("requests", "notifier")["pending"] == 0


def test_a_foreign_value_in_the_way_is_set_aside(
    inbox: Inbox, state: State, raw: redis.Redis
) -> None:
    raw.set("requests", "no stream")
    state.publish(FACT)
    assert FACT in [fact for _, fact in inbox.new().facts]
    assert raw.type("requests") == b"stream"
