"""The Raspberry Pi's camera through the older picamera package, for systems that still have the
legacy camera stack.
"""

import logging
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any

import cv2
import numpy as np

from app.cameras.base import Camera, CameraSettings, PacketSink
from app.cameras.hardware_encoder import bits_per_s, key_interval
from app.cameras.packets import Stamped
from app.clock import Clock
from app.errors import CameraError, CameraMissing, CameraStalled
from app.frames import Frame, Image, VideoFormat

#: Of picamera's PiVideoFrameType.
_FRAME, _KEY_FRAME = 0, 1
_MICROSECONDS = 1_000_000

_log = logging.getLogger(__name__)


class PicameraCamera(Camera):
    """Captures YUV 4:2:0 through the video port: luma as it comes, colour made of the same bytes
    when asked for.

    Beside that, the graphics processor's encoder makes H.264 packets of the same pictures.
    """

    def __init__(self, source: str, settings: CameraSettings, clock: Clock) -> None:
        self.source = source
        self._settings = settings
        self._clock = clock
        self._camera: Any = None

    def open(self) -> None:
        # Where the graphics processor's libraries are missing, importing picamera is an OSError.
        try:
            self._picamera: Any = import_module("picamera")
        except (ImportError, OSError) as error:
            raise CameraMissing(
                f"{self.source}: the picamera package does not work here ({error})"
            ) from None
        self._picamera.PiCamera.CAPTURE_TIMEOUT = self._settings.stall_s
        try:
            resolution, fps = self._settings.resolution, self._settings.fps
            # "raw": the encoder's stamps are then on the same clock as the camera's `timestamp`.
            self._camera = self._picamera.PiCamera(
                resolution=resolution, framerate=fps, clock_mode="raw"
            )
            self._camera.vflip, self._camera.hflip = self._settings.vflip, self._settings.hflip
        except self._picamera.PiCameraError as error:
            raise CameraError(
                f"{self.source} cannot be started, perhaps another program uses it: {error}"
            ) from error
        self._clock.sleep(self._settings.warmup_s)
        self._bytes = BytesIO()
        self._captures: Iterator[BytesIO] = self._camera.capture_continuous(
            self._bytes, format="yuv", use_video_port=True
        )
        self._number = self.dropped = 0
        self._recording = self._start_recording(self.sink) if self.sink else None

    def read(self) -> Frame:
        if self._camera is None:
            raise CameraError(f"{self.source} is not open")
        self._bytes.seek(0)
        self._bytes.truncate()
        try:
            next(self._captures)
        except self._picamera.PiCameraRuntimeError as error:
            raise CameraStalled(
                f"{self.source} gave no picture for {self._settings.stall_s:g} s: {error}"
            ) from error
        except self._picamera.PiCameraError as error:
            raise CameraError(f"{self.source} broke: {error}") from error
        at_s = self._clock.monotonic()
        if self._recording:
            self._recording.heard(self._camera.timestamp, at_s)
        planes, (width, height) = self._planes(), self._settings.resolution
        luma = np.ascontiguousarray(planes[:height, :width])
        self._number += 1
        make_bgr = partial(_bgr, planes, width, height)
        return Frame(luma, at_s, self._clock.now(), self._number - 1, make_bgr, luma_span=219)

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _start_recording(self, sink: PacketSink) -> "_Recording | None":
        size, fps = self._settings.resolution, self._settings.fps
        recording = _Recording(self._camera, Stamped(VideoFormat("h264", *size, "yuv420p"), sink))
        options = {
            "bitrate": bits_per_s(size, fps),
            "intra_period": key_interval(fps),
            "inline_headers": True,
        }
        try:
            self._camera.start_recording(recording, format="h264", **options)
        except self._picamera.PiCameraError as error:
            _log.warning(
                "%s: clips are encoded without the Pi's own encoder, which does not work: %s",
                self.source,
                error,
            )
            return None
        return recording

    def _planes(self) -> Image:
        """All planes, one below the other. Lines are padded to 32 bytes, and the number of rows to
        16.
        """
        width, height = self._settings.resolution
        line, rows = (width + 31) // 32 * 32, (height + 15) // 16 * 16
        return np.frombuffer(self._bytes.getvalue(), np.uint8).reshape(rows * 3 // 2, line)


class _Recording:
    """What picamera writes its H.264 to: a file to look at, in pieces of which the last of each
    picture is marked.
    """

    def __init__(self, camera: Any, stamped: Stamped) -> None:
        self._camera = camera
        self._stamped = stamped
        self._pieces = b""
        self._key = False
        self._stamp_s = 0.0

    def heard(self, stamp_us: int, at_s: float) -> None:
        """The camera's clock showed *stamp_us* at *at_s*."""
        self._stamped.heard(stamp_us / _MICROSECONDS, at_s)

    def write(self, data: bytes) -> int:
        """Take a piece. The parameter sets come as a picture of their own, without a stamp, before
        each key frame.
        """
        piece = self._camera.frame
        self._pieces += data
        self._key = self._key or piece.frame_type == _KEY_FRAME
        if piece.timestamp is not None:
            self._stamp_s = piece.timestamp / _MICROSECONDS
        if piece.complete and piece.frame_type in (_FRAME, _KEY_FRAME):
            self._stamped.came(self._pieces, self._stamp_s, self._stamp_s, self._key)
            self._pieces, self._key = b"", False
        return len(data)

    def flush(self) -> None:
        """picamera asks for it at the end; nothing waits in here."""


def _bgr(planes: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[:height, :width], np.uint8)
