"""The silencer's file survives what may happen to a file."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.silencer.memory import (
    Memory,
    is_on,
    memory_path,
    read_memory,
    switch_off,
    switch_on,
    write_memory,
)
from app.silencer.numbers import NAMES, Example

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
ONE = Example("e1", AT, tuple(float(n) for n in range(len(NAMES))), "occupied", 0.5)


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    memory = Memory("front", examples=(ONE,), asked=("e1",), watching_since=AT, begins=AT)
    write_memory(tmp_path, memory)
    assert read_memory(tmp_path, "front") == memory
    assert [path.name for path in tmp_path.iterdir()] == ["silencer-front.json"]


def test_a_camera_without_a_file_begins_without_examples(tmp_path: Path) -> None:
    assert read_memory(tmp_path, "front") == Memory("front")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2"),
        ({"version": None}, "version None"),
        ({"camera": "back"}, "another camera"),
        ({"names": ["size"]}, "other numbers"),
        ({"examples": [{"event": "e1", "at": "soon", "numbers": []}]}, "not as they should be"),
        ({"examples": [{"event": "e1", "at": AT.isoformat(), "numbers": [1.0]}]}, "too few"),
    ],
)
def test_a_file_of_no_use_is_named_and_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, object], said: str
) -> None:
    write_memory(tmp_path, Memory("front", examples=(ONE,)))
    path = memory_path(tmp_path, "front")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with caplog.at_level(logging.WARNING):
        assert read_memory(tmp_path, "front") == Memory("front")
    assert str(path) in caplog.text
    assert said in caplog.text


@pytest.mark.parametrize("content", [b"", b"[]", b"\x80\x04K\x01.", b'{"version": 1, "examples"'])
def test_garbage_is_ignored(tmp_path: Path, content: bytes) -> None:
    memory_path(tmp_path, "front").write_bytes(content)
    assert read_memory(tmp_path, "front") == Memory("front")


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no camera's name"):
        memory_path(tmp_path, "../front")


def test_a_tag_replaces_its_event_and_forgotten_ones_stay_away() -> None:
    later = replace(ONE, event="e2", at=AT + timedelta(hours=1), label=None)
    memory = Memory("front", examples=(ONE,)).with_examples([later, replace(ONE, label=None)])
    assert [(one.event, one.label) for one in memory.examples] == [("e1", None), ("e2", None)]
    forgotten = Memory("front", begins=later.at).with_examples([ONE, later])
    assert [one.event for one in forgotten.examples] == ["e2"]


def test_old_events_without_a_tag_make_room() -> None:
    many = [
        replace(ONE, event=f"n{n}", at=AT + timedelta(minutes=n), label=None) for n in range(2100)
    ]
    kept = Memory("front").with_examples([ONE, *many]).examples
    assert len(kept) == 2001
    assert kept[0] == ONE
    assert kept[-1].event == "n2099"


def test_the_switch_is_off_until_the_owner_switches_it_on(tmp_path: Path) -> None:
    assert is_on(tmp_path, "front") is None
    switch_on(tmp_path, "front", AT)
    assert is_on(tmp_path, "front") == AT
    assert is_on(tmp_path, "back") is None
    (tmp_path / "silencer-front.on").write_text("soon")
    assert is_on(tmp_path, "front") is None
    switch_off(tmp_path, "front")
    switch_off(tmp_path, "front")
    assert list(tmp_path.iterdir()) == []
