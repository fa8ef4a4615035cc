"""Events are published from their opening to their end, also after a kill, and by light too."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import redis

from app.alert_text import AlertText, EventWords
from app.clock import SystemClock
from app.daemons.security_system.clip_deadlines import ClipDeadlines
from app.daemons.security_system.event_reporter import EventReporter, frame_time
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Spool
from app.detector import Event
from app.frames import Box, Frame
from app.recording.event_folder import EventFolders
from app.state import State
from tests.daemons.facts import facts
from tests.waiting import until

EVENT = "20261120T101500.123Z-front"
TAKEN_AT = datetime(2026, 11, 20, 10, 15, 2, 123000, UTC)
FRAME = Frame(np.zeros((4, 4), np.uint8), 12.0, TAKEN_AT, 0, lambda: np.zeros((4, 4, 3), np.uint8))


class Run:
    """A reporter of the camera front, with its publisher and its deadlines."""

    def __init__(self, state: State, data_dir: Path) -> None:
        folders = EventFolders(data_dir)
        self.publisher = Publisher(
            "front", state, folders, Spool(data_dir / "spool"), SystemClock()
        )
        self.deadlines = ClipDeadlines(self.publisher.publish, SystemClock(), lambda _: None)
        self.reporter = EventReporter(
            "front", self.publisher, folders, text("background"), self.deadlines
        )
        self.publisher.open()
        self.publisher.start()

    def open(self, *, alert: bool = True, level: float | None = None) -> Event:
        """Open `EVENT`, which began two seconds before `FRAME`."""
        event = Event(1, 10.0, None, 5000.0, (Box(1, 2, 3, 4),), alert)
        self.reporter.open(EVENT, event, FRAME, level)
        self.reporter.complete(event, FRAME, ())
        return event


def text(trigger: Literal["background", "light"], words: EventWords | None = None) -> AlertText:
    return AlertText("front", trigger, words or EventWords())


@pytest.fixture
def run(state: State, tmp_path: Path) -> Iterator[Run]:
    started = Run(state, tmp_path)
    yield started
    started.publisher.stop()


@pytest.fixture
def published(raw: redis.Redis) -> Callable[[int], list[dict[str, Any]]]:
    """Waits for so many facts and returns them."""
    return lambda count: until(
        lambda: found if len(found := facts(raw)) == count else None, f"{count} facts"
    )


def test_an_event_is_published_with_its_pictures_and_its_end(
    run: Run, published: Callable[[int], list[dict[str, Any]]], state: State, tmp_path: Path
) -> None:
    event = run.open()
    assert (run.reporter.open_event, run.reporter.count) == (EVENT, 1)
    run.reporter.end(event, TAKEN_AT + timedelta(seconds=3), has_clip=True)
    assert run.reporter.open_event is None
    opened, ended = published(2)
    assert (opened["id"], opened["kind"], opened["text"], opened["alert"]) == (
        f"{EVENT}-motion_started",
        "motion_started",
        "Motion in front of camera front.",
        True,
    )
    assert (ended["id"], ended["text"], ended["alert"]) == (
        f"{EVENT}-motion_ended",
        "Motion in front of camera front ended after 5 s.",
        False,
    )
    record = state.event(EVENT)
    assert record
    assert (record.started_at, record.ended_at, record.boxes, record.peak_area_px) == (
        TAKEN_AT - timedelta(seconds=2),
        TAKEN_AT + timedelta(seconds=3),
        ((1, 2, 3, 4),),
        5000.0,
    )
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    assert state.snapshot(EVENT) == (folder / "snapshot.jpg").read_bytes()
    assert (folder / "snapshot-clean.jpg").exists()


@pytest.mark.parametrize(
    ("words", "alerts"),
    [
        (EventWords(), [False, False, True]),
        (EventWords(opening="The {camera}!"), [True, False]),
    ],
)
def test_an_opening_by_light_is_one_alert_in_all(
    run: Run,
    published: Callable[[int], list[dict[str, Any]]],
    words: EventWords,
    alerts: list[bool],
) -> None:
    run.reporter.alert_text = text("light", words)
    event = run.open(level=117)
    run.reporter.end(event, TAKEN_AT, has_clip=False)
    run.deadlines.step()
    found = published(len(alerts))
    assert [one["alert"] for one in found] == alerts
    assert all(one["kind"] == "clip_ready" for one in found[2:])
    assert found[-1]["file"] is None
    assert [one["id"] for one in found[2:]] == [f"{EVENT}-closed"][: len(alerts) - 2]


@pytest.mark.parametrize("file", ["clip.mp4", None])
def test_left_open_is_published_with_the_clip_so_far(
    run: Run, published: Callable[[int], list[dict[str, Any]]], file: str | None
) -> None:
    run.reporter.alert_text = text("light")
    run.open(level=117)
    run.reporter.left_open(EVENT, 60.0, TAKEN_AT)(file, 61.234)
    run.deadlines.step()
    _, left_open = published(2)
    assert (left_open["id"], left_open["event"], left_open["alert"], left_open["file"]) == (
        f"{EVENT}-left_open",
        EVENT,
        True,
        file,
    )
    assert left_open["lasted_s"] == (61.23 if file else None)


def test_an_event_with_nothing_but_its_picture_is_ended(
    run: Run,
    published: Callable[[int], list[dict[str, Any]]],
    raw: redis.Redis,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    (folder / "snapshot.jpg").write_bytes(b"its picture")
    run.reporter.end_unfinished()
    started, ended = published(2)
    assert (started["id"], started["text"], started["alert"]) == (
        f"{EVENT}-motion_started",
        "Motion in front of camera front.",
        True,
    )
    assert (ended["id"], ended["alert"]) == (f"{EVENT}-motion_ended", False)
    assert raw.get(f"event:{EVENT}:snapshot") == b"its picture"
    recorded = until(lambda: ended_record(folder), "the end is on disk")
    assert (recorded["id"], recorded["camera"], recorded["started_at"]) == (
        EVENT,
        "front",
        "2026-11-20T10:15:00.123000Z",
    )


@pytest.mark.parametrize("alert", [True, False])
def test_a_repeated_opening_is_an_alert_only_if_it_was_one(
    run: Run, published: Callable[[int], list[dict[str, Any]]], raw: redis.Redis, alert: bool
) -> None:
    run.open(alert=alert)
    published(1)
    raw.flushall()
    run.reporter.end_unfinished()
    assert [one["alert"] for one in published(2)] == [alert, False]


def test_a_door_that_was_open_at_a_kill_is_an_alert(
    run: Run, published: Callable[[int], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.reporter.alert_text = text("light")
    run.open(level=117)
    published(1)
    monkeypatch.setattr("app.daemons.security_system.event_reporter.PATIENCE_S", 0.0)
    run.reporter.end_unfinished()
    run.deadlines.step()
    *_, alert = published(3)
    assert (alert["id"], alert["alert"]) == (f"{EVENT}-closed", True)


@pytest.mark.parametrize(("level", "by"), [(None, "5000 px"), (117.4, "a light of 117")])
def test_the_log_says_what_opened_an_event(
    run: Run, caplog: pytest.LogCaptureFixture, level: float | None, by: str
) -> None:
    caplog.set_level("INFO")
    run.open(level=level)
    until(lambda: f"event {EVENT} opens with {by}" in caplog.text, "it is logged")


def test_a_folder_that_is_no_event_is_left_alone(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "events" / "2026-11-20" / "20269999T101500.123Z-front"
    folder.mkdir(parents=True)
    (folder / "snapshot.jpg").write_bytes(b"something")
    run.reporter.end_unfinished()
    assert "the event 20269999T101500.123Z-front is left as it is: " in caplog.text
    assert [path.name for path in folder.iterdir()] == ["snapshot.jpg"]


def test_a_frame_gives_the_time_of_other_moments() -> None:
    assert frame_time(FRAME, 10.5) == TAKEN_AT - timedelta(seconds=1.5)


def ended_record(folder: Path) -> dict[str, Any] | None:
    recorded: dict[str, Any] = json.loads((folder / "event.json").read_text())
    return recorded if "ended_at" in recorded else None
