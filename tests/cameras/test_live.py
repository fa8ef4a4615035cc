"""A camera in its own thread, and a feed that reopens its camera after failures."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app.backoff import Backoff
from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings, NetworkReport
from app.cameras.live import CameraChange, CameraFeed, LiveCamera, Reopening
from app.clock import Clock, FakeClock, SystemClock
from app.errors import CameraEnded, CameraMissing, CameraStalled
from app.frames import Frame, Packet, VideoFormat
from tests.cameras.pictures import FPS, write_video
from tests.conftest import REPO
from tests.servers.video_server import VideoServer
from tests.waiting import patience, until

ENOUGH_S = 10.0


class OddCamera(Camera):
    """Reads what the test gives it, a number of frames or an error; waits while there is nothing.

    It records the threads that used it, and in *calls* its calls.
    """

    def __init__(self, *given: int | Exception, opens: Exception | None = None) -> None:
        self.source = "camera"
        self.given: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self.threads: set[int] = set()
        self.calls: list[str] = []
        self._opens = opens
        self._number = 0
        for what in given:
            self.give(what)

    def give(self, what: int | Exception) -> None:
        for one in [what] if isinstance(what, Exception) else [None] * what:
            self.given.put(one)

    def open(self) -> None:
        self._touched("open")
        if self._opens:
            raise self._opens

    def read(self) -> Frame:
        self._touched("read")
        error = self.given.get()
        if error:
            raise error
        self._number += 1
        return Frame(
            np.zeros((2, 2), np.uint8),
            float(self._number),
            FakeClock().now(),
            self._number - 1,
            lambda: np.zeros((2, 2, 3), np.uint8),
        )

    def close(self) -> None:
        self._touched("close")

    def aim(self, pan_deg: float, tilt_deg: float) -> None:
        self.calls.append(f"aim {pan_deg} {tilt_deg}")

    def _touched(self, what: str) -> None:
        self.calls.append(what)
        self.threads.add(threading.get_ident())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def live(clock: FakeClock) -> Iterator[Callable[[OddCamera], LiveCamera]]:
    """A function that starts cameras in threads; all threads end with the test."""
    started: list[tuple[OddCamera, LiveCamera]] = []

    def start(camera: OddCamera) -> LiveCamera:
        one = LiveCamera(camera, clock, stall_s=10, opening_s=30)
        started.append((camera, one))
        one.start()
        return one

    yield start
    for camera, one in started:
        camera.give(CameraEnded("the test is over"))
        one.stop()
        assert not one.thread.is_alive()


Live = Callable[[OddCamera], LiveCamera]


def test_frames_come_in_order(live: Live) -> None:
    camera = OddCamera(2)
    one = live(camera)
    assert [frame.number for frame in (one.next(ENOUGH_S), one.next(ENOUGH_S)) if frame] == [0, 1]
    assert one.next(0.01) is None
    camera.give(1)
    assert (frame := one.next(ENOUGH_S)) is not None
    assert frame.number == 2


def test_a_slow_caller_gets_the_newest_frames(live: Live) -> None:
    camera = OddCamera(10)
    one = live(camera)
    until(lambda: camera.calls.count("read") == 11, "all are read")
    assert [frame.number for _ in range(3) if (frame := one.next(ENOUGH_S))] == [7, 8, 9]
    camera.dropped = 5
    assert one.dropped == 7 + 5


def test_an_error_comes_after_the_frames_before_it(live: Live) -> None:
    one = live(OddCamera(2, CameraEnded("it has ended")))
    assert one.next(ENOUGH_S)
    assert one.next(ENOUGH_S)
    with pytest.raises(CameraEnded, match="it has ended"):
        one.next(ENOUGH_S)


def test_a_camera_that_does_not_open_is_closed(live: Live) -> None:
    camera = OddCamera(opens=CameraMissing("there is none"))
    one = live(camera)
    with pytest.raises(CameraMissing, match="there is none"):
        one.next(ENOUGH_S)
    assert camera.calls == ["open", "close"]


def test_no_frame_for_too_long_is_a_stall(live: Live, clock: FakeClock) -> None:
    camera = OddCamera(1)
    one = live(camera)
    assert one.next(ENOUGH_S)
    until(lambda: camera.calls.count("read") == 2, "it waits for the next")
    clock.advance(9)
    assert one.next(0.01) is None
    clock.advance(2)
    with pytest.raises(CameraStalled, match="camera gave no picture for 10 s"):
        one.next(0.01)


def test_opening_may_take_longer_than_a_frame(clock: FakeClock) -> None:
    hold = threading.Event()

    class SlowCamera(OddCamera):
        def open(self) -> None:
            hold.wait()

    one = LiveCamera(SlowCamera(1, CameraEnded("over")), clock, stall_s=10, opening_s=30)
    one.start()
    until(lambda: one._limit_s == 30, "it opens")
    clock.advance(29)
    assert one.next(0.01) is None
    clock.advance(2)
    with pytest.raises(CameraStalled, match="for 30 s"):
        one.next(0.01)
    hold.set()
    one.thread.join(ENOUGH_S)


def test_a_camera_that_loads_a_network_may_take_longer_to_open(clock: FakeClock) -> None:
    hold = threading.Event()

    class LoadingCamera(OddCamera):
        def open(self) -> None:
            self.network, self.loading_s = NetworkReport("ssd.rpk"), 400.0
            hold.wait()

    camera = LoadingCamera(1)
    one = LiveCamera(camera, clock, stall_s=10, opening_s=30)
    one.start()
    until(lambda: one.network, "it loads the network")
    clock.advance(420)
    assert one.next(0.01) is None
    hold.set()
    assert one.next(ENOUGH_S)
    clock.advance(11)
    with pytest.raises(CameraStalled, match="for 10 s"):
        one.next(0.01)
    camera.give(CameraEnded("over"))
    one.thread.join(ENOUGH_S)


def test_one_thread_alone_opens_reads_and_closes_a_camera(live: Live) -> None:
    camera = OddCamera(3, CameraEnded("over"))
    one = live(camera)
    one.thread.join(ENOUGH_S)
    assert camera.calls == ["open", "read", "read", "read", "read", "close"]
    assert camera.threads == {one.thread.ident}


def test_packets_are_forwarded_until_the_camera_is_stopped(clock: FakeClock) -> None:
    packet = Packet(b"", 0.0, 0.0, True, VideoFormat("h264", 2, 2, "yuv420p"))
    taken: list[Packet] = []
    camera = OddCamera(1)
    one = LiveCamera(camera, clock, stall_s=10, sink=taken.append)
    one.start()
    assert camera.sink
    camera.sink(packet)
    one.stop()
    camera.sink(packet)
    camera.give(CameraEnded("over"))
    one.thread.join(ENOUGH_S)
    assert taken == [packet]


def test_a_stuck_camera_is_closed_when_it_becomes_free(clock: FakeClock) -> None:
    camera = OddCamera(1)
    one = LiveCamera(camera, clock, stall_s=10)
    one.start()
    assert one.next(ENOUGH_S)
    began_s = time.monotonic()
    one.stop()
    assert time.monotonic() - began_s < patience(5)
    assert one.thread.is_alive()
    assert "close" not in camera.calls
    camera.give(1)
    one.thread.join(ENOUGH_S)
    assert camera.calls[-1] == "close"


def test_a_successor_waits_until_the_device_is_free(clock: FakeClock) -> None:
    first, second = OddCamera(1), OddCamera(1, CameraEnded("over"))
    before = LiveCamera(first, clock, stall_s=10)
    before.start()
    assert before.next(ENOUGH_S)
    before.stop()
    after = LiveCamera(second, clock, stall_s=10, after=before.thread)
    after.start()
    assert after.next(0.05) is None
    assert second.calls == []
    first.give(1)
    assert after.next(ENOUGH_S)
    after.thread.join(ENOUGH_S)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_camera_is_an_error_for_the_caller(live: Live) -> None:
    one = live(OddCamera(1, KeyError("a bug")))
    assert one.next(ENOUGH_S)
    with pytest.raises(RuntimeError, match="the thread that read camera has ended"):
        one.next(ENOUGH_S)


def test_a_process_with_a_stuck_camera_can_end() -> None:
    code = """
from app.backoff import Backoff
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.cameras.live import CameraFeed
from app.clock import SystemClock
import socket
server = socket.create_server(("127.0.0.1", 0))
settings = CameraSettings(source=f"http://127.0.0.1:{server.getsockname()[1]}/never", stall_s=600)
feed = CameraFeed(lambda: make_camera("front", settings, SystemClock()), SystemClock(), settings)
feed.open()
held = server.accept()
print(feed.next(0.2), feed.state)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "None opening\n", "")


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


def next_frame(feed: CameraFeed) -> Frame:
    return until(lambda: feed.next(0.5), "a frame comes")


def until_lost(feed: CameraFeed) -> None:
    def lost() -> bool:
        feed.next(0.5)
        return state_of(feed) == "lost"

    until(lost, "the camera is lost")


def feed_of(clock: Clock, *cameras: OddCamera) -> CameraFeed:
    """Return a feed whose openings use *cameras*, one after another."""
    waiting = list(cameras)
    return CameraFeed(lambda: waiting.pop(0), clock, CameraSettings(stall_s=10, warmup_s=0))


def test_a_feed_can_be_opened_and_closed_again(clock: FakeClock) -> None:
    first, second = OddCamera(1, CameraEnded("never seen")), OddCamera(1, CameraEnded("never seen"))
    feed = feed_of(clock, first, second)
    assert (state_of(feed), feed.next(0.5)) == ("closed", None)
    feed.open()
    assert state_of(feed) == "opening"
    next_frame(feed)
    assert state_of(feed) == "open"
    feed.close()
    feed.close()
    assert (state_of(feed), feed.next(0.5)) == ("closed", None)
    feed.open()
    assert next_frame(feed).number == 0
    feed.close()
    assert kinds(feed) == []


def test_a_closed_feed_waits_for_the_timeout(clock: FakeClock) -> None:
    feed_of(clock).next(0.5)
    assert clock.monotonic() == 0.5


def test_a_camera_that_ends_is_lost_and_comes_back(clock: FakeClock) -> None:
    again = OddCamera(1)
    feed = feed_of(clock, OddCamera(2, CameraEnded("the video has ended")), again)
    feed.open()
    next_frame(feed)
    next_frame(feed)
    until_lost(feed)
    assert kinds(feed) == [("lost", "the video has ended")]
    assert trouble_of(feed) == "the video has ended"
    assert feed.next(0.25) is None
    assert clock.monotonic() == 0.25
    clock.advance(0.75)
    next_frame(feed)
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
        assert feed.next(0.0) is None
        until(lambda camera=camera: "close" in camera.calls, "it has been tried")  # type: ignore[misc]
        assert feed.next(0.5) is None
        assert state_of(feed) == "lost"
    clock.advance(4)
    next_frame(feed)
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
    next_frame(feed)
    assert kinds(feed) == [("lost", "there is none"), ("back", "there is none")]
    last.give(CameraEnded("over"))
    feed.close()


def test_dropped_and_damaged_frames_are_counted_together(clock: FakeClock) -> None:
    first, second = OddCamera(10), OddCamera(1)
    first.dropped, first.corrupt, second.dropped, second.corrupt = 3, 4, 5, 6
    feed = feed_of(clock, first, second)
    feed.open()
    until(lambda: first.calls.count("read") == 11, "all are read")
    first.give(CameraEnded("over"))
    until_lost(feed)
    assert (feed.dropped, feed.corrupt) == (7 + 3, 4)
    clock.advance(1)
    next_frame(feed)
    assert (feed.dropped, feed.corrupt) == (7 + 3 + 5, 4 + 6)
    second.give(CameraEnded("over"))
    feed.close()


def test_cameras_opened_later_know_the_position_of_the_mount(clock: FakeClock) -> None:
    first, second = OddCamera(1, CameraEnded("over")), OddCamera(1, CameraEnded("over"))
    feed = feed_of(clock, first, second)
    feed.open()
    feed.aim(30, -10)
    assert "aim 30 -10" in first.calls
    next_frame(feed)
    until_lost(feed)
    clock.advance(1)
    next_frame(feed)
    assert second.calls[0] == "aim 30 -10"
    feed.close()


def test_three_stuck_threads_are_an_error_for_the_caller(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cameras.live._STOP_S", 0.05)
    settings, cameras = CameraSettings(stall_s=0.1, warmup_s=0), [OddCamera() for _ in range(3)]
    waiting = list(cameras)
    feed = CameraFeed(lambda: waiting.pop(0), clock, settings)
    feed.open()
    for camera in cameras:
        until(lambda camera=camera: "read" in camera.calls, "it is stuck")  # type: ignore[misc]
        clock.advance(1.1)
        until_lost(feed)
        clock.advance(60)
        if camera is not cameras[-1]:
            feed.next(0.01)
    with pytest.raises(RuntimeError, match="3 threads are stuck in a camera"):
        feed.next(0.01)
    for camera in cameras:
        camera.give(CameraEnded("the test is over"))


def test_a_file_that_appears_later_is_played(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "late.mp4"
    settings = CameraSettings(source=str(path), fps=FPS, warmup_s=0)
    feed = CameraFeed(lambda: make_camera("front", settings, clock, "fast"), clock, settings)
    feed.open()
    until_lost(feed)
    assert kinds(feed) == [("lost", f"front ({path}): there is no such file or device")]
    write_video(path, 10)
    clock.advance(1)
    next_frame(feed)
    assert [kind for kind, _ in kinds(feed)] == ["back"]
    feed.close()


def test_a_video_that_plays_again_is_not_lost(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "short.mp4"
    write_video(path, 3)
    settings = CameraSettings(source=str(path), fps=FPS, warmup_s=0)
    feed = CameraFeed(lambda: make_camera("front", settings, clock, "fast"), clock, settings)
    feed.open()
    until(lambda: feed.next(0.5) or state_of(feed) == "opening" or None, "it plays")
    until(lambda: feed.next(0.01) is None and state_of(feed) == "opening", "it has ended")
    assert trouble_of(feed) is None
    clock.advance(1)
    next_frame(feed)
    assert [kind for kind, _ in kinds(feed)] == ["ended", "back"]
    path.unlink()
    until_lost(feed)
    clock.advance(60)
    until_lost(feed)
    assert "lost" in [kind for kind, _ in kinds(feed)]
    feed.close()


def test_a_network_camera_that_restarts_is_lost_and_back() -> None:
    with VideoServer() as server:
        settings = CameraSettings(source=server.url("stream"), fps=FPS, stall_s=1)
        feed = CameraFeed(
            lambda: make_camera("front", settings, SystemClock()), SystemClock(), settings
        )
        feed.open()
        next_frame(feed)
    until_lost(feed)
    with VideoServer(port=server.port):
        next_frame(feed)
        assert [change.kind for change in feed.take_changes()] == ["lost", "back"]
        feed.close()


def test_closing_a_feed_ends_its_thread_at_once(short_video: Path) -> None:
    settings = CameraSettings(source=str(short_video), fps=FPS)
    feed = CameraFeed(
        lambda: make_camera("front", settings, SystemClock()), SystemClock(), settings
    )
    feed.open()
    next_frame(feed)
    feed.close()
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("camera front")
    ]
