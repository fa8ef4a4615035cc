"""The Raspberry Pi's camera through picamera, for systems with the legacy camera stack."""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any

import cv2
import numpy as np

from app.cameras.base import Camera, CameraSettings, PacketSink
from app.cameras.hardware_encoder import bits_per_s, key_interval, warn_no_encoder
from app.cameras.packets import PacketTimer
from app.cameras.privacy import privacy_mask
from app.clock import Clock
from app.errors import CameraError, CameraMissing, CameraStalled
from app.frames import Frame, Image, VideoFormat

#: Two values of picamera's PiVideoFrameType.
_FRAME, _KEY_FRAME = 0, 1
_MICROSECONDS = 1_000_000


class PicameraCamera(Camera):
    """Captures YUV 4:2:0 through the video port.

    Luma is used unchanged; colour is computed from the same bytes on demand. The encoder of the
    graphics processor makes H.264 packets of the same pictures.
    """

    def __init__(self, source: str, settings: CameraSettings, clock: Clock) -> None:
        self.source = source
        self._settings = settings
        self._clock = clock
        self._privacy = privacy_mask(settings.privacy)
        self._camera: Any = None

    def open(self) -> None:
        # Without the libraries of the graphics processor the import raises `OSError`.
        try:
            self._picamera: Any = import_module("picamera")
        except (ImportError, OSError) as error:
            raise CameraMissing(
                f"{self.source}: the picamera package does not work here ({error})"
            ) from None
        self._picamera.PiCamera.CAPTURE_TIMEOUT = self._settings.stall_s
        try:
            self._start()
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
        # The graphics processor would encode pictures into which nothing is painted.
        recorded = self.sink and not self._privacy
        self._recording = self._start_recording(self.sink) if recorded and self.sink else None

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
            self._recording.record_frame(self._camera.timestamp, at_s)
        planes, (width, height) = self._planes(), self._settings.resolution
        if self._privacy:
            planes = planes.copy()
            self._privacy.paint_yuv(planes, (height, width))
        luma = np.ascontiguousarray(planes[:height, :width])
        self._number += 1
        make_bgr = partial(_bgr, planes, width, height)
        return Frame(luma, at_s, self._clock.now(), self._number - 1, make_bgr, luma_span=219)

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _start(self) -> None:
        resolution, fps = self._settings.resolution, self._settings.fps
        # In the mode "raw" the encoder's stamps are on the same clock as the camera's `timestamp`.
        self._camera = self._picamera.PiCamera(
            resolution=resolution, framerate=fps, clock_mode="raw"
        )
        self._camera.vflip, self._camera.hflip = self._settings.vflip, self._settings.hflip

    def _start_recording(self, sink: PacketSink) -> "_Recording | None":
        size, fps = self._settings.resolution, self._settings.fps
        timer = PacketTimer(VideoFormat("h264", *size, "yuv420p"), sink)
        recording = _Recording(self._camera, timer)
        options = {"intra_period": key_interval(fps), "inline_headers": True}
        try:
            self._camera.start_recording(
                recording, format="h264", bitrate=bits_per_s(size, fps), **options
            )
        except self._picamera.PiCameraError as error:
            warn_no_encoder(self.source, error)
            return None
        return recording

    def _planes(self) -> Image:
        """Return all planes, one below the other.

        Lines are padded to 32 bytes, and the number of rows to 16.
        """
        width, height = self._settings.resolution
        line, rows = (width + 31) // 32 * 32, (height + 15) // 16 * 16
        return np.frombuffer(self._bytes.getvalue(), np.uint8).reshape(rows * 3 // 2, line)


class _Recording:
    """The file-like object to which picamera writes H.264.

    picamera writes each picture in pieces and marks the last one.
    """

    def __init__(self, camera: Any, timer: PacketTimer) -> None:
        self._camera = camera
        self._timer = timer
        self._pieces = b""
        self._key = False
        self._stamp_s = 0.0

    def record_frame(self, stamp_us: int, at_s: float) -> None:
        """Record that the camera's clock showed *stamp_us* at *at_s*."""
        self._timer.record_frame(stamp_us / _MICROSECONDS, at_s)

    def write(self, data: bytes) -> int:
        """Add a piece, and forward the packet when it is complete.

        Before each key frame the parameter sets come as a picture of their own, without a stamp.
        """
        piece = self._camera.frame
        self._pieces += data
        self._key = self._key or piece.frame_type == _KEY_FRAME
        if piece.timestamp is not None:
            self._stamp_s = piece.timestamp / _MICROSECONDS
        if piece.complete and piece.frame_type in (_FRAME, _KEY_FRAME):
            self._timer.add_packet(self._pieces, self._stamp_s, self._stamp_s, self._key)
            self._pieces, self._key = b"", False
        return len(data)

    def flush(self) -> None:
        """Do nothing: picamera calls this at the end, but nothing is buffered here."""


def _bgr(planes: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[:height, :width], np.uint8)
