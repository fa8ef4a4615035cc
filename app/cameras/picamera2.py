"""The Raspberry Pi's camera through libcamera, for Raspberry Pi OS Bullseye and later."""

import atexit
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from app.cameras.base import Camera, CameraSettings, NetworkReport
from app.cameras.hardware_encoder import HardwareEncoder, hardware_encoder
from app.cameras.imx500 import LOADING_S, MODEL, SensorNetwork, load_network
from app.cameras.lens import Lens
from app.cameras.privacy import PrivacyMask, privacy_mask
from app.clock import Clock
from app.errors import CameraError, CameraMissing, CameraStalled, ModelError
from app.frames import Detection, Frame

_MICROSECONDS = 1_000_000
#: The number of buffers: the encoder holds one or two, and `read` holds one.
_BUFFERS = 6
_MISSING = (
    "`sudo apt install python3-picamera2`, or set the camera's source to a file, an address, a "
    "/dev/video device or demo"
)

_log = logging.getLogger(__name__)


class Picamera2Camera(Camera):
    """Reads luma from the small stream ("lores", YUV 4:2:0) and colour from the main stream.

    Both streams have the size `resolution`. They belong to one request, and so show the same
    moment. Both are copied, and the request is released at once: the camera has only a few
    requests, and stops while all are in use. At 640x480 this copies 1.4 MB a frame. If there is a
    hardware encoder, it makes H.264 packets of the small stream.

    In the sensor of a Pi AI camera the first of *networks* that works finds things in each picture.
    *focus_file* keeps the focus that a lens with autofocus has found.
    """

    def __init__(
        self,
        source: str,
        settings: CameraSettings,
        clock: Clock,
        networks: Sequence[Path] = (),
        focus_file: Path | None = None,
    ) -> None:
        self.source = source
        self._settings = settings
        self._clock = clock
        self._networks = networks
        self._focus_file = focus_file
        self._privacy = privacy_mask(settings.privacy)
        self._lens: Lens | None = None
        self._network: SensorNetwork | None = None
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
        cameras = maker.global_camera_info()
        if not cameras:
            raise CameraMissing(f"{self.source}: no camera is connected; look at its cable")
        self.sensor = str(cameras[0].get("Model", ""))
        self._network = self._loaded(cameras[0])
        try:
            self._begin(maker, transform)
        except CameraError as error:
            if self._network is None:
                raise
            why = f"the camera does not start with {self._network.file}"
            self._give_up(ModelError(why, str(error)))
            self.close()
            self._begin(maker, transform)
        self._clock.sleep(self._settings.warmup_s)

    def read(self) -> Frame:
        if self._camera is None or self._lens is None:
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
        metadata = request.get_metadata()
        if self._encoder:
            # A busy machine reads late; the sensor's stamp is from the moment of the picture.
            read_s, at_s = at_s, self._encoder.record_frame(metadata, at_s)
            taken_at -= timedelta(seconds=read_s - at_s)
        try:
            lines, bgr = request.make_array("lores"), request.make_array("main")
        finally:
            request.release()
        luma = np.ascontiguousarray(lines[: self._height, : self._width])
        self._number += 1
        self._lens.step(metadata, at_s)
        return Frame(
            luma,
            at_s,
            taken_at,
            self._number - 1,
            lambda: bgr,
            luma_span=219,
            scene=self._lens.moves,
            detections=self._detections(metadata),
            focusing=self._lens.moving,
        )

    @property
    def focus(self) -> str:
        return self._lens.words if self._lens else ""

    def refocus(self) -> None:
        if self._lens is not None:
            self._lens.refocus()

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.stop()
            self._encoder = None
        if self._camera is not None:
            self._camera.close()
            self._camera = None
        self._network = self._lens = None

    def _loaded(self, camera: dict[str, Any]) -> SensorNetwork | None:
        """Return the network for the sensor of *camera*; None when there can be none."""
        if not self._networks:
            return None
        if (sensor := camera.get("Model")) != MODEL:
            self.network = NetworkReport(None, f"the camera's sensor is {sensor}")
            return None
        # The sensor may load a network that is refused, too.
        self.loading_s = LOADING_S
        try:
            network, refused = load_network(self._networks, camera)
        except ModelError as error:
            self._give_up(error)
            return None
        _log.info("%s loads %s; the first time takes minutes", self.source, network.file)
        self.network = NetworkReport(network.file.name, refused, broken=bool(refused))
        return network

    def _give_up(self, error: ModelError) -> None:
        if error.details:
            _log.warning("%s: %s (%s)", self.source, error, error.details)
        self.network = NetworkReport(None, str(error), broken=True)

    def _detections(self, metadata: dict[str, Any]) -> tuple[Detection, ...] | None:
        if self._network is None:
            return None
        try:
            return self._network.detections(metadata, self._camera)
        except ModelError as error:
            self._give_up(error)
            self._network = None
            return None

    def _begin(self, maker: Any, transform: Any) -> None:
        """Open the camera, with its network if there is one, and start it."""
        try:
            self._camera = maker()
            # At the end of the process this function would wait without limit for a stuck camera.
            atexit.unregister(self._camera.close)
            self._start(transform)
            if self._network:
                # The sensor gives pictures when it has loaded the network.
                self._camera.capture_request(wait=LOADING_S).release()
        except CameraError:
            raise
        except (RuntimeError, OSError) as error:
            raise CameraError(
                f"{self.source} cannot be started, perhaps another program uses it: {error}"
            ) from error

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
        if self._privacy:
            # It is called before the encoder and `capture_request` get the pictures.
            camera.pre_callback = partial(_paint, self._privacy)
        camera.start()
        self._lens = Lens(camera, self.source, self._settings.focus, self._focus_file)
        if self.sink:
            self._encoder = hardware_encoder(
                camera, self.source, (self._width, self._height), self._settings.fps, self.sink
            )


def _paint(privacy: PrivacyMask, request: Any) -> None:
    """Paint *privacy* into both streams of *request*.

    The memory is mapped without picamera2's own shape, which is a copy where rows are padded.
    """
    mapped = import_module("picamera2").MappedArray
    for name in ("lores", "main"):
        stream = request.config[name]
        (columns, rows), stride = stream["size"], stream["stride"]
        with mapped(request, name, reshape=False) as memory:
            if name == "lores":
                planes = memory.array[: rows * 3 // 2 * stride].reshape(-1, stride)
                privacy.paint_yuv(planes, (rows, columns))
            else:
                shape, strides = (rows, columns, 3), (stride, 3, 1)
                privacy.paint(np.ndarray(shape, np.uint8, memory.array, strides=strides))
