"""The switches and the snooze of the house, in a real Redis."""

from datetime import UTC, datetime

import pytest
import redis

from app.errors import ProtocolError
from app.state import State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_switches_are_words_and_first_values_override_none(state: State, raw: redis.Redis) -> None:
    raw.set("camera_notifications", "False")
    state.initialise_switches()
    assert raw.mget("camera_status", "camera_notifications", "home") == [
        b"True",
        b"False",
        b"False",
    ]
    with pytest.raises(ProtocolError, match="camera_status"):
        state.set_switch("camera", True)


def test_a_snooze_expires(state: State, raw: redis.Redis) -> None:
    state.snooze(NOW, 90)
    assert state.read_strings("snoozed_until") == [NOW.isoformat()]
    assert 0 < raw.ttl("snoozed_until") <= 90
    state.end_snooze()
    assert state.read_strings("snoozed_until") == [None]
