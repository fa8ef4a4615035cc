"""A thread beside a camera, in which pictures are made into files: what takes long and must not
hold up a frame.
"""

import threading
from collections import deque
from collections.abc import Callable

from app.worker import Worker

Job = Callable[[], None]


class Darkroom:
    """Does one job after another. At most *most_waiting* wait, since each may hold a picture;
    further ones are passed over.
    """

    def __init__(self, most_waiting: int = 10) -> None:
        self._most_waiting = most_waiting
        self._jobs: deque[tuple[Job, threading.Event]] = deque()
        self._worker = Worker("darkroom", self._step)
        self._started = False
        self.passed_over = 0

    def add(self, job: Job, *, urgent: bool = False, counts: bool = True) -> threading.Event:
        """Do *job* too. What this returns is set when it is over.

        What is *urgent* is passed over only when twice as many wait; what *counts* is counted when
        it is passed over.
        """
        if len(self._jobs) < self._most_waiting * (1 + urgent):
            return self._put(job)
        self.passed_over += counts
        over = threading.Event()
        over.set()
        return over

    def check(self) -> None:
        """Raise `RuntimeError` when the thread has died of a mistake."""
        self._worker.check()

    def close(self, patience_s: float = 4.0) -> None:
        """Finish what waits, for at most *patience_s*."""
        if self._started:
            self._put(_nothing).wait(patience_s)
        self._worker.ask_to_stop()

    def _put(self, job: Job) -> threading.Event:
        over = threading.Event()
        self._jobs.append((job, over))
        if not self._started:
            self._started = True
            self._worker.start()
        self._worker.wake()
        return over

    def _step(self) -> float:
        if not self._jobs:
            return float("inf")
        job, over = self._jobs[0]
        job()
        self._jobs.popleft()
        over.set()
        return 0.0


def _nothing() -> None:
    """A job that is over as soon as it is begun."""
