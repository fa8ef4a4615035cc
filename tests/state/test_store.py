"""The shared state as a whole, on a real Redis."""

from datetime import UTC, datetime

import redis

from app.protocol import EventRecord, Fact, Heartbeat
from app.state import Latest, State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
STARTED = Fact(f"{EVENT}-motion_started", "motion_started", NOW, "Motion.", "front", EVENT)


def test_what_must_not_outlive_its_writer_expires(state: State, raw: redis.Redis) -> None:
    state.publish(STARTED, EventRecord("front", NOW), b"jpeg")
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
