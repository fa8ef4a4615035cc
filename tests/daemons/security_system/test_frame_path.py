"""The way of a frame to an event, in the real program with a real Redis."""

import random
import re
import signal
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.daemons.security_system.daemon import SecuritySystem
from app.motion.base import SOONEST_S
from app.protocol import Request
from tests.cameras.pictures import jpeg_of
from tests.daemons.security_system.conftest import NUMBERED, Front
from tests.recording.videos import numbered_video
from tests.servers.programs import write_config
from tests.servers.video_server import VideoServer
from tests.waiting import until

QUICK = "events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}\n"


def test_other_texts_and_training_leave_an_open_event_alone(front: Front) -> None:
    program = front.start("demo", QUICK)
    event = front.first_event()
    front.configure(QUICK.replace("}", ", train: true, words: {opening: 'The {camera}!'}}"))
    program.signal(signal.SIGHUP)
    until(lambda: "the configuration was read again" in program.log, "it is read")
    beat = until(
        lambda: beat if (beat := front.heartbeat(program)) and beat.counters["events"] else None,
        "a heartbeat",
    )
    assert beat.counters["event_open"]
    until(lambda: front.facts("motion_ended"), "the event ends by itself", 40.0)
    assert [one["event"] for one in front.facts("motion_started")] == [event]
    assert [one["event"] for one in front.facts("motion_ended")] == [event]
    assert program.log.count("armed: the camera opens") == 1
    record = front.state.event(event)
    assert record
    assert record.ended_at
    assert (record.ended_at - record.started_at).total_seconds() > 1


def test_an_event_survives_a_lost_redis_a_kill_and_an_end(front: Front, endless: Path) -> None:
    # The spool is empty some seconds after the opening, and the event must last until the kill.
    program = front.start(endless, NUMBERED.replace("event_gap_s: 1", "event_gap_s: 5"))
    front.wait_for_picture()
    front.server.kill()
    until(lambda: list(front.data.glob("spool/front/*.json")), "the event waits in the spool")
    until(lambda: list(front.data.glob("events/*/*/snapshot.jpg")), "its picture is on disk")
    front.server.start()
    event = front.first_event()
    assert front.state.snapshot(event)
    until(lambda: not list(front.data.glob("spool/front/*.json")), "the spool is empty")
    assert "Redis is back" in program.log
    program.kill()
    program.start()
    until(lambda: (one := front.state.event(event)) and one.ended_at, "the next run ends it")
    assert [one["event"] for one in front.facts("motion_started")].count(event) == 1
    second = front.first_event(2)
    assert program.stop() == 0
    record = front.state.event(second)
    assert record
    assert record.ended_at


def test_a_kill_right_after_an_opening_loses_no_event(front: Front, tmp_path: Path) -> None:
    chance = random.Random(1)
    video = numbered_video(tmp_path / "soon.mp4", 200, visits=range(20, 200))
    program = front.start(video, NUMBERED)
    for number in range(1, 6):
        until(lambda: program.log.count(" opens with ") == number, "it opens", every_s=0.001)  # noqa: B023
        time.sleep(chance.choice((0.0, 0.01, 0.05)) * chance.random())
        program.kill()
        program.start()
    front.state.set_switch("camera_status", False)
    opened = re.findall(r"event (\S+) opens with ", program.log)
    until(
        lambda: {fact["event"] for fact in front.facts("motion_started")} >= set(opened),
        "all events are published",
    )
    assert program.stop() == 0
    published = Counter(fact["event"] for fact in front.facts("motion_started"))
    assert {event: published[event] for event in opened} == dict.fromkeys(opened, 1)


def test_a_damaged_picture_is_counted_and_not_shown(front: Front) -> None:
    def picture(number: int) -> bytes:
        whole = jpeg_of(number)
        return whole if number < 20 else whole[: len(whole) // 2]

    with VideoServer(draw=picture, fps=10) as camera:
        program = front.start(camera.url("stream"), "cameras: {front: {warmup_s: 0}}\n")
        front.wait_for_picture()

        def damaged() -> int:
            program.signal(signal.SIGHUP)  # it sends a heartbeat
            beat = front.heartbeat(program)
            count = beat.counters["corrupt"] if beat else 0
            assert isinstance(count, int)
            return count

        until(lambda: damaged() > 2, "pictures are damaged")
        shown = front.state.latest("front")
        front.state.add_request(Request("last_image", datetime.now(UTC), "anna", "front"))
        until(lambda: damaged() > 8, "more pictures are damaged")
        assert front.state.latest("front") == shown


def test_frames_may_be_later_while_somebody_is_in_sight(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "unix:///nowhere", QUICK + "recording: {clips: false}\n")
    settings = CameraSettings(source="synthetic:person", resolution=(320, 240), fps=10)
    way = SecuritySystem(folder=folder)._frames
    found = set[tuple[str, float]]()
    expected = {("nobody", SOONEST_S), ("doubtful", 0.0), ("somebody", 0.4)}
    with closing(make_camera("front", settings, SystemClock(), "fast")) as camera:
        camera.open()
        while not found >= expected and way.count < 300:
            late_s = way.take([camera.read()])
            followed = [one for one in way.detector.contours() if one.seen]
            state = "somebody" if followed else "nobody"
            found.add((state if way.detector.rests else "doubtful", late_s))
    assert found == expected
