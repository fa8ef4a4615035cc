"""A stand-in for the legacy picamera package that keeps its rules: padded planes, one opening at a time, its own tree of errors."""

import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import cv2
import numpy as np

from tests.cameras.scenery import picture

HANGS = False
ENABLED = True
_OPEN: list["PiCamera"] = []


class PiCameraError(Exception):
    """Base class of its errors."""


class PiCameraRuntimeError(PiCameraError, RuntimeError):
    """Something was done in the wrong order, or took too long."""


class PiCameraClosed(PiCameraRuntimeError):
    """The camera is closed."""


class PiCameraMMALError(PiCameraError):
    """The graphics processor refuses."""


class PiCamera:
    """The camera; `CAPTURE_TIMEOUT` is how long a capture may take, in seconds."""

    CAPTURE_TIMEOUT: float = 60

    def __init__(self, resolution: tuple[int, int] = (1280, 720), framerate: float = 30) -> None:
        if not ENABLED:
            raise PiCameraError("Camera is not enabled. Try running 'sudo raspi-config' and ensure that the camera has been enabled.")
        if _OPEN:
            raise PiCameraMMALError("Failed to enable connection: Out of resources")
        _OPEN.append(self)
        self.resolution, self.framerate = resolution, framerate
        self.vflip = self.hflip = False

    def capture_continuous(self, output: BinaryIO, format: str, use_video_port: bool = False) -> Iterator[BinaryIO]:
        assert format == "yuv" and use_video_port
        number = 0
        while True:
            if self not in _OPEN:
                raise PiCameraClosed("Camera is closed")
            if HANGS:
                raise PiCameraRuntimeError("Timed out waiting for capture to end")
            time.sleep(1 / self.framerate)
            output.write(self._planes(number))
            number += 1
            yield output

    def close(self) -> None:
        if self in _OPEN:
            _OPEN.remove(self)

    def _planes(self, number: int) -> bytes:
        width, height = self.resolution
        drawn = picture(number, self.resolution)[:: -1 if self.vflip else 1, :: -1 if self.hflip else 1]
        padded: Any = np.zeros((-(-height // 16) * 16, -(-width // 32) * 32, 3), np.uint8)
        padded[:height, :width] = drawn
        return bytes(cv2.cvtColor(padded, cv2.COLOR_BGR2YUV_I420).tobytes())
