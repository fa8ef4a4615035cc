"""A camera in a fridge: the real program on a film that is dark, bright and dark again."""

import json
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import av
import pytest
import redis

from app.alert_text import AlertText, EventWords
from app.protocol import event_started_at
from tests.daemons.facts import facts
from tests.evaluation.videos import video_of_light
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

DARK, BRIGHT = 4, 110
WORDS = AlertText("fridge", "light", EventWords())
Start = Callable[..., Program]


@pytest.fixture
def start(
    durable_redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Starts the camera fridge on a film, with these settings of events, and of motion."""
    monkeypatch.setenv("TZ", "UTC")
    running: list[Program] = []

    def start_it(source: Path, events: str = "", motion: str = "", more: str = "") -> Program:
        settings = (
            f"cameras: {{fridge: {{}}}}\nmotion: {{trigger: light{motion}}}\nevents: "
            f"{{min_notify_seconds: 0{events}}}\n{more}"
        )
        program = Program(
            "app.daemons.security_system",
            write_config(tmp_path, durable_redis_server.url, settings),
            "--source",
            str(source),
        )
        running.append(program)
        program.start()
        return program

    yield start_it
    for program in running:
        program.__exit__()


def shown(film: Path) -> list[float]:
    """How bright each picture of *film* is."""
    with av.open(str(film)) as opened:
        return [
            float(picture.to_ndarray(format="gray").mean()) for picture in opened.decode(video=0)
        ]


def test_of_an_opening_one_sentence_is_told_with_its_film(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    start(video_of_light(tmp_path / "film.mp4", (2, DARK), (3, BRIGHT), (30, DARK)))
    film = until(lambda: facts(raw, "clip_ready"), "its film is ready")[0]
    (opened,), (ended,) = facts(raw, "motion_started"), facts(raw, "motion_ended")
    assert [one["text"] for one in facts(raw) if one["alert"]] == [film["text"]]
    folder = next(tmp_path.glob(f"data/events/*/{opened['event']}"))
    record = json.loads((folder / "event.json").read_text())
    lasted_s = (
        datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(record["started_at"])
    ).total_seconds()
    assert lasted_s == pytest.approx(3, abs=0.25)
    assert film["text"] == WORDS.clip(event_started_at(opened["event"]), 3)
    assert ended["text"] == "Your fridge was closed after 3 seconds."
    levels = shown(folder / film["file"])
    assert len(levels) == pytest.approx(30, abs=3)
    assert min(levels[1:-1]) > 50


def test_without_films_the_sentence_is_told_when_it_is_closed(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    films = video_of_light(tmp_path / "film.mp4", (1, DARK), (2, BRIGHT), (30, DARK))
    start(films, more="recording: {clips: false}\n")
    told = until(lambda: facts(raw, "clip_ready"), "it is told")[0]
    assert told["text"] == WORDS.clip(event_started_at(told["event"]), 2)
    assert (told["alert"], told["file"]) == (True, None)


def test_on_a_disk_without_room_the_sentence_is_told_when_it_is_closed(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    films = video_of_light(tmp_path / "film.mp4", (1, DARK), (2, BRIGHT), (30, DARK))
    start(films, more="disk: {min_free_gb: 1000000}\n")
    told = until(lambda: facts(raw, "clip_ready"), "it is told")[0]
    assert told["text"] == WORDS.clip(event_started_at(told["event"]), 2)
    assert (told["alert"], told["file"]) == (True, None)


def test_the_heartbeat_says_how_bright_it_is(
    start: Start, durable_redis_server: RedisServer, raw: redis.Redis, tmp_path: Path
) -> None:
    program = start(video_of_light(tmp_path / "film.mp4", (30, BRIGHT)))
    until(lambda: facts(raw, "motion_started"), "it is opened")
    assert " opens with a light of 1" in program.log
    program.signal(signal.SIGHUP)
    beat = until(
        lambda: (
            one
            if (one := program.heartbeat(durable_redis_server.url)) and "light" in one.counters
            else None
        ),
        "it tells",
    )
    assert beat.counters["light"] == pytest.approx(BRIGHT * 1.05, abs=5)


def test_flashes_open_nothing(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    flashes = [(0.5, DARK), (0.1, BRIGHT)] * 6
    start(video_of_light(tmp_path / "film.mp4", *flashes, (1, DARK), (2, BRIGHT), (30, DARK)))
    ended = until(lambda: facts(raw, "motion_ended"), "it is closed")[0]
    assert ended["text"] == "Your fridge was closed after 2 seconds."
    assert [opened["event"] for opened in facts(raw, "motion_started")] == [ended["event"]]


def test_what_is_left_open_is_told_once_with_what_was_filmed_so_far(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    start(
        video_of_light(tmp_path / "film.mp4", (1, DARK), (6, BRIGHT), (30, DARK)),
        ", open_threshold_seconds: 2",
    )
    last = until(
        lambda: [one for one in facts(raw, "clip_ready") if one["alert"]],
        "it is closed and its film is ready",
    )[0]
    (told,), (opened,) = facts(raw, "left_open"), facts(raw, "motion_started")
    began = event_started_at(opened["event"])
    assert [one["text"] for one in facts(raw) if one["alert"]] == [
        WORDS.left_open(began, 2),
        WORDS.clip(began, 6),
    ]
    assert (told["event"], told["file"], last["file"]) == (
        opened["event"],
        "clip.mp4",
        "clip-2.mp4",
    )
    assert told["lasted_s"] == pytest.approx(2.1, abs=0.4)
    folder = next(tmp_path.glob(f"data/events/*/{opened['event']}"))
    first, second = shown(folder / "clip.mp4"), shown(folder / "clip-2.mp4")
    assert len(first) == pytest.approx(21, abs=4)
    assert len(first) + len(second) == pytest.approx(60, abs=4)
    assert min(first[1:] + second[:-1]) > 50


def test_a_long_opening_in_several_films_is_told_once(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    films = video_of_light(tmp_path / "film.mp4", (1, DARK), (7, BRIGHT), (30, DARK))
    start(films, more="recording: {max_clip_s: 5}\n")
    until(
        lambda: [one for one in facts(raw, "clip_ready") if one["alert"]],
        "it is closed and its film is ready",
    )
    parts = facts(raw, "clip_ready")
    assert [(one["file"], one["alert"]) for one in parts] == [
        ("clip.mp4", False),
        ("clip-2.mp4", True),
    ]
    assert parts[1]["text"] == WORDS.clip(event_started_at(parts[1]["event"]), 7)


def test_it_is_not_told_again_after_a_kill_while_it_is_open(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    program = start(
        video_of_light(tmp_path / "film.mp4", (60, BRIGHT)), ", open_threshold_seconds: 2"
    )
    first = until(lambda: facts(raw, "left_open"), "it is told")[0]
    said_once = first["text"].split(" for ")[0]
    for restart in range(2):
        program.kill()
        program.start()
        until(lambda runs=restart + 1: program.log.count(said_once) > runs, "it would be told")  # type: ignore[misc]
    program.stop()
    assert [told["id"] for told in facts(raw, "left_open")] == [first["id"]]


def test_own_words_are_told_and_the_opening_too_if_it_has_some(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    words = (
        ", open_threshold_seconds: 1, words: {opening: 'The {camera}!', left_open: 'Close the "
        "{camera} ({seconds} s)'}"
    )
    start(video_of_light(tmp_path / "film.mp4", (1, DARK), (9, BRIGHT)), words)
    assert (
        until(lambda: facts(raw, "left_open"), "it is told")[0]["text"] == "Close the fridge (1 s)"
    )
    (opened,) = facts(raw, "motion_started")
    assert (opened["text"], opened["alert"]) == ("The fridge!", True)
