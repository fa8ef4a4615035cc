"""The Raspberry Pi's camera through libcamera, for Raspberry Pi OS Bullseye and later."""

import atexit
from datetime import timedelta
from importlib import import_module
from typing import Any

import numpy as np

from app.cameras.base import Camera, CameraSettings
from app.cameras.hardware_encoder import HardwareEncoder, hardware_encoder
from app.clock import Clock
from app.errors import CameraError, CameraMissing, CameraStalled
from app.frames import Frame

_MICROSECONDS = 1_000_000
#: The number of buffers: the encoder holds one or two, and `read` holds one.
_BUFFERS = 6
_MISSING = (
    "`sudo apt install python3-picamera2`, or set the camera's source to a file, an address, a "
    "/dev/video device or demo"
)


class Picamera2Camera(Camera):
    """Reads luma from the small stream ("lores", YUV 4:2:0) and colour from the main stream.

    Both streams have the size `resolution`. They belong to one request, and so show the same
    moment. Both are copied, and the request is released at once: the camera has only a few
    requests, and stops while all are in use. At 640x480 this copies 1.4 MB a frame. If there is a
    hardware encoder, it makes H.264 packets of the small stream.
    """

    def __init__(self, source: str, settings: CameraSettings, clock: Clock) -> None:
        self.source = source
        self._settings = settings
        self._clock = clock
        self._camera: Any = None
        self._encoder: HardwareEncoder | None = None

    def open(self) -> None:
        try:
            transform = import_module("libcamera").Transform(
                hflip=self._settings.hflip, vflip=self._settings.vflip
            )
            maker = import_module("picamera2").Picamera2
        except ImportError as error:
            raise CameraMissing(
                f"{self.source}: the camera's software is missing ({error}): {_MISSING}"
            ) from None
        if not maker.global_camera_info():
            raise CameraMissing(f"{self.source}: no camera is connected; look at its cable")
        try:
            self._camera = maker()
            # At the end of the process this function would wait without limit for a stuck camera.
            atexit.unregister(self._camera.close)
            self._start(transform)
        except CameraError:
            raise
        except (RuntimeError, OSError) as error:
            raise CameraError(
                f"{self.source} cannot be started, perhaps another program uses it: {error}"
            ) from error
        self._clock.sleep(self._settings.warmup_s)

    def read(self) -> Frame:
        if self._camera is None:
            raise CameraError(f"{self.source} is not open")
        try:
            request = self._camera.capture_request(wait=self._settings.stall_s)
        except TimeoutError:
            self._camera.cancel_all_and_flush()
            raise CameraStalled(
                f"{self.source} gave no picture for {self._settings.stall_s:g} s"
            ) from None
        except (RuntimeError, OSError) as error:
            raise CameraError(f"{self.source} broke: {error}") from error
        at_s, taken_at = self._clock.monotonic(), self._clock.now()
        if self._encoder:
            # A busy machine reads late; the sensor's stamp is from the moment of the picture.
            read_s, at_s = at_s, self._encoder.record_frame(request.get_metadata(), at_s)
            taken_at -= timedelta(seconds=read_s - at_s)
        try:
            lines, bgr = request.make_array("lores"), request.make_array("main")
        finally:
            request.release()
        luma = np.ascontiguousarray(lines[: self._height, : self._width])
        self._number += 1
        return Frame(luma, at_s, taken_at, self._number - 1, lambda: bgr, luma_span=219)

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.stop()
            self._encoder = None
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _start(self, transform: Any) -> None:
        camera, size = self._camera, self._settings.resolution
        frame_us = round(_MICROSECONDS / self._settings.fps)
        camera.configure(
            camera.create_video_configuration(
                main={"size": size, "format": "RGB888"},
                lores={"size": size, "format": "YUV420"},
                transform=transform,
                buffer_count=_BUFFERS,
                controls={"FrameDurationLimits": (frame_us, frame_us)},
            )
        )
        given = camera.camera_configuration()
        if given["main"]["size"] != given["lores"]["size"]:
            raise CameraError(
                f"{self.source} cannot give pictures of {size[0]}x{size[1]}; try another "
                "resolution, such as 640x480"
            )
        self._width, self._height = given["lores"]["size"]
        self._number = self.dropped = 0
        camera.start()
        if self.sink:
            self._encoder = hardware_encoder(
                camera, self.source, (self._width, self._height), self._settings.fps, self.sink
            )
