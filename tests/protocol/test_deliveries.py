"""The marks of deliveries."""

import pytest

from app.protocol.deliveries import DELIVERED, MARKS, UPLOADED, Mark, Stage


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


def test_only_files_of_a_digest_are_numbered() -> None:
    numbered = [mark.name for mark in MARKS["event"] if mark.matches("slack:file3")]
    assert numbered
    assert not any(mark.matches("slack:sid3") for mark in MARKS["event"])
