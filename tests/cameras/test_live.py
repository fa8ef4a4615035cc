"""A camera in its own thread."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from app.cameras import make_camera
from app.cameras.base import CameraSettings, NetworkReport
from app.cameras.live import FrameUser, LiveCamera
from app.clock import FakeClock, SystemClock
from app.errors import CameraEnded, CameraMissing, CameraStalled
from app.frames import Frame, Packet, VideoFormat
from tests.cameras.odd_camera import ENOUGH_S, OddCamera, Taken
from tests.servers.rtsp_server import RtspServer
from tests.waiting import Stopwatch, patience, until


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


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
    with Stopwatch() as watch:
        one.stop()
    assert watch.seconds < patience(5)
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

    def take(frames: Sequence[Frame]) -> float:
        if frames[0].number == 1:
            raise OSError("the disk is full")
        taken.append(frames[0].number)
        return 0.0

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
    ("late_s", "every_s", "together"),
    [(0.2, 0.1, 3), (0.4, 0.1, 5), (0.4, 0.05, 5), (0.0, 0.1, 1), (0.2, 0.25, 1)],
)
def test_frames_are_read_together_when_they_may_be_late(
    late_s: float, every_s: float, together: int
) -> None:
    taken, camera = Taken(late_s=late_s), QueueingCamera(every_s, 12)
    one = LiveCamera(camera, SystemClock(), 10, taken.user)
    one.start()
    one.thread.join(patience(ENOUGH_S))
    assert taken.numbers(12) == list(range(12))
    assert taken.frames.empty()
    assert max(taken.together) == together
    if together > 1:
        assert max(camera.late) > together - 1.5


def test_pictures_that_come_together_have_their_own_times() -> None:
    taken, packets = Taken(late_s=0.1), list[Packet]()
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
