"""The security system as a real process, on the drawn scenes and on real footage, with a real
Redis.
"""

import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import redis

from app.files import is_unfinished
from app.protocol import Heartbeat, Position, Request
from app.state import Latest, State
from tests.daemons.facts import facts
from tests.daemons.security_system.conftest import StartFront
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

QUICK = "events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}\n"
Start = Callable[..., Program]


@pytest.fixture
def start(start_front: StartFront) -> Start:
    """Starts it as `start_front` does, so that events open and close quickly."""
    return lambda source, more=QUICK: start_front(source, more)


def first_event(raw: redis.Redis, within_s: float = 20.0) -> str:
    until(lambda: facts(raw, "motion_started"), "an event opens", within_s)
    return str(facts(raw, "motion_started")[0]["event"])


def picture(jpeg: bytes) -> np.ndarray[Any, Any]:
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return found


def test_real_footage_gives_its_first_event_within_three_seconds_of_the_first_visitor_and_none_before(
    start: Start, raw: redis.Redis, state: State, footage: Path, tmp_path: Path
) -> None:
    start(str(footage / "one-by-one-person-detection.mp4"), "")
    until(lambda: state.latest("front"), "the first picture is taken")
    beginning = state.latest("front")
    event = first_event(raw)
    record = state.event(event)
    assert beginning
    assert record
    after_s = (record.started_at - beginning.taken_at).total_seconds()
    assert 5.4 <= after_s <= 6.1 + 3.0
    folder = tmp_path / "data" / "events" / f"{record.started_at:%Y-%m-%d}" / event
    assert {path.name for path in folder.iterdir() if not is_unfinished(path.name)} == {
        "event.json",
        "snapshot.jpg",
        "snapshot-clean.jpg",
    }
    marked, clean = (
        picture((folder / "snapshot.jpg").read_bytes()),
        picture((folder / "snapshot-clean.jpg").read_bytes()),
    )
    assert marked.shape == clean.shape == (432, 768, 3)
    assert np.abs(marked.astype(int) - clean).max() > 100
    assert state.snapshot(event) == (folder / "snapshot.jpg").read_bytes()
    assert json.loads((folder / "event.json").read_text())["id"] == event
    x, y, width, height = (record.boxes or ())[0]
    assert 0 <= x < x + width <= 768
    assert 0 <= y < y + height <= 432


def test_an_event_ends_when_the_visitor_has_gone(
    start: Start, raw: redis.Redis, state: State
) -> None:
    start("demo")
    event = first_event(raw)
    until(lambda: facts(raw, "motion_ended"), "the event ends", 40.0)
    record = state.event(event)
    assert record
    assert record.ended_at
    assert (record.ended_at - record.started_at).total_seconds() > 1
    assert facts(raw, "motion_ended")[0]["event"] == event


def test_the_camera_closes_and_opens_with_its_switch_within_a_second(
    start: Start, state: State
) -> None:
    program = start("synthetic:empty")
    until(lambda: state.latest("front"), "the first picture is taken")
    state.set_switch("camera_status", False)
    program.obeys(lambda: "disarmed: the camera closes" in program.log, "it closes", within_s=1.0)
    armed_at = datetime.now(UTC)
    state.set_switch("camera_status", True)
    program.obeys(
        lambda: program.log.count("armed: the camera opens") == 2, "it opens again", within_s=1.0
    )
    state.add_request(Request("last_image", datetime.now(UTC), "anna"))
    until(partial(picture_since, state, armed_at), "it sees again")


def test_what_is_disarmed_at_the_start_is_never_opened(
    start: Start, state: State, raw: redis.Redis
) -> None:
    state.set_switch("camera_status", False)
    program = start("synthetic:empty")
    beat = program.wait_until_beating(raw_url(raw))
    assert beat.counters["camera"] == "closed"
    assert "camera opens" not in program.log


def test_a_picture_that_is_asked_for_is_taken_now_and_comes_within_a_second(
    start: Start, state: State
) -> None:
    program = start("synthetic:empty")
    until(lambda: state.latest("front"), "the first picture is taken")
    for _ in range(3):
        asked_at = datetime.now(UTC)
        state.add_request(Request("last_image", asked_at, "anna", "front"))
        program.obeys(partial(picture_since, state, asked_at), "a new picture", within_s=1.0)


def test_live_pictures_are_sent_only_while_somebody_watches(
    start: Start, raw: redis.Redis, state: State
) -> None:
    start("synthetic:empty")
    with raw.pubsub(ignore_subscribe_messages=True) as line:  # type: ignore[no-untyped-call]
        line.subscribe("camera:front:frames")
        until(lambda: state.latest("front"), "it runs")
        assert line.get_message(timeout=0.6) is None
        raw.set("camera:front:watched", "1", ex=5)
        message = until(lambda: line.get_message(timeout=0.2), "a live picture")
        assert picture(message["data"]).shape == (480, 640, 3)
        raw.delete("camera:front:watched")
        until(lambda: line.get_message(timeout=0.6) is None, "the pictures end")


def test_an_event_while_redis_is_away_is_told_later_once_and_with_its_picture(
    start: Start, raw: redis.Redis, state: State, durable_redis_server: RedisServer, tmp_path: Path
) -> None:
    program = start("demo")
    until(lambda: state.latest("front"), "it runs")
    durable_redis_server.kill()
    until(
        lambda: list((tmp_path / "data" / "spool" / "front").glob("*.json")),
        "the event waits in the spool",
    )
    until(
        lambda: list((tmp_path / "data" / "events").glob("*/*/snapshot.jpg")),
        "its picture is on disk",
    )
    durable_redis_server.start()
    event = first_event(raw)
    assert state.snapshot(event)
    until(
        lambda: not list((tmp_path / "data" / "spool" / "front").glob("*.json")),
        "the spool is empty",
    )
    assert [one["event"] for one in facts(raw, "motion_started")].count(event) == 1
    assert "Redis is back" in program.log


def test_an_event_that_was_open_at_a_kill_is_ended_by_the_next_run_and_told_once(
    start: Start, raw: redis.Redis, state: State
) -> None:
    program = start("demo")
    event = first_event(raw)
    program.kill()
    program.start()
    until(lambda: (one := state.event(event)) and one.ended_at, "the event is ended")
    assert [one["event"] for one in facts(raw, "motion_started")].count(event) == 1


def test_a_gentle_end_closes_the_open_event(start: Start, raw: redis.Redis, state: State) -> None:
    program = start("demo")
    event = first_event(raw)
    assert program.stop() == 0
    record = state.event(event)
    assert record
    assert record.ended_at


def test_a_camera_that_is_not_there_is_reported_and_tried_again_and_never_the_demo(
    start: Start, raw: redis.Redis, state: State, tmp_path: Path
) -> None:
    program = start(str(tmp_path / "nothing.mp4"))
    until(lambda: facts(raw, "camera_lost"), "the loss is told")
    assert "nothing.mp4" in facts(raw, "camera_lost")[0]["text"]
    beat = until(lambda: troubled(program, raw), "the heartbeat says it")
    assert beat.last_error
    assert "nothing.mp4" in beat.last_error.what
    assert beat.counters["frames"] == 0
    assert len(facts(raw)) == 1


def test_a_film_that_ends_is_a_camera_lost_and_then_back(
    start: Start, raw: redis.Redis, short_film: Path
) -> None:
    start(str(short_film))
    until(lambda: facts(raw, "camera_back"), "it is back")
    assert [one["kind"] for one in facts(raw)][:2] == ["camera_lost", "camera_back"]


def test_a_turn_reaches_its_target_and_raises_no_alarm(
    start: Start, raw: redis.Redis, state: State
) -> None:
    mount = "cameras: {front: {pantilt: {backend: mock, settle_s: 0.5}}}\n"
    program = start("synthetic:empty", QUICK + mount)
    until(lambda: state.latest("front"), "it runs")
    before = state.latest("front")
    state.put("camera:front:target", Position(25, -5))
    program.obeys(
        lambda: state.get("camera:front:position", Position) == Position(25, -5),
        "the target is reached",
        within_s=2.0,
    )
    time.sleep(2.5)  # longer than the picture rests, learns, and the alert rule takes
    state.add_request(Request("last_image", datetime.now(UTC), "anna"))
    until(
        lambda: before and (one := state.latest("front")) and one.taken_at > before.taken_at,
        "a new picture",
    )
    after = state.latest("front")
    assert before
    assert after
    assert np.abs(picture(before.jpeg).astype(int) - picture(after.jpeg)).mean() > 5
    assert facts(raw) == []


def test_a_changed_configuration_is_taken_over_while_it_runs(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    program = start("synthetic:empty")
    until(lambda: "armed: the camera opens" in program.log, "the camera opens")
    write_config(tmp_path, raw_url(raw), "cameras: {front: {hflip: true}}\n")
    program.signal(signal.SIGHUP)
    until(lambda: program.log.count("armed: the camera opens") == 2, "the camera is opened anew")


def test_reading_the_configuration_again_leaves_an_open_event_alone(
    start: Start, raw: redis.Redis
) -> None:
    program = start("demo")
    event = first_event(raw)
    program.signal(signal.SIGHUP)
    until(lambda: "the configuration was read again" in program.log, "it is read")
    until(lambda: facts(raw, "motion_ended"), "the event ends by itself", 40.0)
    assert [one["event"] for one in facts(raw, "motion_started")] == [event]
    assert program.log.count("armed: the camera opens") == 1


def test_a_lost_camera_that_the_configuration_mends_is_back(
    start: Start, raw: redis.Redis, tmp_path: Path
) -> None:
    program = start("", f"cameras: {{front: {{source: '{tmp_path}/nothing.mp4'}}}}\n")
    until(lambda: facts(raw, "camera_lost"), "the loss is told")
    write_config(tmp_path, raw_url(raw), "cameras: {front: {source: 'synthetic:empty'}}\n")
    program.signal(signal.SIGHUP)
    until(lambda: facts(raw, "camera_back"), "it is back")
    assert [one["kind"] for one in facts(raw)] == ["camera_lost", "camera_back"]


def test_a_camera_with_a_mount_looks_home_by_itself(start: Start, state: State) -> None:
    start(
        "synthetic:empty", QUICK + "cameras: {front: {pantilt: {backend: mock, home: [10, 5]}}}\n"
    )
    until(lambda: state.get("camera:front:position", Position) == Position(10, 5), "it looks home")


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--camera", "attic"], "must be one of front, not attic")]
)
def test_an_unknown_camera_is_answered_with_those_there_are(
    arguments: list[str], said: str, tmp_path: Path, durable_redis_server: RedisServer
) -> None:
    with Program(
        "app.daemons.security_system", write_config(tmp_path, durable_redis_server.url), *arguments
    ) as program:
        assert program.wait() == 2
        assert said in program.log


def picture_since(state: State, moment: datetime) -> Latest | None:
    latest = state.latest("front")
    return latest if latest and latest.taken_at >= moment else None


def troubled(program: Program, raw: redis.Redis) -> Heartbeat | None:
    beat = program.heartbeat(raw_url(raw))
    return beat if beat and beat.last_error else None


def raw_url(raw: redis.Redis) -> str:
    return f"unix://{raw.connection_pool.connection_kwargs['path']}"


@pytest.fixture
def short_film(tmp_path: Path) -> Path:
    """Two seconds of a grey picture."""
    path = tmp_path / "short.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(20):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    return path
