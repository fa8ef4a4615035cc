"""What is known of an event survives a second publication."""

from datetime import UTC, datetime

from app.protocol import EventRecord, Fact
from app.state import State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
STARTED = Fact(f"{EVENT}-motion_started", "motion_started", NOW, "Motion.", "front", EVENT)


def test_an_event_published_twice_keeps_what_came_in_between(state: State) -> None:
    state.publish(STARTED, EventRecord("front", NOW))
    state.mark_event(EVENT, {"label": "occupied", "delivered:folder": "2026-11-20T10:15:01Z"})
    state.publish(STARTED, EventRecord("front", NOW))
    found = state.event(EVENT)
    assert found
    assert found.label == "occupied"
    assert state.event_fields(EVENT)["delivered:folder"] == "2026-11-20T10:15:01Z"
