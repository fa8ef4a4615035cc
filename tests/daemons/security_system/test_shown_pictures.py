"""Pictures of a camera go to those who look, and cost nothing while nobody does."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.clock import SystemClock
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.shown_pictures import LIVE_EVERY_S, ShownPictures
from app.detector import Detector, EventSettings
from app.frames import Frame, Image
from app.motion import make_motion
from app.motion.base import MotionSettings
from app.protocol import camera_key
from app.state import State
from tests.daemons.security_system.publishing import publishing
from tests.servers.redis_server import RedisServer
from tests.waiting import until

LIVE, DETECTOR = camera_key("front", "frames"), camera_key("front", "detector")


class Camera:
    """A camera that gives a frame whenever a test offers one."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.live = ShownPictures(publisher, SystemClock())
        self.detector = Detector(make_motion(MotionSettings()), EventSettings())
        #: How many frames somebody wanted in colour.
        self.coloured = 0

    def offer(self) -> bool:
        """Give the next frame, and judge it; returns True."""
        at_s = time.monotonic()
        luma = np.zeros((720, 1280), np.uint8)
        frame = Frame(luma, at_s, datetime.now(UTC), 0, self._colour)
        self.live.offer_verdict(frame, self.detector.judge(frame), self.detector, lambda: None)
        self.live.offer(frame)
        self.live.check()
        time.sleep(0.02)
        return True

    def offer_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.offer()

    def _colour(self) -> Image:
        self.coloured += 1
        return np.zeros((720, 1280, 3), np.uint8)

    def has_thread(self) -> bool:
        return "shown pictures" in [one.name for one in threading.enumerate()]


@pytest.fixture
def camera(state: State, tmp_path: Path) -> Iterator[Camera]:
    with publishing(state, tmp_path) as publisher:
        started = Camera(publisher)
        yield started
        started.live.close()
        until(lambda: not started.has_thread(), "the thread ends")


def decoded(picture: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def test_nobody_costs_nothing_and_four_cost_no_more_than_one(camera: Camera, state: State) -> None:
    with ExitStack() as stack:
        viewers = [stack.enter_context(closing(state.subscription(LIVE))) for _ in range(4)]
        camera.offer_for(0.3)
        assert (camera.coloured, camera.has_thread()) == (0, False)
        state.watch(["front"])
        until(lambda: camera.offer() and camera.coloured, "a picture is drawn")
        began_s = time.monotonic()
        until(lambda: camera.offer() and camera.coloured >= 4, "three more are drawn")
        assert time.monotonic() - began_s > 2 * LIVE_EVERY_S
        for viewer in viewers:
            pictures = [viewer.read(10.0) for _ in range(4)]
            assert {one and one[0] for one in pictures} == {LIVE}
        assert pictures[0] and decoded(pictures[0][1]).shape == (540, 960, 3)
        drawn, received = camera.coloured, 4
        while viewers[0].read(0.5):
            received += 1
        assert 4 <= received <= drawn


def test_the_detector_page_gets_pictures_and_words(camera: Camera, state: State) -> None:
    with closing(state.subscription(DETECTOR, LIVE)) as viewer:
        state.watch(["front"], detector=True)
        until(lambda: camera.offer() and camera.coloured >= 2, "two pictures are drawn")
        channel, message = viewer.read(10.0) or ("", b"")
        assert channel == DETECTOR
        header, _, picture = message.partition(b"\n")
        words = json.loads(header)
        assert words["headline"] == "Learning"
        assert abs((datetime.now(UTC) - datetime.fromisoformat(words["at"])).total_seconds()) < 60
        width = max(x + width for x, _, width, _ in words["tiles"].values())
        assert decoded(picture).shape == (270, width, 3)
        second = viewer.read(10.0)
        assert second and second[0] == DETECTOR, "the live view is not asked for"


def test_nothing_is_drawn_while_redis_is_away(
    camera: Camera, state: State, durable_redis_server: RedisServer
) -> None:
    state.watch(["front"])
    until(lambda: camera.offer() and camera.coloured, "a picture is drawn")
    durable_redis_server.kill()
    until(lambda: camera.offer() and camera.publisher.away, "Redis is away")
    camera.offer_for(0.1)
    drawn = camera.coloured
    camera.offer_for(3 * LIVE_EVERY_S)
    assert camera.coloured == drawn
