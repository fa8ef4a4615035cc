"""Threads beside a program's loop, for work that must delay nobody else."""

import threading
from collections.abc import Callable, Iterable

#: The longest wait that a step can demand.
LONGEST_WAIT_S = 3600.0


class Worker:
    """Calls *step* again and again, each time after as many seconds as it returned, or as soon as
    it is woken.

    A mistake in *step* ends the thread with its traceback on stderr; `check` then raises.
    """

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._step = step
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
            wait_s = self._step()
            if wait_s > 0:
                self._wake.wait(min(wait_s, LONGEST_WAIT_S))
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
