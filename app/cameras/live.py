"""Cameras that never block their caller: read in their own thread, and reopened when they fail.

What is done with a frame is done in that thread too: a second thread would have to be woken for
each frame.
"""

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.backoff import Backoff
from app.cameras.base import Camera, CameraSettings, NetworkReport, PacketSink
from app.clock import Clock
from app.errors import CameraEnded, CameraError, CameraStalled
from app.frames import Frame, Packet

_STOP_S = 0.8
#: A thread that waits for its turn looks so often whether it was stopped.
_TURN_S = 0.02
#: A camera has recovered when it works for this many times its last delay. Its next delay is short.
_STEADY = 5
_MOST_STUCK = 3
#: The longest time between two looks at whether a camera is stuck, and its share of `stall_s`.
_LOOK_S, _LOOK_SHARE = 2.0, 0.2
#: The most frames that are read together, and the longest time that they cover. No event opens
#: with fewer frames, so the alert is not later: its frame is the last of those read together.
_BATCH, _BATCH_S = 3, 0.3
#: The reader is there so long before the last frame is due, also where the system wakes it late:
#: only by waiting for it does the camera know that it is not behind.
_EARLY_S = 0.008


@dataclass(frozen=True, slots=True)
class FrameUser:
    """Whoever uses the frames of a camera.

    *take* gets the frames in the thread of the camera, which holds *turn* meanwhile; so whoever
    holds *turn* is alone. It returns whether the next frames may come some tenths of a second late,
    several of them together. *wake* is called in that thread when the camera has failed, or *take*
    has.
    """

    take: Callable[[Sequence[Frame]], bool]
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
            may_be_late = self._read(count)
            count = self._wait_for_more() if may_be_late and self._camera.patient else 1

    def _read(self, count: int) -> bool:
        """Pass *count* frames on; return whether the next ones may be late."""
        frames: list[Frame] = []
        may_be_late = False
        self._camera.expect(count)
        try:
            while not frames or (len(frames) < count and not self._stopping.is_set()):
                frames.append(self._camera.read())
        finally:
            if frames:
                self._times_s = (self._times_s + [one.at_s for one in frames])[-2:]
                may_be_late = self._pass_on(frames)
        return may_be_late

    def _forward(self, packet: Packet) -> None:
        if self._sink and not self._stopping.is_set():
            self._sink(packet)

    def _start_limit(self, limit_s: float) -> None:
        self._alive_s = self._clock.monotonic()
        self._limit_s = limit_s

    def _pass_on(self, frames: Sequence[Frame]) -> bool:
        """Let the user take *frames*; return whether the next ones may be late."""
        self._alive_s = self._clock.monotonic()
        turn = self._user.turn
        # Whoever has the turn may be waiting in `stop` for this thread.
        while not turn.acquire(timeout=_TURN_S):
            if self._stopping.is_set():
                return False
        try:
            return not self._stopping.is_set() and self._user.take(frames)
        except OSError as error:
            self._error = error
            self._user.wake()
            return False
        finally:
            turn.release()

    def _wait_for_more(self) -> int:
        """Wait until several frames can be read together, and return how many.

        It does not wait when frames are rare, nor for frames that are there because the last one
        was late itself.
        """
        every_s = self._times_s[-1] - self._times_s[0]
        if not 0 < every_s <= _BATCH_S / 2:
            return 1
        late_s = self._clock.monotonic() - self._times_s[-1]
        count = min(_BATCH, int(_BATCH_S / every_s + 0.1))
        self._stopping.wait(max(count * every_s - _EARLY_S - late_s, 0.0))
        return count


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A camera was *lost*, or is *back* after *outage_s* seconds; *reason* says why it was lost.

    A video that has *ended* plays again from its start, which is no loss.
    """

    kind: Literal["lost", "ended", "back"]
    at: datetime
    reason: str
    outage_s: float = 0.0


class Reopening:
    """Decides when to open a camera again, and records each loss and each return once.

    The delay is 1 s, then 2, 4 and so on up to the longest of *backoff*, until the camera works for
    a while.
    """

    def __init__(self, clock: Clock, backoff: Backoff) -> None:
        self._clock = clock
        self._backoff = backoff
        self._retry_at_s = 0.0
        self._up_since_s: float | None = None
        self._lost_s = 0.0
        self._lost: CameraChange | None = None
        self._changes: list[CameraChange] = []
        self.reopened = 0

    def record_failure(self, reason: str, *, has_ended: bool = False) -> None:
        """Record that the camera did not open, or stopped; *has_ended* is for a played video."""
        now_s = self._clock.monotonic()
        up_since_s, self._up_since_s = self._up_since_s, None
        if up_since_s is not None and now_s - up_since_s >= _STEADY * self._backoff.delay_s:
            self._backoff.reset()
        self._retry_at_s = now_s + self._backoff.failed()
        if self._lost is None:
            self._lost_s = now_s
        if self._lost is None or (self._lost.kind == "ended" and not has_ended):
            kind: Literal["lost", "ended"] = "ended" if has_ended else "lost"
            self._lost = CameraChange(kind, self._clock.now(), reason)
            self._changes.append(self._lost)

    def record_frame(self) -> None:
        """Record that the camera gave a frame."""
        now_s = self._clock.monotonic()
        if self._up_since_s is None:
            self._up_since_s = now_s
        if self._lost is not None:
            self.reopened += 1
            outage_s = now_s - self._lost_s
            back = CameraChange("back", self._clock.now(), self._lost.reason, outage_s)
            self._changes.append(back)
            self._lost = None

    def wait_s(self) -> float:
        """Return the seconds until the next try to open the camera."""
        return max(self._retry_at_s - self._clock.monotonic(), 0.0)

    @property
    def trouble(self) -> str | None:
        """The reason why the camera is lost; None when it is not."""
        return self._lost.reason if self._lost else None

    def take_changes(self) -> list[CameraChange]:
        """Return the changes since the last call."""
        changes, self._changes = self._changes, []
        return changes


#: A camera that has not given a frame yet is "opening", and so is a video that has ended.
FeedState = Literal["closed", "opening", "open", "lost"]


class CameraFeed:
    """A camera that a daemon can open and close, and that is reopened when it fails.

    *user* takes its frames; whoever calls a method must hold the turn of *user*. *make* makes a new
    camera for every opening, because a stuck camera must not be used again. No method raises
    `CameraError`; `take_changes` returns the losses. When the threads of three openings are stuck,
    `step` raises `RuntimeError`: they end only with the process. *sink* receives the packets of
    cameras that have them, in the cameras' threads.
    """

    def __init__(
        self,
        make: Callable[[], Camera],
        clock: Clock,
        settings: CameraSettings,
        user: FrameUser,
        sink: PacketSink | None = None,
    ) -> None:
        self._make = make
        self._user = FrameUser(self._take, user.wake, user.turn)
        self._take_frames = user.take
        self._sink = sink
        self._clock = clock
        self._settings = settings
        self._live: LiveCamera | None = None
        self._backoff = Backoff(settings.reopen_max_s)
        self._reopening = Reopening(clock, self._backoff)
        self._aim: tuple[float, float] | None = None
        self._left_behind: list[threading.Thread] = []
        self._dropped = self._corrupt = self._pictures = 0
        self.state: FeedState = "closed"

    def change(
        self, make: Callable[[], Camera], settings: CameraSettings, sink: PacketSink | None = None
    ) -> None:
        """Close the camera, and make it with *make* and *settings* from the next opening on.

        A loss that was recorded ends when the new camera gives frames.
        """
        self.close()
        self._make = make
        self._sink = sink
        self._settings = settings
        self._backoff.longest_s = settings.reopen_max_s

    def open(self) -> None:
        """Begin to open the camera if it is closed; return at once."""
        if self.state == "closed":
            self.state = "opening"
            self._live = self._start()

    def step(self) -> float:
        """Notice that the camera has failed, or open it again; return when to call it again.

        That is in so many seconds, or when the user is woken.
        """
        if self.state == "closed":
            return math.inf
        if self._live is not None:
            self._check(self._live)
        if self._live is None:
            wait_s = self._reopening.wait_s()
            if wait_s > 0:
                return min(wait_s, _LOOK_S)
            self._live = self._start()
        return min(_LOOK_S, _LOOK_SHARE * self._settings.stall_s)

    def take_changes(self) -> list[CameraChange]:
        """Return the losses and returns since the last call, each once."""
        return self._reopening.take_changes()

    def aim(self, pan_deg: float, tilt_deg: float) -> None:
        """Note that the mount has turned to *pan_deg*, *tilt_deg*, for later openings too."""
        self._aim = (pan_deg, tilt_deg)
        if self._live is not None:
            self._live.aim(pan_deg, tilt_deg)

    def refocus(self) -> None:
        """Have an open camera look for the sharpest picture again, if its lens moves."""
        if self._live is not None:
            self._live.refocus()

    def close(self) -> None:
        """Close the camera within about a second. Closing twice is allowed."""
        if self._live is not None:
            self._end(self._live)
        self.state = "closed"

    @property
    def trouble(self) -> str | None:
        """The reason why the camera is lost; None when it is not."""
        return self._reopening.trouble if self.state == "lost" else None

    @property
    def reopened(self) -> int:
        """The number of times that the camera came back after a loss."""
        return self._reopening.reopened

    @property
    def network(self) -> NetworkReport | None:
        """The network in the sensor of the open camera; None for one that cannot have one."""
        return self._live.network if self._live else None

    @property
    def dropped(self) -> int:
        """Frames that came too late, over all openings."""
        return self._dropped + (self._live.dropped if self._live else 0)

    @property
    def corrupt(self) -> int:
        """Pictures that were damaged, over all openings."""
        return self._corrupt + (self._live.corrupt if self._live else 0)

    @property
    def pictures(self) -> int:
        """Pictures that could have been damaged, over all openings."""
        return self._pictures + (self._live.pictures if self._live else 0)

    def _start(self) -> LiveCamera:
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        if len(self._left_behind) >= _MOST_STUCK:
            raise RuntimeError(f"{_MOST_STUCK} threads are stuck in a camera and will not end")
        camera = self._make()
        if self._aim is not None:
            camera.aim(*self._aim)
        stall_s = self._settings.stall_s
        # libav may wait twice: for the connection, and to find out the format of the stream. With
        # one second more, libav's own error comes first.
        opening_s = self._settings.warmup_s + 2 * stall_s + 1
        after = self._left_behind[-1] if self._left_behind else None
        live = LiveCamera(
            *(camera, self._clock, stall_s, self._user),
            opening_s=opening_s,
            after=after,
            sink=self._sink,
        )
        live.start()
        return live

    def _take(self, frames: Sequence[Frame]) -> bool:
        self.state = "open"
        self._reopening.record_frame()
        return self._take_frames(frames)

    def _check(self, live: LiveCamera) -> None:
        try:
            live.check()
        except CameraError as error:
            self._end(live)
            has_ended = live.repeats and isinstance(error, CameraEnded)
            self.state = "opening" if has_ended else "lost"
            self._reopening.record_failure(str(error), has_ended=has_ended)

    def _end(self, live: LiveCamera) -> None:
        live.stop()
        self._live = None
        self._dropped += live.dropped
        self._corrupt += live.corrupt
        self._pictures += live.pictures
        if live.thread.is_alive():
            self._left_behind.append(live.thread)
