"""Waiting for what other processes do, longer on a busy machine."""

import os
import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

Found = TypeVar("Found")

#: The most that a busy machine stretches a wait.
_MOST = 10.0
#: The most that counts of a time in which nothing was looked at: the machine may have stood still.
_MOST_AT_ONCE_S = 1.0
#: A wait takes at most about a fifth of a processor, which what is waited for needs.
_SHARE, _MOST_PAUSE_S = 4.0, 0.25


def patience(within_s: float) -> float:
    """Return *within_s* multiplied by the load of each processor, 1 to 10."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return within_s * min(max(load, 1.0), _MOST)


def until(
    look: Callable[[], Found | None], what: str, within_s: float = 20.0, every_s: float = 0.02
) -> Found:
    """Return what *look* finds as soon as it finds something; it looks every *every_s* seconds, and
    more seldom if a look costs much.

    Fails with *what* in its message after *within_s* seconds, or later on a busy machine. A second
    counts of the time for which the machine stands still.
    """
    waited_s, looked_s, cpu_s = 0.0, time.monotonic(), time.thread_time()
    while not (found := look()):
        cost_s = time.thread_time() - cpu_s
        waited_s += min(time.monotonic() - looked_s, max(_MOST_AT_ONCE_S, every_s))
        looked_s = time.monotonic()
        if waited_s > within_s and waited_s > patience(within_s):
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(max(every_s, min(_SHARE * cost_s, _MOST_PAUSE_S)))
        cpu_s = time.thread_time()
    return found


class Stopwatch:
    """Counts the *seconds* in its context, of which a standstill of the machine is not one.

    A thread looks at the clock all the time, and what it could not look at hardly counts.
    """

    _EVERY_S, _MOST_AT_ONCE_S = 0.02, 0.1

    def __init__(self) -> None:
        self.seconds = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="stopwatch")

    def _count(self) -> None:
        seen_s, is_over = time.monotonic(), False
        while not is_over:
            is_over = self._over.wait(self._EVERY_S)
            now_s = time.monotonic()
            self.seconds += min(now_s - seen_s, self._MOST_AT_ONCE_S)
            seen_s = now_s

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
