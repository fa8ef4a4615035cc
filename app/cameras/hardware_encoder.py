"""The H.264 encoder of the Raspberry Pis before the Pi 5, through picamera2."""

import logging
from importlib import import_module
from typing import Any

from app.cameras.base import PacketSink
from app.cameras.packets import PacketTimer
from app.frames import VideoFormat

#: This gives 770 kbit/s for 640x480 at 10 pictures a second.
BITS_PER_PIXEL = 0.25
LEAST_BITS_PER_S = 500_000
#: A clip must also keep the packets from the last key frame before its first picture. They are not
#: shown.
KEY_EVERY_S = 2.0
_MICROSECONDS, _NANOSECONDS = 1_000_000, 1_000_000_000

_log = logging.getLogger(__name__)


class HardwareEncoder:
    """Encodes the stream "lores" of *camera* while it runs, and forwards its packets to *timer*."""

    def __init__(self, camera: Any, encoder: Any, output: type[Any], timer: PacketTimer) -> None:
        self._camera = camera
        self._encoder = encoder
        self._timer = timer
        # picamera2 accepts only subclasses of its own Output.
        methods = {"outputframe": lambda _, *given: self._add_packet(*given)}
        forwarding = type("ForwardingOutput", (output,), methods)
        camera.start_encoder(encoder, forwarding(), name="lores")

    def record_frame(self, metadata: dict[str, Any], at_s: float) -> float:
        """Record that the request with *metadata* was read at *at_s*; returns when it was taken."""
        return self._timer.record_frame(metadata["SensorTimestamp"] / _NANOSECONDS, at_s)

    def stop(self) -> None:
        """Stop encoding."""
        self._camera.stop_encoder(self._encoder)

    def _add_packet(
        self, frame: bytes, keyframe: bool = True, timestamp: int | None = None, *_: object
    ) -> None:
        if timestamp is not None:
            # It counts from the sensor's stamp of the first encoded picture.
            stamp_s = (self._encoder.firsttimestamp + timestamp) / _MICROSECONDS
            self._timer.add_packet(bytes(frame), stamp_s, stamp_s, keyframe)


def hardware_encoder(
    camera: Any, source: str, size: tuple[int, int], fps: float, sink: PacketSink
) -> HardwareEncoder | None:
    """Return the running encoder of *camera*; None when no hardware encoder works.

    *source* is the camera's name in messages, *size* the (width, height) of its pictures. Without a
    hardware encoder picamera2 would encode in software all the time; JPEGs of the pre-roll cost
    less until there is an event.
    """
    try:
        maker = import_module("picamera2.encoders").H264Encoder
        if maker.__name__ != "H264Encoder":
            return None
        output = import_module("picamera2.outputs").Output
        encoder = maker(bitrate=bits_per_s(size, fps), repeat=True, iperiod=key_interval(fps))
        timer = PacketTimer(VideoFormat("h264", *size, "yuv420p"), sink)
        return HardwareEncoder(camera, encoder, output, timer)
    except (ImportError, RuntimeError, OSError) as error:
        warn_no_encoder(source, error)
        return None


def warn_no_encoder(source: str, error: Exception) -> None:
    """Log that the camera *source* works without its encoder, because of *error*."""
    text = "%s: clips are encoded without the Pi's own encoder, which does not work: %s"
    _log.warning(text, source, error)


def bits_per_s(size: tuple[int, int], fps: float) -> int:
    """Return the bit rate for pictures of *size*, (width, height)."""
    return max(round(BITS_PER_PIXEL * size[0] * size[1] * fps), LEAST_BITS_PER_S)


def key_interval(fps: float) -> int:
    """Return the number of pictures from one key frame to the next."""
    return max(round(KEY_EVERY_S * fps), 1)
