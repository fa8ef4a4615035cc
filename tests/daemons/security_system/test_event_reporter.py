"""What becomes of events whose program was killed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from app.alert_text import AlertText, EventWords
from app.clock import SystemClock
from app.daemons.security_system.clip_deadlines import Owed
from app.daemons.security_system.event_reporter import Casebook
from app.daemons.security_system.publisher import Link
from app.daemons.security_system.spool import Spool
from app.detector import Event
from app.frames import Frame
from app.recording.event_folder import EventFolders
from app.state import State
from tests.servers.redis_server import RedisServer
from tests.waiting import until

EVENT = "20261120T101500.123Z-front"
FRAME = Frame(
    np.zeros((4, 4), np.uint8),
    0.0,
    datetime(2026, 11, 20, tzinfo=UTC),
    0,
    lambda: np.zeros((4, 4, 3), np.uint8),
)


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def casebook(redis_server: RedisServer, tmp_path: Path) -> Iterator[Casebook]:
    state, folders = State(redis_server.url), EventFolders(tmp_path)
    link = Link("front", state, folders, Spool(tmp_path / "spool"), SystemClock())
    link.open()
    link.start()
    yield Casebook(
        "front",
        link,
        folders,
        AlertText("front", "background", EventWords()),
        Owed(link.tell, SystemClock()),
    )
    link.stop()
    state.close()


def told(raw: redis.Redis) -> list[dict[str, Any]]:
    entries: Any = raw.xrange("events")
    return [json.loads(stored[b"fact"]) for _, stored in entries]


def test_an_event_of_which_there_is_only_its_picture_is_told_with_it_and_ended(
    casebook: Casebook, raw: redis.Redis, tmp_path: Path
) -> None:
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    (folder / "snapshot.jpg").write_bytes(b"its picture")
    casebook.end_forgotten()
    until(lambda: len(told(raw)) == 2, "it is told")
    started, ended = told(raw)
    assert (started["id"], started["text"], started["alert"]) == (
        f"{EVENT}-motion_started",
        "Motion in front of camera front.",
        True,
    )
    assert (ended["id"], ended["alert"]) == (f"{EVENT}-motion_ended", False)
    assert raw.get(f"event:{EVENT}:snapshot") == b"its picture"
    recorded = until(lambda: ended_record(folder), "it is written down")
    assert (recorded["id"], recorded["camera"], recorded["started_at"]) == (
        EVENT,
        "front",
        "2026-11-20T10:15:00.123000Z",
    )


@pytest.mark.parametrize("alert", [True, False])
def test_what_was_no_alert_is_none_when_it_is_told_again(
    casebook: Casebook, raw: redis.Redis, alert: bool
) -> None:
    event = Event(1, 0.0, None, 5000.0, (), alert)
    pictures = casebook.begin(event, FRAME)
    casebook.tell_opening(event, pictures, ())
    until(lambda: told(raw), "it is told")
    raw.flushall()
    casebook.end_forgotten()
    until(lambda: len(told(raw)) == 2, "it is told again")
    assert [one["alert"] for one in told(raw)] == [alert, False]


@pytest.mark.parametrize(("level", "by"), [(None, "5000 px"), (117.4, "a light of 117")])
def test_the_log_says_what_opened_an_event(
    casebook: Casebook, caplog: pytest.LogCaptureFixture, level: float | None, by: str
) -> None:
    caplog.set_level("INFO")
    casebook.begin(Event(1, 0.0, None, 5000.0, (), alert=True), FRAME, level)
    assert f"event 20261120T000000.000Z-front opens with {by}" in caplog.text


def ended_record(folder: Path) -> dict[str, Any] | None:
    recorded: dict[str, Any] = json.loads((folder / "event.json").read_text())
    return recorded if "ended_at" in recorded else None


def test_what_is_no_event_is_left_alone(
    casebook: Casebook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "events" / "2026-11-20" / "20269999T101500.123Z-front"
    folder.mkdir(parents=True)
    (folder / "snapshot.jpg").write_bytes(b"something")
    casebook.end_forgotten()
    assert "the event 20269999T101500.123Z-front is left alone: " in caplog.text
    assert [path.name for path in folder.iterdir()] == ["snapshot.jpg"]
