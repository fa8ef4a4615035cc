"""Programs exchange their heartbeats by a real Redis."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import redis

from app.protocol import HEARTBEAT_LIFE_S, Heartbeat
from app.state import State
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_a_heartbeat_is_exchanged_for_another(state: State, raw: redis.Redis) -> None:
    mine, other = "heartbeat:uploader:pi", "heartbeat:notifier:pi"
    heartbeat = Heartbeat(1, NOW, NOW, {})
    assert state.exchange_heartbeat(mine, heartbeat, other) is None
    state.send_heartbeat(other, replace(heartbeat, pid=2))
    assert state.exchange_heartbeat(mine, heartbeat, other) == replace(heartbeat, pid=2)
    raw.set(other, "garbage")
    assert state.exchange_heartbeat(mine, heartbeat, other) is None
    assert set(state.heartbeats()) == {mine}


def test_heartbeats_are_in_memory_only_but_known_after_a_restart(
    durable_redis_server: RedisServer,
) -> None:
    key = "heartbeat:notifier:pi"
    with closing(State(durable_redis_server.url)) as state:
        for pid in (41_001, 41_002):
            state.send_heartbeat(key, Heartbeat(pid, NOW, NOW, {}))
        durable_redis_server.kill()
        log = durable_redis_server.log()
        assert b"41001" not in log
        assert log.count(key.encode()) == 1
        durable_redis_server.start()
        assert state.heartbeats() == {}
        assert state._redis.smembers("heartbeats") == {key.encode()}


def test_a_missing_heartbeat_says_nothing_in_a_new_redis(
    state: State, raw: redis.Redis, redis_server: RedisServer
) -> None:
    def is_known() -> bool:
        return state.survey("home", events=1).has_all_heartbeats

    assert not is_known()
    state.send_heartbeat("heartbeat:notifier:pi", Heartbeat(1, NOW, NOW, {}))
    assert 0 < raw.ttl("heartbeats_since") <= HEARTBEAT_LIFE_S
    assert not is_known()
    redis_server.settle()
    state.send_heartbeat("heartbeat:notifier:pi", Heartbeat(1, NOW, NOW, {}))
    assert is_known()
    # The clock of Redis was set back, or a person has written something else.
    for odd in (str(10**11), "-inf", "nan", "9" * 400):
        raw.set("heartbeats_since", odd)
        assert not is_known()
        before_s = raw.time()[0]
        state.send_heartbeat("heartbeat:notifier:pi", Heartbeat(1, NOW, NOW, {}))
        assert before_s <= int(raw.get("heartbeats_since") or 0) <= raw.time()[0]
