"""The records: what they hold, and that they need nothing heavy."""

import subprocess
import sys
from datetime import UTC, datetime

from app.protocol import EventRecord, Fact, opened_event, pictured_event
from app.protocol.records import EVENT_FIELDS

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def test_only_the_start_of_motion_opens_an_event() -> None:
    started = Fact(f"{EVENT}-motion_started", "motion_started", NOW, "Motion.", "front", EVENT)
    ended = Fact(f"{EVENT}-motion_ended", "motion_ended", NOW, "It is over.", "front", EVENT)
    assert opened_event(started) == EVENT
    assert opened_event(ended) is None
    fault = Fact("f", "camera_fault", started.at, "Covered.", "front", EVENT)
    assert (opened_event(fault), pictured_event(fault)) == (None, EVENT)
    assert (pictured_event(started), pictured_event(ended)) == (EVENT, None)


def test_the_fields_of_an_event_are_those_of_its_record() -> None:
    record = EventRecord("front", NOW)
    assert all(hasattr(record, field) for field in EVENT_FIELDS)
    assert {"camera", "started_at", "label"} <= set(EVENT_FIELDS)


def test_the_words_and_the_configuration_load_nothing_heavy() -> None:
    code = (
        "import sys, app.protocol, app.state, app.config, app.daemon; "
        "print([m for m in ('cv2', 'numpy', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
