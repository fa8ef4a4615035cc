"""The state of the house, as pages that listen get it."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from app.state import State
from app.web.dashboard.live.updates import MOST_LISTENERS, Updates
from tests.servers.redis_server import RedisServer
from tests.waiting import until

BEGIN = "retry: 300\n\n"


class House:
    """A state that is read, and how often."""

    def __init__(self, raw: redis.Redis) -> None:
        self._raw = raw
        self._state: dict[str, Any] = {"armed": True}
        self.readings = 0

    @property
    def state(self) -> dict[str, Any]:
        return self._state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._state = state
        self._raw.incr("armed")

    def read(self) -> dict[str, Any]:
        self.readings += 1
        return dict(self.state)


@pytest.fixture
def house(redis_server: RedisServer) -> Iterator[House]:
    with redis.Redis.from_url(redis_server.url) as raw:
        yield House(raw)


@pytest.fixture
def updates(house: House, state: State, monkeypatch: pytest.MonkeyPatch) -> Iterator[Updates]:
    # No look is due in these tests, so that only a push can lead to a reading.
    monkeypatch.setattr("app.state.changes.LOOK_S", 1000.0)
    monkeypatch.setattr("app.web.dashboard.live.updates._LOOK_S", 0.05)
    yield Updates(house.read, lambda: state.changes("armed"))
    until(lambda: not threads(), "the thread has ended")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "updates"]


def data(event: str) -> dict[str, Any]:
    assert event.startswith("data: ")
    found: dict[str, Any] = json.loads(event.removeprefix("data: "))
    return found


def test_a_page_gets_the_state_and_each_change(house: House, updates: Updates) -> None:
    streams = [updates.stream(lambda: True), updates.stream(lambda: True)]
    assert [next(stream) for stream in streams] == [BEGIN] * 2
    assert [data(next(stream)) for stream in streams] == [{"armed": True}] * 2
    house.state = {"armed": False}
    assert [data(next(stream)) for stream in streams] == [{"armed": False}] * 2
    assert len(threads()) == 1
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]


def test_nothing_is_read_while_no_page_listens(house: House, updates: Updates) -> None:
    stream = updates.stream(lambda: True)
    assert house.readings == 0
    next(stream)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    until(lambda: not threads(), "the thread ends")
    house.state, readings = {"armed": False}, house.readings
    stream = updates.stream(lambda: True)
    next(stream)
    assert data(next(stream)) == {"armed": False}
    assert house.readings > readings
    stream.close()  # type: ignore[attr-defined]


def test_a_sign_of_life_comes_as_long_as_it_may(
    updates: Updates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.dashboard.live.updates.QUIET_S", 0.1)
    seen: list[str] = []
    for one in updates.stream(lambda: len(seen) < 6):
        seen.append(one)
        assert len(seen) <= 6
    begin, *rest = seen
    assert begin == BEGIN
    (state,) = [one for one in rest if one != "event: alive\ndata: 1\n\n"]
    assert data(state) == {"armed": True}


def test_only_so_many_pages_listen(updates: Updates) -> None:
    streams = [updates.stream(lambda: True) for _ in range(MOST_LISTENERS + 1)]
    assert [next(stream, None) for stream in streams] == [BEGIN] * MOST_LISTENERS + [None]
    assert updates.is_full
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]
    assert not updates.is_full


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_stream_ends_when_a_mistake_ends_the_reading(house: House, updates: Updates) -> None:
    stream = updates.stream(lambda: True)
    next(stream)
    data(next(stream))
    house.state = {"armed": object()}
    assert list(stream) == []
    house.state = {"armed": False}
    stream = updates.stream(lambda: True)
    assert [next(stream), data(next(stream))] == [BEGIN, {"armed": False}]
    stream.close()  # type: ignore[attr-defined]
