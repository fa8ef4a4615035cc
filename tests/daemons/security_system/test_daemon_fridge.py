"""Covers several modules: a camera in a fridge, on videos that are dark, bright and dark again."""

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
from app.recording.event_folder import EventFolders
from tests.daemons.facts import facts
from tests.evaluation.videos import video_of_light
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

DARK, BRIGHT = 4, 110
TEXT = AlertText("fridge", "light", EventWords())
Start = Callable[..., Program]


@pytest.fixture
def start(
    durable_redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Starts the camera fridge on a video of light spans, with more settings of events."""
    monkeypatch.setenv("TZ", "UTC")
    running: list[Program] = []

    def start_program(*spans: tuple[float, int], events: str = "") -> Program:
        settings = (
            "cameras: {fridge: {}}\nmotion: {trigger: light}\n"
            f"events: {{min_notify_seconds: 0{events}}}\n"
        )
        config = write_config(tmp_path, durable_redis_server.url, settings)
        video = str(video_of_light(tmp_path / "video.mp4", *spans))
        program = Program("app.daemons.security_system", config, "--source", video)
        running.append(program)
        program.start()
        return program

    yield start_program
    for program in running:
        program.__exit__()


def levels(clip: Path) -> list[float]:
    """The mean grey level of each picture of *clip*."""
    with av.open(str(clip)) as opened:
        return [
            float(picture.to_ndarray(format="gray").mean()) for picture in opened.decode(video=0)
        ]


def test_an_opening_is_one_alert_and_flashes_are_none(
    start: Start, durable_redis_server: RedisServer, raw: redis.Redis, tmp_path: Path
) -> None:
    flashes = [(0.5, DARK), (0.1, BRIGHT)] * 6
    program = start(*flashes, (1, DARK), (3, BRIGHT), (20, DARK))
    until(lambda: facts(raw, "motion_started"), "the fridge is opened")
    assert " opens with a light of 1" in program.log
    program.signal(signal.SIGHUP)
    beat = until(
        lambda: (
            one
            if (one := program.heartbeat(durable_redis_server.url)) and one.counters["events"]
            else None
        ),
        "a heartbeat",
    )
    assert beat.counters["light"] == pytest.approx(BRIGHT * 1.05, abs=5)
    ready = until(lambda: facts(raw, "clip_ready"), "its clip is ready")[0]
    (opened,), (ended,) = facts(raw, "motion_started"), facts(raw, "motion_ended")
    assert [one["text"] for one in facts(raw) if one["alert"]] == [ready["text"]]
    folder = next(tmp_path.glob(f"data/events/*/{opened['event']}"))
    record = json.loads((folder / "event.json").read_text())
    lasted = datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(
        record["started_at"]
    )
    assert lasted.total_seconds() == pytest.approx(3, abs=0.25)
    assert ready["text"] == TEXT.clip(event_started_at(opened["event"]), 3)
    assert ended["text"] == "Your fridge was closed after 3 seconds."
    trace = EventFolders(tmp_path / "data").trace(opened["event"], event_started_at(folder.name))
    assert trace
    assert (trace.area_px, trace.least_level) == ((), 50.0)
    assert min(one or 0 for one in trace.level) < 50 < max(one or 0 for one in trace.level)
    pictures = levels(folder / ready["file"])
    assert len(pictures) == pytest.approx(30, abs=3)
    assert min(pictures[1:-1]) > 50


def test_a_door_left_open_is_one_more_alert(start: Start, raw: redis.Redis, tmp_path: Path) -> None:
    start((1, DARK), (6, BRIGHT), (20, DARK), events=", open_threshold_seconds: 2")
    last = until(
        lambda: [one for one in facts(raw, "clip_ready") if one["alert"]],
        "it is closed and its clip is ready",
    )[0]
    (left_open,), (opened,) = facts(raw, "left_open"), facts(raw, "motion_started")
    began = event_started_at(opened["event"])
    assert [one["text"] for one in facts(raw) if one["alert"]] == [
        TEXT.left_open(began, 2),
        TEXT.clip(began, 6),
    ]
    assert (left_open["event"], left_open["file"], last["file"]) == (
        opened["event"],
        "clip.mp4",
        "clip-2.mp4",
    )
    assert left_open["lasted_s"] == pytest.approx(2.1, abs=0.4)
    folder = next(tmp_path.glob(f"data/events/*/{opened['event']}"))
    first, second = levels(folder / "clip.mp4"), levels(folder / "clip-2.mp4")
    assert len(first) == pytest.approx(21, abs=4)
    assert len(first) + len(second) == pytest.approx(60, abs=4)
    assert min(first[1:] + second[:-1]) > 50


def test_own_words_are_used_and_a_kill_does_not_repeat_them(start: Start, raw: redis.Redis) -> None:
    words = "{opening: 'The {camera}!', left_open: 'Close the {camera} ({seconds} s)'}"
    program = start((40, BRIGHT), events=f", open_threshold_seconds: 2, words: {words}")
    left_open = until(lambda: facts(raw, "left_open"), "it is left open")[0]
    assert left_open["text"] == "Close the fridge (2 s)"
    (opened,) = facts(raw, "motion_started")
    assert (opened["text"], opened["alert"]) == ("The fridge!", True)
    program.kill()
    program.start()
    until(lambda: program.log.count("Close the fridge") > 1, "the next run publishes it too")
    program.stop()
    assert [one["id"] for one in facts(raw, "left_open")] == [left_open["id"]]
