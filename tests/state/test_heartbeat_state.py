"""Programs exchange their heartbeats by a real Redis."""

from dataclasses import replace
from datetime import UTC, datetime

import redis

from app.protocol import Heartbeat
from app.state import State

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
