"""A feed that opens its camera again after failures."""

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.backoff import Backoff
from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings
from app.cameras.feed import CameraChange, CameraFeed, Reopening
from app.clock import Clock, FakeClock, SystemClock
from app.errors import CameraEnded, CameraMissing
from app.frames import Frame
from tests.cameras.odd_camera import OddCamera, Taken
from tests.cameras.pictures import FPS, write_video
from tests.conftest import REPO
from tests.servers.video_server import VideoServer
from tests.waiting import until


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_the_delays_before_reopening_grow(clock: FakeClock) -> None:
    reopening = Reopening(clock, Backoff(60))
    delays_s = []
    for _ in range(9):
        reopening.record_failure("it is gone")
        delays_s.append(reopening.wait_s())
        clock.advance(reopening.wait_s())
    assert delays_s == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert reopening.wait_s() == 0


def test_a_loss_and_a_return_are_recorded_once_each(clock: FakeClock) -> None:
    reopening = Reopening(clock, Backoff(60))
    lost_at = clock.now()
    for reason in ("it stalled", "nobody answers", "nobody answers"):
        reopening.record_failure(reason)
        clock.advance(10)
    assert reopening.take_changes() == [CameraChange("lost", lost_at, "it stalled")]
    reopening.record_frame()
    reopening.record_frame()
    assert reopening.take_changes() == [
        CameraChange("back", lost_at + timedelta(seconds=30), "it stalled", 30)
    ]
    assert reopening.take_changes() == []
    assert reopening.reopened == 1


@pytest.mark.parametrize(
    ("stays_s", "delays_s"), [(30, [1, 1, 1, 1]), (3, [1, 2, 4, 8]), (8, [1, 1, 1, 1])]
)
def test_only_a_camera_that_worked_a_while_is_reopened_soon(
    clock: FakeClock, stays_s: float, delays_s: list[float]
) -> None:
    reopening, seen_s = Reopening(clock, Backoff(60)), []
    for _ in delays_s:
        reopening.record_frame()
        clock.advance(stays_s)
        reopening.record_failure("gone")
        seen_s.append(reopening.wait_s())
        clock.advance(reopening.wait_s())
    assert seen_s == delays_s


Change = tuple[str, str]


def kinds(feed: CameraFeed) -> list[Change]:
    return [(change.kind, change.reason) for change in feed.take_changes()]


def state_of(feed: CameraFeed) -> str:
    return feed.state


def trouble_of(feed: CameraFeed) -> str | None:
    return feed.trouble


class Feed(CameraFeed):
    """A feed of a test, whose frames are `taken`."""

    def __init__(self, make: Callable[[], Camera], clock: Clock, settings: CameraSettings) -> None:
        self.taken = Taken()
        super().__init__(make, clock, settings, self.taken.user)

    def next(self) -> Frame:
        """Wait for the next frame; the camera is opened again if it must be."""
        return until(self._next, "a frame comes")

    def _next(self) -> Frame | None:
        frame = self.taken.next(0.1)
        if frame is None:
            self.step()
        return frame


def until_lost(feed: CameraFeed) -> None:
    def lost() -> bool:
        feed.step()
        return state_of(feed) == "lost"

    until(lost, "the camera is lost")


def feed_of(clock: Clock, *cameras: OddCamera) -> Feed:
    """Return a feed whose openings use *cameras*, one after another."""
    waiting = list(cameras)
    return Feed(lambda: waiting.pop(0), clock, CameraSettings(stall_s=10, warmup_s=0))


def test_a_feed_can_be_opened_and_closed_again(clock: FakeClock) -> None:
    first, second = OddCamera(1, CameraEnded("never seen")), OddCamera(1, CameraEnded("never seen"))
    feed = feed_of(clock, first, second)
    assert (state_of(feed), feed.step()) == ("closed", math.inf)
    feed.open()
    feed.next()
    assert state_of(feed) == "open"
    feed.close()
    feed.close()
    assert (state_of(feed), feed.step()) == ("closed", math.inf)
    feed.open()
    assert feed.next().number == 0
    feed.close()
    assert kinds(feed) == []


def test_a_camera_that_ends_is_lost_and_comes_back(clock: FakeClock) -> None:
    again = OddCamera(1)
    feed = feed_of(clock, OddCamera(2, CameraEnded("the video has ended")), again)
    feed.open()
    assert feed.taken.numbers(2) == [0, 1]
    until_lost(feed)
    assert kinds(feed) == [("lost", "the video has ended")]
    assert trouble_of(feed) == "the video has ended"
    clock.advance(0.25)
    assert feed.step() == 0.75
    clock.advance(0.75)
    feed.next()
    assert kinds(feed) == [("back", "the video has ended")]
    assert (trouble_of(feed), feed.reopened, state_of(feed)) == (None, 1, "open")
    again.give(CameraEnded("over"))
    feed.close()


def test_a_camera_that_never_opens_is_lost_once(clock: FakeClock) -> None:
    gone, last = [OddCamera(opens=CameraMissing("there is none")) for _ in range(3)], OddCamera(1)
    feed = feed_of(clock, *gone, last)
    feed.open()
    until_lost(feed)
    for camera in gone[1:]:
        clock.advance(4)
        feed.step()
        until(lambda camera=camera: "close" in camera.calls, "it has been tried")  # type: ignore[misc]
        feed.step()
        assert state_of(feed) == "lost"
    clock.advance(4)
    feed.next()
    assert kinds(feed) == [("lost", "there is none"), ("back", "there is none")]
    last.give(CameraEnded("over"))
    feed.close()


def test_a_loss_stays_one_loss_when_the_feed_is_reopened(clock: FakeClock) -> None:
    gone, last = [OddCamera(opens=CameraMissing("there is none")) for _ in range(2)], OddCamera(1)
    feed = feed_of(clock, *gone, last)
    feed.open()
    until_lost(feed)
    feed.close()
    assert trouble_of(feed) is None
    feed.open()
    until_lost(feed)
    clock.advance(2)
    feed.next()
    assert kinds(feed) == [("lost", "there is none"), ("back", "there is none")]
    last.give(CameraEnded("over"))
    feed.close()


def test_dropped_and_damaged_frames_are_counted_together(clock: FakeClock) -> None:
    first, second = OddCamera(10), OddCamera(1)
    first.dropped, first.corrupt, second.dropped, second.corrupt = 3, 4, 5, 6
    feed = feed_of(clock, first, second)
    feed.open()
    first.give(CameraEnded("over"))
    until_lost(feed)
    assert (feed.dropped, feed.corrupt) == (3, 4)
    clock.advance(1)
    feed.taken.numbers(10)
    feed.next()
    assert (feed.dropped, feed.corrupt) == (3 + 5, 4 + 6)
    second.give(CameraEnded("over"))
    feed.close()


def test_cameras_opened_later_know_the_position_of_the_mount(clock: FakeClock) -> None:
    first, second = OddCamera(1, CameraEnded("over")), OddCamera(1, CameraEnded("over"))
    feed = feed_of(clock, first, second)
    feed.open()
    feed.aim(30, -10)
    assert "aim 30 -10" in first.calls
    assert feed.taken.next()
    until_lost(feed)
    clock.advance(1)
    feed.next()
    assert second.calls[0] == "aim 30 -10"
    feed.close()


def test_three_stuck_threads_are_an_error_for_the_caller(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cameras.live._STOP_S", 0.05)
    settings, cameras = CameraSettings(stall_s=0.1, warmup_s=0), [OddCamera() for _ in range(3)]
    waiting = list(cameras)
    feed = Feed(lambda: waiting.pop(0), clock, settings)
    feed.open()
    for camera in cameras:
        until(lambda camera=camera: "read" in camera.calls, "it is stuck")  # type: ignore[misc]
        clock.advance(1.1)
        until_lost(feed)
        clock.advance(60)
        if camera is not cameras[-1]:
            feed.step()
    with pytest.raises(RuntimeError, match="3 threads are stuck in a camera"):
        feed.step()
    for camera in cameras:
        camera.give(CameraEnded("the test is over"))


def test_a_file_that_appears_later_is_played(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "late.mp4"
    settings = CameraSettings(source=str(path), fps=FPS, warmup_s=0)
    feed = Feed(lambda: make_camera("front", settings, clock, "fast"), clock, settings)
    feed.open()
    until_lost(feed)
    assert kinds(feed) == [("lost", f"front ({path}): there is no such file or device")]
    write_video(path, 10)
    clock.advance(1)
    feed.next()
    assert [kind for kind, _ in kinds(feed)] == ["back"]
    feed.close()


def test_a_video_that_plays_again_is_not_lost(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "short.mp4"
    write_video(path, 3)
    settings = CameraSettings(source=str(path), fps=FPS, warmup_s=0)
    feed = Feed(lambda: make_camera("front", settings, clock, "fast"), clock, settings)
    feed.open()
    assert feed.taken.numbers(3) == [0, 1, 2]
    until(lambda: feed.step() and state_of(feed) == "opening", "it has ended")
    assert trouble_of(feed) is None
    clock.advance(1)
    feed.next()
    assert [kind for kind, _ in kinds(feed)] == ["ended", "back"]
    path.unlink()
    until(lambda: feed.step() and state_of(feed) == "opening", "it has ended again")
    clock.advance(60)
    until_lost(feed)
    assert "lost" in [kind for kind, _ in kinds(feed)]
    feed.close()


def test_a_network_camera_that_restarts_is_lost_and_back() -> None:
    with VideoServer() as server:
        settings = CameraSettings(source=server.url("stream"), fps=FPS, stall_s=1)
        feed = Feed(lambda: make_camera("front", settings, SystemClock()), SystemClock(), settings)
        feed.open()
        feed.next()
    until_lost(feed)
    with VideoServer(port=server.port):
        feed.next()
        assert [change.kind for change in feed.take_changes()] == ["lost", "back"]
        feed.close()


def test_closing_a_feed_ends_its_thread_at_once(short_video: Path) -> None:
    settings = CameraSettings(source=str(short_video), fps=FPS)
    feed = Feed(lambda: make_camera("front", settings, SystemClock()), SystemClock(), settings)
    feed.open()
    feed.next()
    feed.close()
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("camera front")
    ]


def test_a_process_with_a_stuck_camera_can_end() -> None:
    code = """
from app.backoff import Backoff
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.cameras.feed import CameraFeed
from app.cameras.live import FrameUser
from app.clock import SystemClock
import socket
server = socket.create_server(("127.0.0.1", 0))
settings = CameraSettings(source=f"http://127.0.0.1:{server.getsockname()[1]}/never", stall_s=600)
clock, user = SystemClock(), FrameUser(lambda frame: False)
feed = CameraFeed(lambda: make_camera("front", settings, clock), clock, settings, user)
feed.open()
held = server.accept()
print(feed.step(), feed.state)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2.0 opening\n", "")
