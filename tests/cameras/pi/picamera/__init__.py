"""A fake of the legacy picamera package.

It keeps the rules: padded planes, one open camera at a time, and the package's own errors.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np

from tests.cameras.pictures import H264, picture

HANGS = False
RECORDS = True
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


class PiVideoFrameType:
    """The kinds of data that are written."""

    frame = 0
    key_frame = 1
    sps_header = 2
    motion_data = 3


@dataclass
class PiVideoFrame:
    """The attributes of the data that is written now; only those that are used."""

    frame_type: int
    frame_size: int
    timestamp: int | None
    complete: bool


class PiCamera:
    """The camera; `CAPTURE_TIMEOUT` is how long a capture may take, in seconds."""

    CAPTURE_TIMEOUT: float = 60

    def __init__(
        self,
        resolution: tuple[int, int] = (1280, 720),
        framerate: float = 30,
        clock_mode: str = "reset",
    ) -> None:
        if not ENABLED:
            raise PiCameraError(
                "Camera is not enabled. Try running 'sudo raspi-config' and ensure that the camera "
                "has been enabled."
            )
        if _OPEN:
            raise PiCameraMMALError("Failed to enable connection: Out of resources")
        _OPEN.append(self)
        self.resolution, self.framerate = resolution, framerate
        self.vflip = self.hflip = False
        self.frame: PiVideoFrame | None = None
        self._output: Any = None
        self._coder: H264 | None = None
        # In "reset" mode stamps count from the start of the recording.
        self._zero_s = 0.0 if clock_mode == "raw" else time.monotonic()

    @property
    def timestamp(self) -> int:
        """Microseconds since the system started."""
        return round(time.monotonic() * 1_000_000)

    def start_recording(
        self, output: Any, format: str, bitrate: int, intra_period: int, inline_headers: bool = True
    ) -> None:
        assert format == "h264" and inline_headers and 0 < bitrate <= 25_000_000
        if not RECORDS:
            raise PiCameraMMALError(
                "Failed to create MMAL component b'vc.ril.video_encode': Out of memory"
            )
        self._output, self._coder = output, H264(self.resolution, intra_period)

    def capture_continuous(
        self, output: BinaryIO, format: str, use_video_port: bool = False
    ) -> Iterator[BinaryIO]:
        assert format == "yuv" and use_video_port
        number = 0
        while True:
            if self not in _OPEN:
                raise PiCameraClosed("Camera is closed")
            if HANGS:
                raise PiCameraRuntimeError("Timed out waiting for capture to end")
            time.sleep(1 / self.framerate)
            self._record(number)
            output.write(self._planes(number))
            number += 1
            yield output

    def close(self) -> None:
        if self in _OPEN:
            _OPEN.remove(self)
            if self._output:
                self._output.flush()

    def _record(self, number: int) -> None:
        """Write a picture in pieces; the parameter sets before a key frame have no stamp."""
        if self._coder is None:
            return
        stamp = round((time.monotonic() - self._zero_s) * 1_000_000)
        data, key = self._coder.encoded(np.ascontiguousarray(self._drawn(number)))
        kind = PiVideoFrameType.key_frame if key else PiVideoFrameType.frame
        if key:
            first_slice = data.index(b"\0\0\1\x65")
            self._write(data[:first_slice], PiVideoFrameType.sps_header, None, complete=True)
            data = data[first_slice:]
        half = len(data) // 2
        self._write(data[:half], kind, stamp, complete=False)
        self._write(data[half:], kind, stamp, complete=True)

    def _write(self, data: bytes, kind: int, stamp: int | None, *, complete: bool) -> None:
        self.frame = PiVideoFrame(kind, len(data), stamp, complete)
        self._output.write(data)

    def _drawn(self, number: int) -> Any:
        return picture(number, self.resolution)[
            :: -1 if self.vflip else 1, :: -1 if self.hflip else 1
        ]

    def _planes(self, number: int) -> bytes:
        width, height = self.resolution
        drawn = self._drawn(number)
        padded: Any = np.zeros((-(-height // 16) * 16, -(-width // 32) * 32, 3), np.uint8)
        padded[:height, :width] = drawn
        return bytes(cv2.cvtColor(padded, cv2.COLOR_BGR2YUV_I420).tobytes())
