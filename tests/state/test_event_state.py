"""What is known of an event survives a second publication."""

from datetime import UTC, datetime

from app.protocol import EventRecord, Fact, event_id
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


def test_pictures_of_a_camera_are_listed_and_removed(state: State) -> None:
    for camera in ("front", "my-front"):
        event = event_id(NOW, camera)
        fact = Fact(f"{event}-motion_started", "motion_started", NOW, "Motion.", camera, event)
        state.publish(fact, EventRecord(camera, NOW), b"jpeg")
    assert state.pictured_events("front") == [EVENT]
    state.forget_picture(EVENT)
    assert state.pictured_events("front") == []
    assert state.pictured_events("my-front") == [event_id(NOW, "my-front")]
