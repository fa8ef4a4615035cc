"""The settings of a real Redis server, and the names of its keys."""

import redis

from app.state import State


def test_a_setting_and_its_mark_are_written_together(state: State, raw: redis.Redis) -> None:
    state.set_server_and_mark({"hz": "20"}, "redis")
    assert state.server_setting("hz") == "20"
    assert raw.hgetall("delivery:redis") == {b"hz": b"20"}
    assert raw.ttl("delivery:redis") > 0
    state.set_server("hz", "10")
    assert state.server_setting("hz") == "10"


def test_some_keys_are_named_and_not_all(state: State, raw: redis.Redis) -> None:
    raw.mset({"home": "True", "sensor": "1"})
    assert state.some_keys(100) == ["home", "sensor"]
    assert len(state.some_keys(1)) == 1
