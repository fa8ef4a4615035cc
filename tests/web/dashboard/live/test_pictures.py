"""Live pictures: each viewer gets the newest, and nothing happens while nobody views."""

import threading
import time
from collections.abc import Iterator

import pytest
import redis

from app.state import State
from app.web.dashboard.live.pictures import MOST_VIEWERS, CameraChannel, LivePictures
from tests.servers.redis_server import RedisServer
from tests.waiting import until

FRONT, GARDEN = CameraChannel("front"), CameraChannel("garden")


@pytest.fixture
def state(redis_server: RedisServer) -> Iterator[State]:
    found = State(redis_server.url, timeout_s=1.0)
    yield found
    found.close()


@pytest.fixture
def live(state: State, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePictures]:
    monkeypatch.setattr("app.web.dashboard.live.pictures.LOOK_S", 0.1)
    monkeypatch.setattr("app.web.dashboard.live.pictures.OLD_S", 60.0)
    yield LivePictures(state)
    until(lambda: not threads(), "the thread has ended")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "live"]


def is_watched(state: State, camera: str) -> bool:
    return state.camera_controls(camera, "0-0").watched


def picture(part: bytes) -> bytes:
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--picture\r\n")


class Viewer:
    """Somebody who views *channels*; the thread is subscribed when it exists."""

    def __init__(self, live: LivePictures, state: State, *channels: CameraChannel) -> None:
        self.stream = live.stream(channels, lambda: True)
        assert next(self.stream) == b"--picture\r\n"
        until(lambda: all(is_watched(state, one.camera) for one in channels), "it asks")

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()  # type: ignore[attr-defined]

    def next(self) -> bytes:
        return picture(next(self.stream))


def test_every_viewer_gets_every_picture_if_quick(live: LivePictures, state: State) -> None:
    with Viewer(live, state, FRONT) as one, Viewer(live, state, FRONT) as other:
        for number in range(3):
            state.publish_frame("front", b"%d" % number)
            assert one.next() == other.next() == b"%d" % number
        assert len(threads()) == 1


def test_a_slow_viewer_gets_only_the_newest_picture(live: LivePictures, state: State) -> None:
    with Viewer(live, state, FRONT) as slow, Viewer(live, state, FRONT) as quick:
        for number in range(10):
            state.publish_frame("front", b"%d" % number)
            assert quick.next() == b"%d" % number
        assert slow.next() == b"9"


def test_a_stream_of_two_cameras_names_the_camera_of_each(live: LivePictures, state: State) -> None:
    with Viewer(live, state, FRONT, GARDEN) as both:
        state.publish_frame("front", b"door")
        assert b"X-Camera: front\r\n" in next(both.stream)
        for camera in ("front", "garden"):
            state.publish_frame(camera, b"new")
        first, second = next(both.stream), next(both.stream)
    assert {b"X-Camera: front\r\n" in part for part in (first, second)} == {True, False}


def test_another_camera_is_subscribed_to_when_it_is_wanted(
    live: LivePictures, state: State
) -> None:
    with Viewer(live, state, FRONT) as front:
        assert not is_watched(state, "garden")
        with Viewer(live, state, GARDEN) as garden:
            state.publish_frame("garden", b"tree")
            assert garden.next() == b"tree"
        state.publish_frame("front", b"door")
        assert front.next() == b"door"


def test_messages_of_the_detector_come_as_they_are(live: LivePictures, state: State) -> None:
    stream = live.stream([CameraChannel("front", "detector")], lambda: True)
    next(stream)
    until(lambda: state.camera_controls("front", "0-0").detector_watched, "it asks")
    assert not is_watched(state, "front")
    state.publish_detector("front", b'{"area": 3}\n\xff\xd8')
    part = next(stream)
    assert picture(part) == b'{"area": 3}\n\xff\xd8'
    assert b"Content-Type: application/octet-stream\r\n" in part
    stream.close()  # type: ignore[attr-defined]


def test_the_thread_and_the_wish_end_with_the_last_viewer(
    live: LivePictures, state: State, redis_server: RedisServer
) -> None:
    with Viewer(live, state, FRONT):
        pass
    until(lambda: not threads(), "the thread ends", 3.0)
    with redis.Redis.from_url(redis_server.url) as server:
        assert 0 < server.ttl("camera:front:watched") <= 5
        server.delete("camera:front:watched")
    time.sleep(0.3)
    assert not is_watched(state, "front")
    with Viewer(live, state, FRONT) as again:
        state.publish_frame("front", b"door")
        assert again.next() == b"door"


def test_a_new_viewer_gets_no_picture_of_an_earlier_one(live: LivePictures, state: State) -> None:
    with Viewer(live, state, FRONT) as one:
        state.publish_frame("front", b"old")
        one.next()
    with Viewer(live, state, FRONT) as other:
        state.publish_frame("front", b"new")
        assert other.next() == b"new"


def test_a_picture_that_is_no_longer_live_is_not_sent(
    live: LivePictures, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Viewer(live, state, FRONT) as one:
        state.publish_frame("front", b"old")
        one.next()
        monkeypatch.setattr("app.web.dashboard.live.pictures.OLD_S", 0.0)
        monkeypatch.setattr("app.web.dashboard.live.pictures.QUIET_S", 0.2)
        with Viewer(live, state, FRONT) as other:
            assert b"old" not in next(other.stream)
        monkeypatch.setattr("app.web.dashboard.live.pictures.OLD_S", 60.0)
        with Viewer(live, state, FRONT) as other:
            assert other.next() == b"old"


def test_pictures_come_again_after_redis_was_away(
    live: LivePictures, state: State, redis_server: RedisServer
) -> None:
    with Viewer(live, state, FRONT) as viewer:
        redis_server.stop()
        time.sleep(0.2)
        redis_server.start()
        until(lambda: is_watched(state, "front"), "it asks again", 5.0)
        state.publish_frame("front", b"door")
        assert viewer.next() == b"door"


def test_there_are_at_most_24_viewers(live: LivePictures) -> None:
    streams = [live.stream([FRONT], lambda: True) for _ in range(MOST_VIEWERS + 1)]
    begun = [next(stream, None) for stream in streams]
    assert begun == [b"--picture\r\n"] * MOST_VIEWERS + [None]
    assert live.is_full
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]
    assert not live.is_full


def test_while_no_picture_comes_a_header_is_sent_now_and_then(
    live: LivePictures, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.dashboard.live.pictures.QUIET_S", 0.2)
    with Viewer(live, state, FRONT) as viewer:
        assert next(viewer.stream) == b"X-Quiet: 1\r\n"


def test_a_stream_goes_on_only_as_long_as_it_may(live: LivePictures) -> None:
    answers = iter([True, True, False])
    assert list(live.stream([FRONT], lambda: next(answers))) == [b"--picture\r\n"]


def test_the_thread_ends_when_the_process_must_end(
    live: LivePictures, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    monkeypatch.setattr("app.web.dashboard.live.pictures.STOPPING", stopping)
    with Viewer(live, state, FRONT):
        stopping.set()
        until(lambda: not threads(), "the thread ends", 2.0)
