"""Cameras that are opened again when they fail: each loss and each return is recorded once."""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.backoff import Backoff
from app.cameras.base import Camera, CameraSettings, NetworkReport, PacketSink
from app.cameras.live import FrameUser, LiveCamera
from app.clock import Clock
from app.errors import CameraEnded, CameraError
from app.frames import Frame

#: A camera has recovered when it works for this many times its last delay. Its next delay is short.
_STEADY = 5
_MOST_STUCK = 3
#: The longest time between two looks at whether a camera is stuck, and its share of `stall_s`.
_LOOK_S, _LOOK_SHARE = 2.0, 0.2


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

    *user* takes its frames; the caller of a method must hold the `turn` of *user*. *make* makes a
    new camera for every opening, because a stuck camera must not be used again. No method raises
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

    def _take(self, frames: Sequence[Frame]) -> float:
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
