"""The marks of deliveries."""

import pytest

from app.protocol.deliveries import DELIVERED, MARKS, UPLOADED, Mark, Stage, is_readable


@pytest.mark.parametrize(
    ("mark", "field", "matches"),
    [
        (DELIVERED, "delivered:slack", True),
        (DELIVERED, "delivered:twilio-15005550010", True),
        (DELIVERED, "delivered:", False),
        (UPLOADED, "s3:clip.mp4", True),
        (UPLOADED, "s3", False),
    ],
)
def test_a_mark_knows_its_own_fields(mark: Mark, field: str, matches: bool) -> None:
    assert mark.matches(field) is matches


def test_a_field_is_made_of_its_parts() -> None:
    assert DELIVERED.of("slack") == "delivered:slack"


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_may_stand_on_an_event_and_on_a_delivery(stage: Stage) -> None:
    for holder in ("event", "delivery"):
        assert any(mark.matches(f"slack:{stage}") for mark in MARKS[holder])


def test_only_files_are_marked_for_each_message_of_a_digest() -> None:
    fields = ("slack:file:20261120T101500.123Z-front", "slack:sid:20261120T101500.123Z-front")
    declared = [any(mark.matches(field) for mark in MARKS["delivery"]) for field in fields]
    assert declared == [True, False]


@pytest.mark.parametrize(
    ("field", "value", "readable"),
    [
        ("slack:posting", "2026-11-20T10:15:01+00:00", True),
        ("slack:posting", "yes", True),
        ("slack:posting", "", True),
        ("slack:posting", "soon", True),
        ("slack:refused", "2026-11-20T10:15:01", False),
        ("slack:tries", "2", True),
        ("slack:failures", "many", False),
        ("slack:file", "F123 2026-11-20T10:15:01+00:00", True),
        ("slack:file:e1", "none Slack refuses it", True),
        ("slack:file", "F123 soon", False),
        ("slack:posted", '{"channel": "C1", "ts": "1.2", "text": "x"}', True),
        ("slack:posted", "{", False),
        ("twilio:posted", "SM123", True),
        ("camera", "front", True),
        ("held", "anything", True),
    ],
)
def test_a_mark_that_nobody_can_read_is_recognised(field: str, value: str, readable: bool) -> None:
    assert is_readable(field, value) is readable
