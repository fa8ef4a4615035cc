"""A bounded queue of jobs with one thread, for slow work that must not delay a frame."""

import threading
from collections import deque
from collections.abc import Callable

from app.worker import Worker

Job = Callable[[], None]


class JobQueue:
    """Runs one job after another in a thread of its own.

    At most *most_waiting* jobs wait, because each may hold a picture. Further jobs are skipped.
    """

    def __init__(self, most_waiting: int = 10) -> None:
        self._most_waiting = most_waiting
        self._jobs: deque[tuple[Job, threading.Event]] = deque()
        self._worker = Worker("job queue", self._step)
        self._started = False
        #: The number of counted jobs that were skipped.
        self.skipped = 0

    def enqueue(self, job: Job, *, urgent: bool = False, counted: bool = True) -> threading.Event:
        """Add *job* to the queue; return an event that is set when it is done or skipped.

        An *urgent* job is skipped only when twice as many jobs wait. A *counted* job that is
        skipped adds to `skipped`.
        """
        if len(self._jobs) < self._most_waiting * (1 + urgent):
            return self._append(job)
        self.skipped += counted
        done = threading.Event()
        done.set()
        return done

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended the thread."""
        self._worker.check()

    def close(self, patience_s: float = 4.0) -> None:
        """Finish the waiting jobs, for at most *patience_s* seconds."""
        if self._started:
            self._append(_do_nothing).wait(patience_s)
        self._worker.ask_to_stop()

    def _append(self, job: Job) -> threading.Event:
        done = threading.Event()
        self._jobs.append((job, done))
        if not self._started:
            self._started = True
            self._worker.start()
        self._worker.wake()
        return done

    def _step(self) -> float:
        if not self._jobs:
            return float("inf")
        job, done = self._jobs[0]
        job()
        self._jobs.popleft()
        done.set()
        return 0.0


def _do_nothing() -> None:
    """A job that marks the end of the queue."""
