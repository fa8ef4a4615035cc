"""Threads beside a program's loop, for work that must delay nobody else.

Each step of each thread is timed, and the heartbeat shows the steps that last too long: a loop that
works says nothing about its threads.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

#: The longest wait that a step can demand.
LONGEST_WAIT_S = 3600.0
#: A step that lasts longer is late, unless its thread has a limit of its own.
STEP_LIMIT_S = 120.0


class StepInProgress(NamedTuple):
    """The present step of the thread *name*, begun at *since_s* by the monotonic clock."""

    name: str
    since_s: float
    limit_s: float


_steps: dict[int, StepInProgress] = {}


@contextmanager
def timed_step(name: str, limit_s: float = STEP_LIMIT_S) -> Iterator[None]:
    """Time the block as a step of the thread *name*, which is late after *limit_s* seconds."""
    thread = threading.get_ident()
    _steps[thread] = StepInProgress(name, time.monotonic(), limit_s)
    try:
        yield
    finally:
        _steps.pop(thread, None)


@contextmanager
def waiting() -> Iterator[None]:
    """Wait for work in the block: that is no part of the step of this thread."""
    thread = threading.get_ident()
    step = _steps.pop(thread, None)
    try:
        yield
    finally:
        if step:
            _steps[thread] = step._replace(since_s=time.monotonic())


def steps_in_progress() -> list[StepInProgress]:
    """Return the present steps of all threads of this process."""
    return list(_steps.values())


class Worker:
    """Calls *step* again and again, each time after as many seconds as it returned, or as soon as
    it is woken.

    A mistake in *step* ends the thread with its traceback on stderr; `check` then raises. A step
    that lasts longer than *limit_s* seconds is shown in the heartbeat as late. *wait* waits for at
    most the given seconds, if a step should follow something else than `wake`.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        limit_s: float = STEP_LIMIT_S,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._step = step
        self._wait = wait or self._wait_for_wake
        self._name = name
        self._limit_s = limit_s
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Do the next step now."""
        self._wake.set()

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended the thread."""
        if self._thread.ident and not self._thread.is_alive() and not self._stopping.is_set():
            raise RuntimeError(f"the thread {self._thread.name} has ended")

    def ask_to_stop(self) -> None:
        """Begin no further step."""
        self._stopping.set()
        self._wake.set()

    def has_ended(self) -> bool:
        """Return whether the last step is over, or none was begun."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with timed_step(self._name, self._limit_s):
                wait_s = self._step()
            if wait_s > 0 and not self._stopping.is_set():
                self._wait(min(wait_s, LONGEST_WAIT_S))

    def _wait_for_wake(self, wait_s: float) -> None:
        self._wake.wait(wait_s)
        self._wake.clear()


class WorkerGroup:
    """Several workers that start and stop together."""

    def __init__(self, workers: Iterable[Worker]) -> None:
        self._workers = tuple(workers)

    def start(self) -> None:
        """Begin."""
        for worker in self._workers:
            worker.start()

    def wake(self) -> None:
        """Do the next step of each now."""
        for worker in self._workers:
            worker.wake()

    def check(self) -> None:
        """Raise `RuntimeError` when a mistake has ended one of the threads."""
        for worker in self._workers:
            worker.check()

    def ask_to_stop(self) -> None:
        """Begin no further step."""
        for worker in self._workers:
            worker.ask_to_stop()

    def has_ended(self) -> bool:
        """Return whether the last step of each is over, or none was begun."""
        return all(worker.has_ended() for worker in self._workers)
