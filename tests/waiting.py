"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(
    look: Callable[[], Found | None], what: str, within_s: float = 20.0, every_s: float = 0.02
) -> Found:
    """Return what *look* finds as soon as it finds something; it looks *every_s* seconds.

    Fails with *what* in its message after *within_s* seconds.
    """
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(every_s)
    return found
