"""A camera in a fridge: the real program on a film that is dark, bright and dark again."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from app.protocol import event_started_at
from app.wording import EventWords, Wording
from tests.evaluation.films import film_of_light
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

DARK, BRIGHT = 4, 110
Start = Callable[..., Program]


@pytest.fixture
def raw(durable_redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(durable_redis_server.url) as client:
        yield client


@pytest.fixture
def start(durable_redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the camera fridge on a film, with these settings of events, and of motion."""
    monkeypatch.setenv("TZ", "UTC")
    running: list[Program] = []

    def start_it(source: Path, events: str = "", motion: str = "", more: str = "") -> Program:
        settings = f"cameras: {{fridge: {{}}}}\nmotion: {{trigger: light{motion}}}\nevents: {{min_notify_seconds: 0{events}}}\n{more}"
        program = Program(
            "app.daemons.security_system", write_config(tmp_path, durable_redis_server.url, settings), "--source", str(source)
        )
        running.append(program)
        program.start()
        return program

    yield start_it
    for program in running:
        program.__exit__()


def facts(raw: redis.Redis, kind: str) -> list[dict[str, Any]]:
    entries: Any = raw.xrange("events")
    return [fact for _, stored in entries if (fact := json.loads(stored[b"fact"]))["kind"] == kind]


def said(at: datetime, lasted_s: float) -> str:
    return Wording("fridge", "light", EventWords()).left_open(at, lasted_s)


def test_an_opening_is_an_event_of_which_nothing_is_told_before_its_clip(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    start(film_of_light(tmp_path / "film.mp4", (2, DARK), (3, BRIGHT), (30, DARK)))
    ended = until(lambda: facts(raw, "motion_ended"), "it is closed")[0]
    (opened,) = facts(raw, "motion_started")
    assert not opened["alert"]
    assert opened["text"].startswith("Your fridge was opened on ")
    record = json.loads(next(tmp_path.glob(f"data/events/*/{opened['event']}/event.json")).read_text())
    lasted_s = (datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(record["started_at"])).total_seconds()
    assert lasted_s == pytest.approx(3, abs=0.25)
    assert ended["text"] == "Your fridge was closed after 3 seconds."
    assert facts(raw, "left_open") == []


def test_flashes_open_nothing(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    flashes = [(0.5, DARK), (0.1, BRIGHT)] * 6
    start(film_of_light(tmp_path / "film.mp4", *flashes, (1, DARK), (2, BRIGHT), (30, DARK)))
    ended = until(lambda: facts(raw, "motion_ended"), "it is closed")[0]
    assert ended["text"] == "Your fridge was closed after 2 seconds."
    assert [opened["event"] for opened in facts(raw, "motion_started")] == [ended["event"]]


def test_what_is_left_open_is_told_once(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    start(film_of_light(tmp_path / "film.mp4", (1, DARK), (5, BRIGHT), (30, DARK)), ", open_threshold_seconds: 2")
    until(lambda: facts(raw, "motion_ended"), "it is closed")
    (told,) = facts(raw, "left_open")
    (opened,) = facts(raw, "motion_started")
    assert told["alert"]
    assert told["event"] == opened["event"]
    assert told["lasted_s"] == pytest.approx(2, abs=0.2)
    assert told["text"] == said(event_started_at(opened["event"]), 2)


def test_it_is_not_told_again_after_a_kill_while_it_is_open(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    program = start(film_of_light(tmp_path / "film.mp4", (60, BRIGHT)), ", open_threshold_seconds: 2")
    first = until(lambda: facts(raw, "left_open"), "it is told")[0]
    said_once = first["text"].split(" for ")[0]
    for restart in range(2):
        program.kill()
        program.start()
        until(lambda runs=restart + 1: program.log.count(said_once) > runs, "it would be told")  # type: ignore[misc]
    program.stop()
    assert [told["id"] for told in facts(raw, "left_open")] == [first["id"]]


def test_own_words_are_told_and_the_opening_too_if_it_has_some(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    words = ", open_threshold_seconds: 1, words: {opening: 'The {camera}!', left_open: 'Close the {camera} ({seconds} s)'}"
    start(film_of_light(tmp_path / "film.mp4", (1, DARK), (9, BRIGHT)), words)
    assert until(lambda: facts(raw, "left_open"), "it is told")[0]["text"] == "Close the fridge (1 s)"
    (opened,) = facts(raw, "motion_started")
    assert (opened["text"], opened["alert"]) == ("The fridge!", True)
