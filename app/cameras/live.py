"""Cameras that never block their caller: each is read in its own thread.

What is done with a frame is done in that thread too: a second thread would have to be woken for
each frame.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from app.cameras.base import Camera, NetworkReport, PacketSink
from app.clock import Clock
from app.errors import CameraError, CameraStalled
from app.frames import Frame, Packet

_STOP_S = 0.8
#: A thread that waits for its turn looks so often whether it was stopped.
_TURN_S = 0.02
#: The most frames that are read together: they are in memory, decoded.
_MOST_TOGETHER = 5
#: The reader is there so long before the last frame is due, also where the system wakes it late:
#: only by waiting for it does the camera know that it is not behind.
_EARLY_S = 0.008


@dataclass(frozen=True, slots=True)
class FrameUser:
    """The function that takes the frames of a camera, and how to call it.

    *take* gets the frames in the thread of the camera. That thread holds the lock *turn* meanwhile,
    so another thread that holds it is alone. *take* returns by how many seconds the next frames may
    come late, several of them together; 0 is not at all. *wake* is called in that thread when the
    camera has failed, or *take* has.
    """

    take: Callable[[Sequence[Frame]], float]
    wake: Callable[[], None] = lambda: None
    turn: "threading.RLock" = field(default_factory=threading.RLock)


class LiveCamera:
    """Reads a camera in a thread, and passes its frames to *user* there.

    Only this thread opens, reads and closes the camera. The camera may take *opening_s* to open,
    and then *stall_s* for each frame. *after* is a thread that may still use the same device: the
    new thread waits up to *stall_s* for its end. *sink* receives the camera's packets until `stop`.
    """

    def __init__(
        self,
        camera: Camera,
        clock: Clock,
        stall_s: float,
        user: FrameUser,
        *,
        opening_s: float = 30.0,
        after: threading.Thread | None = None,
        sink: PacketSink | None = None,
    ) -> None:
        self._camera = camera
        self._sink = sink
        if sink:
            camera.sink = self._forward
        self._clock = clock
        self._stall_s = stall_s
        self._limit_s = opening_s
        self._after = after
        self._user = user
        #: The times of the last two frames.
        self._times_s: list[float] = []
        self._error: OSError | None = None
        self._stopping = threading.Event()
        self._ended = False
        self.thread = threading.Thread(
            target=self._run, name=f"camera {camera.source}", daemon=True
        )

    def start(self) -> None:
        """Begin to open and read the camera; return at once."""
        self._alive_s = self._clock.monotonic()
        self.thread.start()

    def check(self) -> None:
        """Raise the error of the camera or of its user, or `CameraStalled`, if there is one."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        source = self._camera.source
        if self._ended:
            raise RuntimeError(
                f"the thread that read {source} has ended; its traceback is in the log"
            )
        limit_s = self._limit_s + self._camera.loading_s
        if self._clock.monotonic() - self._alive_s > limit_s:
            raise CameraStalled(f"{source} gave no picture for {limit_s:g} s")

    def stop(self) -> None:
        """Close the camera; return within a second. No further frame is taken.

        A thread that is stuck in the camera is abandoned. If it ever continues, it closes the
        camera.
        """
        self._stopping.set()
        self._camera.interrupt()
        self.thread.join(_STOP_S)

    def aim(self, pan_deg: float, tilt_deg: float) -> None:
        """Note that the mount has turned to *pan_deg*, *tilt_deg*."""
        self._camera.aim(pan_deg, tilt_deg)

    def refocus(self) -> None:
        """Look for the sharpest picture again, if the lens moves."""
        self._camera.refocus()

    @property
    def network(self) -> NetworkReport | None:
        """The network in the camera's sensor; None for a camera that cannot have one."""
        return self._camera.network

    @property
    def repeats(self) -> bool:
        """Return whether the source is a video with an end, which plays again from its start."""
        return self._camera.repeats

    @property
    def dropped(self) -> int:
        """Frames that came too late."""
        return self._camera.dropped

    @property
    def corrupt(self) -> int:
        """Pictures that were damaged."""
        return self._camera.corrupt

    @property
    def pictures(self) -> int:
        """Pictures that could have been damaged."""
        return self._camera.pictures

    def _run(self) -> None:
        try:
            if self._after is not None:
                self._after.join(self._stall_s)
            self._start_limit(self._limit_s)
            with closing(self._camera):
                self._read_all()
        except CameraError as error:
            self._error = error
        finally:
            self._ended = True
            self._user.wake()

    def _read_all(self) -> None:
        if not self._stopping.is_set():
            self._camera.open()
        self._camera.loading_s = 0.0
        self._start_limit(self._stall_s)
        count = 1
        while not self._stopping.is_set():
            late_s = self._read(count)
            count = self._wait_for_more(late_s) if late_s and self._camera.patient else 1

    def _read(self, count: int) -> float:
        """Pass *count* frames on; return by how many seconds the next ones may be late."""
        frames: list[Frame] = []
        late_s = 0.0
        self._camera.expect(count)
        try:
            while not frames or (len(frames) < count and not self._stopping.is_set()):
                frames.append(self._camera.read())
        finally:
            if frames:
                self._times_s = (self._times_s + [one.at_s for one in frames])[-2:]
                late_s = self._pass_on(frames)
        return late_s

    def _forward(self, packet: Packet) -> None:
        if self._sink and not self._stopping.is_set():
            self._sink(packet)

    def _start_limit(self, limit_s: float) -> None:
        self._alive_s = self._clock.monotonic()
        self._limit_s = limit_s

    def _pass_on(self, frames: Sequence[Frame]) -> float:
        """Let the user take *frames*; return by how many seconds the next ones may be late."""
        self._alive_s = self._clock.monotonic()
        turn = self._user.turn
        # Whoever has the turn may be waiting in `stop` for this thread.
        while not turn.acquire(timeout=_TURN_S):
            if self._stopping.is_set():
                return 0.0
        try:
            return 0.0 if self._stopping.is_set() else self._user.take(frames)
        except OSError as error:
            self._error = error
            self._user.wake()
            return 0.0
        finally:
            turn.release()

    def _wait_for_more(self, late_s: float) -> int:
        """Wait until the frames can be read together of which none is later than *late_s*.

        Returns how many. It does not wait when frames are rare, nor for frames that are there
        because the last one was late itself.
        """
        every_s = self._times_s[-1] - self._times_s[0]
        count = min(int(late_s / every_s + 0.1) + 1, _MOST_TOGETHER) if every_s > 0 else 1
        if count > 1:
            passed_s = self._clock.monotonic() - self._times_s[-1]
            self._stopping.wait(max(count * every_s - _EARLY_S - passed_s, 0.0))
        return count
