"""A camera in its own thread, and a feed that reopens its camera after failures."""

import math
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app.backoff import Backoff
from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings, NetworkReport
from app.cameras.live import CameraChange, CameraFeed, FrameUser, LiveCamera, Reopening
from app.clock import Clock, FakeClock, SystemClock
from app.errors import CameraEnded, CameraMissing, CameraStalled
from app.frames import Frame, Packet, VideoFormat
from tests.cameras.pictures import FPS, write_video
from tests.conftest import REPO
from tests.servers.rtsp_server import RtspServer
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


class Taken:
    """A user who keeps the frames; he is *patient* with the next ones, or not."""

    def __init__(self, *, patient: bool = False) -> None:
        self.frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self.woken = threading.Event()
        self.threads: set[int] = set()
        #: The numbers of frames that came together.
        self.together: list[int] = []
        self.user = FrameUser(self._take, self.woken.set)
        self._patient = patient

    def next(self, timeout_s: float = ENOUGH_S) -> Frame | None:
        """Return the next frame, None when there is none within *timeout_s*."""
        try:
            return self.frames.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def numbers(self, count: int) -> list[int]:
        return [frame.number for _ in range(count) if (frame := self.next())]

    def _take(self, frames: Sequence[Frame]) -> bool:
        self.threads.add(threading.get_ident())
        self.together.append(len(frames))
        for frame in frames:
            self.frames.put(frame)
        return self._patient


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def live(clock: FakeClock, taken: Taken) -> Iterator[Callable[[OddCamera], LiveCamera]]:
    """A function that starts cameras in threads; all threads end with the test."""
    started: list[tuple[OddCamera, LiveCamera]] = []

    def start(camera: OddCamera) -> LiveCamera:
        one = LiveCamera(camera, clock, 10, taken.user, opening_s=30)
        started.append((camera, one))
        one.start()
        return one

    yield start
    for camera, one in started:
        camera.give(CameraEnded("the test is over"))
        one.stop()
        assert not one.thread.is_alive()


Live = Callable[[OddCamera], LiveCamera]


def test_frames_come_in_order(live: Live, taken: Taken) -> None:
    camera = OddCamera(2)
    live(camera)
    assert taken.numbers(2) == [0, 1]
    assert taken.next(0.01) is None
    camera.give(1)
    assert taken.numbers(1) == [2]


def test_an_error_comes_after_the_frames_before_it(live: Live, taken: Taken) -> None:
    one = live(OddCamera(2, CameraEnded("it has ended")))
    assert taken.woken.wait(ENOUGH_S)
    assert taken.numbers(2) == [0, 1]
    with pytest.raises(CameraEnded, match="it has ended"):
        one.check()


def test_a_camera_that_does_not_open_is_closed(live: Live, taken: Taken) -> None:
    camera = OddCamera(opens=CameraMissing("there is none"))
    one = live(camera)
    assert taken.woken.wait(ENOUGH_S)
    with pytest.raises(CameraMissing, match="there is none"):
        one.check()
    assert camera.calls == ["open", "close"]


def test_no_frame_for_too_long_is_a_stall(live: Live, taken: Taken, clock: FakeClock) -> None:
    camera = OddCamera(1)
    one = live(camera)
    assert taken.next()
    until(lambda: camera.calls.count("read") == 2, "it waits for the next")
    clock.advance(9)
    one.check()
    clock.advance(2)
    with pytest.raises(CameraStalled, match="camera gave no picture for 10 s"):
        one.check()


def test_opening_may_take_longer_than_a_frame(clock: FakeClock, taken: Taken) -> None:
    hold = threading.Event()

    class SlowCamera(OddCamera):
        def open(self) -> None:
            hold.wait()

    camera = SlowCamera(1, CameraEnded("over"))
    one = LiveCamera(camera, clock, 10, taken.user, opening_s=30)
    one.start()
    until(lambda: one._limit_s == 30, "it opens")
    clock.advance(29)
    one.check()
    clock.advance(2)
    with pytest.raises(CameraStalled, match="for 30 s"):
        one.check()
    hold.set()
    one.thread.join(ENOUGH_S)


def test_a_camera_that_loads_a_network_may_take_longer_to_open(
    clock: FakeClock, taken: Taken
) -> None:
    hold = threading.Event()

    class LoadingCamera(OddCamera):
        def open(self) -> None:
            self.network, self.loading_s = NetworkReport("ssd.rpk"), 400.0
            hold.wait()

    camera = LoadingCamera(1)
    one = LiveCamera(camera, clock, 10, taken.user, opening_s=30)
    one.start()
    until(lambda: one.network, "it loads the network")
    clock.advance(420)
    one.check()
    hold.set()
    assert taken.next()
    clock.advance(11)
    with pytest.raises(CameraStalled, match="for 10 s"):
        one.check()
    camera.give(CameraEnded("over"))
    one.thread.join(ENOUGH_S)


def test_one_thread_alone_uses_a_camera_and_its_frames(live: Live, taken: Taken) -> None:
    camera = OddCamera(3, CameraEnded("over"))
    one = live(camera)
    one.thread.join(ENOUGH_S)
    assert camera.calls == ["open", "read", "read", "read", "read", "close"]
    assert camera.threads == taken.threads == {one.thread.ident}


def test_packets_are_forwarded_until_the_camera_is_stopped(clock: FakeClock, taken: Taken) -> None:
    packet = Packet(b"", 0.0, 0.0, True, VideoFormat("h264", 2, 2, "yuv420p"))
    packets: list[Packet] = []
    camera = OddCamera(1)
    one = LiveCamera(camera, clock, 10, taken.user, sink=packets.append)
    one.start()
    assert camera.sink
    camera.sink(packet)
    one.stop()
    camera.sink(packet)
    camera.give(CameraEnded("over"))
    one.thread.join(ENOUGH_S)
    assert packets == [packet]


def test_a_stuck_camera_gives_nothing_when_it_becomes_free(clock: FakeClock, taken: Taken) -> None:
    camera = OddCamera(1)
    one = LiveCamera(camera, clock, 10, taken.user)
    one.start()
    assert taken.next()
    began_s = time.monotonic()
    one.stop()
    assert time.monotonic() - began_s < patience(5)
    assert one.thread.is_alive()
    assert "close" not in camera.calls
    camera.give(1)
    one.thread.join(ENOUGH_S)
    assert camera.calls[-1] == "close"
    assert taken.frames.empty()


def test_a_camera_can_be_stopped_by_whoever_has_the_turn(live: Live, taken: Taken) -> None:
    camera = OddCamera(1)
    with taken.user.turn:
        one = live(camera)
        until(lambda: camera.calls.count("read") == 1, "it has a frame")
        one.stop()
        assert not one.thread.is_alive()
    assert taken.frames.empty()


def test_a_successor_waits_until_the_device_is_free(clock: FakeClock, taken: Taken) -> None:
    first, second = OddCamera(1), OddCamera(1, CameraEnded("over"))
    before = LiveCamera(first, clock, 10, taken.user)
    before.start()
    assert taken.next()
    before.stop()
    after = LiveCamera(second, clock, 10, taken.user, after=before.thread)
    after.start()
    assert taken.next(0.05) is None
    assert second.calls == []
    first.give(1)
    assert taken.next()
    after.thread.join(ENOUGH_S)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_camera_is_an_error_for_the_caller(live: Live, taken: Taken) -> None:
    one = live(OddCamera(1, KeyError("a bug")))
    assert taken.woken.wait(ENOUGH_S)
    with pytest.raises(RuntimeError, match="the thread that read camera has ended"):
        one.check()


def test_a_failure_of_the_world_costs_its_user_one_frame(clock: FakeClock) -> None:
    taken: list[int] = []

    def take(frames: Sequence[Frame]) -> bool:
        if frames[0].number == 1:
            raise OSError("the disk is full")
        taken.append(frames[0].number)
        return False

    woken = threading.Event()
    camera = OddCamera(3)
    one = LiveCamera(camera, clock, 10, FrameUser(take, woken.set))
    one.start()
    until(lambda: taken == [0, 2], "all are taken")
    assert woken.is_set()
    with pytest.raises(OSError, match="the disk is full"):
        one.check()
    one.check()
    camera.give(CameraEnded("over"))
    one.thread.join(ENOUGH_S)


class QueueingCamera(OddCamera):
    """A network camera at *every_s*, whose frames wait for a reader who is late.

    *late* is by how many frames each of its readers was late.
    """

    patient = True

    def __init__(self, every_s: float, count: int) -> None:
        super().__init__(count)
        self._every_s = every_s
        self._began_s = 0.0
        self.late: list[float] = []

    def open(self) -> None:
        self._began_s = time.monotonic()

    def read(self) -> Frame:
        number, now_s = self._number, time.monotonic()
        due_s = self._began_s + number * self._every_s
        self.late.append(max((now_s - due_s) / self._every_s, 0.0))
        if number == 12:
            raise CameraEnded("it has ended")
        time.sleep(max(due_s - now_s, 0.0))
        return replace(super().read(), at_s=due_s)


@pytest.mark.parametrize(
    ("is_patient", "every_s", "together"), [(True, 0.1, 3), (False, 0.1, 1), (True, 0.16, 1)]
)
def test_frames_are_read_together_for_a_patient_user(
    is_patient: bool, every_s: float, together: int
) -> None:
    taken, camera = Taken(patient=is_patient), QueueingCamera(every_s, 12)
    one = LiveCamera(camera, SystemClock(), 10, taken.user)
    one.start()
    one.thread.join(patience(ENOUGH_S))
    assert taken.numbers(12) == list(range(12))
    assert taken.frames.empty()
    assert max(taken.together) == together
    if together > 1:
        assert max(camera.late) > together - 1.5


def test_pictures_that_come_together_have_their_own_times() -> None:
    taken, packets = Taken(patient=True), list[Packet]()
    with RtspServer(50, fps=20) as server:
        settings = CameraSettings(source=f"rtsp://{server.address}/stream", fps=20, stall_s=5)
        camera = make_camera("front", settings, SystemClock())
        one = LiveCamera(camera, SystemClock(), 5, taken.user, sink=packets.append)
        one.start()
        until(lambda: len(packets) == 50, "all have come")
        frames = []
        while (frame := taken.next()) and frame.number < 47:
            frames.append(frame)
        one.stop()
    # The first pictures come all at once, after libav has found out what they are.
    frames = frames[-30:]
    assert [frame.number for frame in frames] == list(range(17, 47))
    assert taken.together.count(3) > 5
    times_s = [frame.at_s for frame in frames]
    steps_s = [after - before for before, after in pairwise(times_s)]
    assert steps_s == pytest.approx([0.05] * len(steps_s), abs=0.03)
    assert [one.at_s for one in packets[17:47]] == pytest.approx(times_s, abs=0.03)


def test_a_process_with_a_stuck_camera_can_end() -> None:
    code = """
from app.backoff import Backoff
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.cameras.live import CameraFeed, FrameUser
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
