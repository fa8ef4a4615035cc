"""A camera that does what a test wants, and a user who keeps its frames."""

import queue
import threading
from collections.abc import Sequence

import numpy as np

from app.cameras.base import Camera
from app.cameras.live import FrameUser
from app.clock import FakeClock
from app.frames import Frame

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


class Taken:
    """A user who keeps the frames; the next ones may be *late_s* seconds late."""

    def __init__(self, *, late_s: float = 0.0) -> None:
        self.frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self.woken = threading.Event()
        self.threads: set[int] = set()
        #: The numbers of frames that came together.
        self.together: list[int] = []
        self.user = FrameUser(self._take, self.woken.set)
        self._late_s = late_s

    def next(self, timeout_s: float = ENOUGH_S) -> Frame | None:
        """Return the next frame, None when there is none within *timeout_s*."""
        try:
            return self.frames.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def numbers(self, count: int) -> list[int]:
        return [frame.number for _ in range(count) if (frame := self.next())]

    def _take(self, frames: Sequence[Frame]) -> float:
        self.threads.add(threading.get_ident())
        self.together.append(len(frames))
        for frame in frames:
            self.frames.put(frame)
        return self._late_s
