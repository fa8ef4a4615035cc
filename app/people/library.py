"""Keeps OpenCV silent, and memory small, while a model is loaded."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def silent_opencv() -> Iterator[None]:
    """Keep OpenCV from writing its errors to the log; they are raised, too."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def give_back_memory() -> None:
    """Return freed memory to the system: after loading a model, up to 10 MB; only glibc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
