"""Waiting for what other processes do, longer on a busy machine."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

#: The most that a busy machine stretches a wait.
_MOST = 10.0


def patience(within_s: float) -> float:
    """Return *within_s* multiplied by the load of each processor, 1 to 10."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return within_s * min(max(load, 1.0), _MOST)


def until(
    look: Callable[[], Found | None], what: str, within_s: float = 20.0, every_s: float = 0.02
) -> Found:
    """Return what *look* finds as soon as it finds something; it looks *every_s* seconds.

    Fails with *what* in its message after *within_s* seconds, or later on a busy machine.
    """
    began_s = time.monotonic()
    while not (found := look()):
        waited_s = time.monotonic() - began_s
        if waited_s > within_s and waited_s > patience(within_s):
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(every_s)
    return found
