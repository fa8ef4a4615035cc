"""Records as JSON: a record is decoded unchanged, and nothing else is accepted."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app import protocol
from app.errors import ProtocolError
from app.protocol import ArmedBy, EventRecord, Fact, Heartbeat, Position, Presence, Request, Trouble

NOW = datetime(2026, 11, 20, 10, 15, 0, 123_000, tzinfo=UTC)
RECORDS = [
    ArmedBy("anna", NOW, "/pycam_on"),
    Position(-90, 90),
    Heartbeat(
        17,
        NOW,
        NOW,
        {"frames": 3, "rate": 9.5, "camera": "open", "learning": True, "none": None},
        Trouble(NOW, "no camera"),
    ),
    Fact(
        "20261120T101500.123Z-front-motion_started",
        "motion_started",
        NOW,
        "Motion.",
        "front",
        "20261120T101500.123Z-front",
    ),
    Request("last_image", NOW, "anna", "front"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_decoded_unchanged(record: protocol.Record) -> None:
    assert protocol.decode(type(record), protocol.encode(record)) == record


@pytest.mark.parametrize(
    ("kind", "text", "named"),
    [
        (Position, "{", "Position"),
        (Position, '{"pan_deg": 91, "tilt_deg": 0}', "pan_deg"),
        (Position, '{"pan_deg": "left", "tilt_deg": 0}', "pan_deg"),
        (Position, "[]", "Position"),
        (Request, '{"kind": "explode", "at": "2026-11-20T10:15:00Z", "by": "x"}', "kind"),
        (Request, '{"kind": "last_image", "at": "2026-11-20T10:15:00", "by": "x"}', "at"),
        (Fact, '{"id": "x"}', "kind"),
        (Fact, b"\xff\xfe", "Fact"),
    ],
)
def test_an_undeclared_value_is_refused_by_name(
    kind: type[Position], text: str | bytes, named: str
) -> None:
    with pytest.raises(ProtocolError, match=named):
        protocol.decode(kind, text)


def test_a_wrong_record_is_refused_before_it_is_written() -> None:
    with pytest.raises(ProtocolError, match="tilt_deg"):
        protocol.encode(Position(0, 200))


def test_the_fields_of_an_event_are_words_and_json() -> None:
    record = EventRecord(
        "front", NOW, score=0.5, person=True, boxes=((1, 2, 3, 4),), label="occupied"
    )
    stored = protocol.encode_event(record)
    assert stored["camera"] == "front"
    assert stored["started_at"] == "2026-11-20T10:15:00.123000Z"
    assert json.loads(stored["boxes"]) == [[1, 2, 3, 4]]
    assert "ended_at" not in stored
    assert protocol.decode_event({**stored, "delivered:folder": "2026-11-20T10:15:01Z"}) == record


@pytest.mark.parametrize(
    "broken",
    [{"camera": ""}, {"started_at": "yesterday"}, {"boxes": "[[1, 2"}, {"score": '"high"'}],
)
def test_a_broken_event_is_refused(broken: dict[str, str]) -> None:
    stored = {**protocol.encode_event(EventRecord("front", NOW)), **broken}
    if broken == {"camera": ""}:
        del stored["camera"]
    with pytest.raises(ProtocolError, match="not an event"):
        protocol.decode_event(stored)


def test_a_time_that_is_known_is_written() -> None:
    ended = replace(EventRecord("front", NOW), ended_at=NOW)
    assert protocol.encode_event(ended)["ended_at"] == "2026-11-20T10:15:00.123000Z"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Presence, '{"home": true, "since": "0001-01-01T00:00:00Z"}'),
        (Presence, '{"home": true, "longest_wait": [3, NaN]}'),
        (Presence, '{"home": true, "wait_s": Infinity}'),
        (Presence, "[" * 100_000),
        (Presence, b'{"home": true, "device": "\xff"}'),
    ],
)
def test_a_value_that_no_program_can_use_is_refused(
    kind: type[Presence], text: str | bytes
) -> None:
    with pytest.raises(ProtocolError, match="not a Presence"):
        protocol.decode(kind, text)


def test_a_text_may_speak_of_infinity() -> None:
    text = '{"home": true, "device": "Infinity NaN"}'
    assert protocol.decode(Presence, text).device == "Infinity NaN"


@pytest.mark.parametrize("score", ["NaN", "[" * 100_000, "9" * 5_000])
def test_a_hostile_field_of_an_event_is_refused(score: str) -> None:
    stored = {**protocol.encode_event(EventRecord("front", NOW)), "score": score}
    with pytest.raises(ProtocolError, match="not an event"):
        protocol.decode_event(stored)
