"""Cameras that never keep their owner waiting: read in a thread of their own, and reopened when
they fail.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.cameras.base import Camera, CameraSettings, PacketSink
from app.clock import Clock
from app.errors import CameraError, CameraStalled
from app.frames import Frame, Packet

_STOP_S = 0.8
_FIRST_DELAY_S = 1.0
#: A source that stays for this many times its last delay has recovered, and the next delay is short
#: again.
_STEADY = 5
_MOST_STUCK = 3


class LiveCamera:
    """Reads a camera in a thread, which alone opens, reads and closes it.

    The newest *queue_frames* frames wait for the owner; older ones are dropped and counted.
    *opening_s* is how long the camera may take until it is open. The thread first lets *after*, one
    that may still hold the same device, come to an end, but waits no longer than *stall_s*. *sink*
    is handed the camera's packets until it is stopped.
    """

    def __init__(
        self,
        camera: Camera,
        clock: Clock,
        stall_s: float,
        queue_frames: int = 3,
        *,
        opening_s: float = 30.0,
        after: threading.Thread | None = None,
        sink: PacketSink | None = None,
    ) -> None:
        self._camera = camera
        self._sink = sink
        if sink:
            camera.sink = self._hand_on
        self._clock = clock
        self._stall_s = stall_s
        self._limit_s = opening_s
        self._after = after
        self._news = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._queue_frames = queue_frames
        self._overtaken = 0
        self._error: CameraError | None = None
        self._stopping = self._over = False
        self.thread = threading.Thread(
            target=self._run, name=f"camera {camera.source}", daemon=True
        )

    def start(self) -> None:
        """Begin to open and read the camera. Returns at once."""
        self._heard_s = self._clock.monotonic()
        self.thread.start()

    def next(self, timeout_s: float) -> Frame | None:
        """The next frame, or None when *timeout_s* passed without one. Raises what the camera
        failed with, or `CameraStalled`.
        """
        with self._news:
            self._news.wait_for(lambda: self._frames or self._over, timeout_s)
            if self._frames:
                return self._frames.popleft()
            if self._error is not None:
                raise self._error
            if self._over:
                raise RuntimeError(
                    f"the thread that read {self._camera.source} has ended; its traceback is in "
                    "the log"
                )
            if self._clock.monotonic() - self._heard_s > self._limit_s:
                raise CameraStalled(
                    f"{self._camera.source} gave no picture for {self._limit_s:g} s"
                )
        return None

    def stop(self) -> None:
        """Have the camera closed. A thread that is stuck in it is left behind after a second, and
        closes it if it ever gets free.
        """
        self._stopping = True
        self.thread.join(_STOP_S)

    def aim(self, pan_deg: float, tilt_deg: float) -> None:
        """The mount has turned."""
        self._camera.aim(pan_deg, tilt_deg)

    @property
    def dropped(self) -> int:
        """Frames that came too late, at the source or for the owner."""
        return self._camera.dropped + self._overtaken

    @property
    def corrupt(self) -> int:
        """Pictures that came damaged."""
        return self._camera.corrupt

    def _run(self) -> None:
        try:
            if self._after is not None:
                self._after.join(self._stall_s)
            self._hear(self._limit_s)
            with closing(self._camera):
                self._read_on()
        except CameraError as error:
            self._error = error
        finally:
            with self._news:
                self._over = True
                self._news.notify_all()

    def _read_on(self) -> None:
        if not self._stopping:
            self._camera.open()
        self._hear(self._stall_s)
        while not self._stopping:
            self._put(self._camera.read())

    def _hand_on(self, packet: Packet) -> None:
        if self._sink and not self._stopping:
            self._sink(packet)

    def _hear(self, limit_s: float) -> None:
        with self._news:
            self._heard_s, self._limit_s = self._clock.monotonic(), limit_s

    def _put(self, frame: Frame) -> None:
        with self._news:
            self._heard_s = self._clock.monotonic()
            if len(self._frames) == self._queue_frames:
                self._frames.popleft()
                self._overtaken += 1
            self._frames.append(frame)
            self._news.notify_all()


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A camera was lost or is back. *reason* says why it was lost, also when it is back, *outage_s*
    seconds later.
    """

    kind: Literal["camera_lost", "camera_back"]
    at: datetime
    reason: str
    outage_s: float = 0.0


class Reopening:
    """When to try a camera again, and what to tell of it: each loss once, and each return once.

    The delay is 1 s, then 2, 4 and so on up to *longest_s*, until the camera stays for a while.
    """

    def __init__(self, clock: Clock, longest_s: float) -> None:
        self._clock = clock
        self.longest_s = longest_s
        self._delay_s = 0.0
        self._retry_at_s = 0.0
        self._up_since_s: float | None = None
        self._lost: tuple[float, str] | None = None
        self._changes: list[CameraChange] = []
        self.reopened = 0

    def failed(self, reason: str) -> None:
        """The camera could not be opened, or gave up."""
        now_s = self._clock.monotonic()
        steady = (
            self._up_since_s is not None and now_s - self._up_since_s >= _STEADY * self._delay_s
        )
        self._delay_s = min(
            _FIRST_DELAY_S if steady or not self._delay_s else 2 * self._delay_s, self.longest_s
        )
        self._retry_at_s = now_s + self._delay_s
        self._up_since_s = None
        if self._lost is None:
            self._lost = (now_s, reason)
            self._changes.append(CameraChange("camera_lost", self._clock.now(), reason))

    def frame_came(self) -> None:
        """The camera gives pictures."""
        now_s = self._clock.monotonic()
        if self._up_since_s is None:
            self._up_since_s = now_s
        if self._lost is not None:
            self.reopened += 1
            self._changes.append(
                CameraChange("camera_back", self._clock.now(), self._lost[1], now_s - self._lost[0])
            )
            self._lost = None

    def wait_s(self) -> float:
        """How long until the camera is to be tried again."""
        return max(self._retry_at_s - self._clock.monotonic(), 0.0)

    @property
    def trouble(self) -> str | None:
        """Why the camera is lost, if it is."""
        return self._lost[1] if self._lost else None

    def take_changes(self) -> list[CameraChange]:
        """What happened since the last time this was asked."""
        changes, self._changes = self._changes, []
        return changes


class CameraFeed:
    """One camera of the house, as its daemon uses it: open or closed as asked, reopened when it
    fails, never in the way.

    *make* makes a new camera for every opening, as one that is stuck must not be touched again. A
    feed belongs to one thread. No method raises `CameraError`; `take_changes` tells of losses. When
    the threads of three openings are stuck for good, `next` raises RuntimeError: only ending the
    process frees them. *sink* is handed the packets of the cameras that have some, in their
    threads.
    """

    def __init__(
        self,
        make: Callable[[], Camera],
        clock: Clock,
        settings: CameraSettings,
        sink: PacketSink | None = None,
    ) -> None:
        self._make = make
        self._sink = sink
        self._clock = clock
        self._settings = settings
        self._live: LiveCamera | None = None
        self._reopening = Reopening(clock, settings.reopen_max_s)
        self._aim: tuple[float, float] | None = None
        self._left_behind: list[threading.Thread] = []
        self._dropped = self._corrupt = 0
        self.state: Literal["closed", "opening", "open", "lost"] = "closed"

    def change(
        self, make: Callable[[], Camera], settings: CameraSettings, sink: PacketSink | None = None
    ) -> None:
        """Close the camera, and open what *make* makes next time. A loss that was told of is over
        when that gives pictures.
        """
        self.close()
        self._make = make
        self._sink = sink
        self._settings = settings
        self._reopening.longest_s = settings.reopen_max_s

    def open(self) -> None:
        """Begin to open the camera, if it is closed. Returns at once."""
        if self.state == "closed":
            self.state = "opening"
            self._live = self._started()

    def next(self, timeout_s: float) -> Frame | None:
        """The next frame, or None when there is none within *timeout_s*: it has not come yet, or
        the camera is lost or closed.
        """
        if self._live is None:
            wait_s = timeout_s if self.state == "closed" else self._reopening.wait_s()
            if wait_s > 0:
                self._clock.sleep(min(wait_s, timeout_s))
                return None
            self._live = self._started()
        return self._next(self._live, timeout_s)

    def take_changes(self) -> list[CameraChange]:
        """Losses and returns since the last time this was asked, each once."""
        return self._reopening.take_changes()

    def aim(self, pan_deg: float, tilt_deg: float) -> None:
        """The mount has turned; cameras opened later are told too."""
        self._aim = (pan_deg, tilt_deg)
        if self._live is not None:
            self._live.aim(pan_deg, tilt_deg)

    def close(self) -> None:
        """Close the camera, within about a second. Closing twice is fine."""
        if self._live is not None:
            self._end(self._live)
        self.state = "closed"

    @property
    def trouble(self) -> str | None:
        """Why the camera is lost, if it is."""
        return self._reopening.trouble if self.state == "lost" else None

    @property
    def reopened(self) -> int:
        """How often the camera came back after a loss."""
        return self._reopening.reopened

    @property
    def dropped(self) -> int:
        """Frames that came too late to be of use, over all openings."""
        return self._dropped + (self._live.dropped if self._live else 0)

    @property
    def corrupt(self) -> int:
        """Pictures that came damaged, over all openings."""
        return self._corrupt + (self._live.corrupt if self._live else 0)

    def _started(self) -> LiveCamera:
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        if len(self._left_behind) >= _MOST_STUCK:
            raise RuntimeError(f"{_MOST_STUCK} threads are stuck in a camera and will not end")
        camera = self._make()
        if self._aim is not None:
            camera.aim(*self._aim)
        # libav may use its patience twice: for the connection, and for finding out what is sent.
        opening_s = self._settings.warmup_s + 2 * self._settings.stall_s + _FIRST_DELAY_S
        after = self._left_behind[-1] if self._left_behind else None
        live = LiveCamera(
            camera,
            self._clock,
            self._settings.stall_s,
            opening_s=opening_s,
            after=after,
            sink=self._sink,
        )
        live.start()
        return live

    def _next(self, live: LiveCamera, timeout_s: float) -> Frame | None:
        try:
            frame = live.next(timeout_s)
        except CameraError as error:
            self._end(live)
            self.state = "lost"
            self._reopening.failed(str(error))
            return None
        if frame is not None:
            self.state = "open"
            self._reopening.frame_came()
        return frame

    def _end(self, live: LiveCamera) -> None:
        live.stop()
        self._live = None
        self._dropped += live.dropped
        self._corrupt += live.corrupt
        if live.thread.is_alive():
            self._left_behind.append(live.thread)
