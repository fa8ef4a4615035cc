"""The Raspberry Pi's camera through the older picamera package, for systems that still have the legacy camera stack."""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any

import cv2
import numpy as np

from app.cameras.base import Camera, CameraSettings
from app.clock import Clock
from app.errors import CameraError, CameraMissing, CameraStalled
from app.frames import Frame, Image


class PicameraCamera(Camera):
    """Captures YUV 4:2:0 through the video port: luma as it comes, colour made of the same bytes when asked for."""

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
            raise CameraMissing(f"{self.source}: the picamera package does not work here ({error})") from None
        self._picamera.PiCamera.CAPTURE_TIMEOUT = self._settings.stall_s
        try:
            self._camera = self._picamera.PiCamera(resolution=self._settings.resolution, framerate=self._settings.fps)
            self._camera.vflip, self._camera.hflip = self._settings.vflip, self._settings.hflip
        except self._picamera.PiCameraError as error:
            raise CameraError(f"{self.source} cannot be started, perhaps another program uses it: {error}") from error
        self._clock.sleep(self._settings.warmup_s)
        self._bytes = BytesIO()
        self._captures: Iterator[BytesIO] = self._camera.capture_continuous(self._bytes, format="yuv", use_video_port=True)
        self._number = self.dropped = 0

    def read(self) -> Frame:
        if self._camera is None:
            raise CameraError(f"{self.source} is not open")
        self._bytes.seek(0)
        self._bytes.truncate()
        try:
            next(self._captures)
        except self._picamera.PiCameraRuntimeError as error:
            raise CameraStalled(f"{self.source} gave no picture for {self._settings.stall_s:g} s: {error}") from error
        except self._picamera.PiCameraError as error:
            raise CameraError(f"{self.source} broke: {error}") from error
        planes, (width, height) = self._planes(), self._settings.resolution
        luma = np.ascontiguousarray(planes[:height, :width])
        self._number += 1
        make_bgr = partial(_bgr, planes, width, height)
        return Frame(luma, self._clock.monotonic(), self._clock.now(), self._number - 1, make_bgr, luma_span=219)

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _planes(self) -> Image:
        """All planes, one below the other. Lines are padded to 32 bytes, and the number of rows to 16."""
        width, height = self._settings.resolution
        line, rows = (width + 31) // 32 * 32, (height + 15) // 16 * 16
        return np.frombuffer(self._bytes.getvalue(), np.uint8).reshape(rows * 3 // 2, line)


def _bgr(planes: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[:height, :width], np.uint8)
