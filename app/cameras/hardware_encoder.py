"""The H.264 encoder of the Raspberry Pis that have one, all before the Pi 5, as picamera2 drives
it.
"""

import logging
from importlib import import_module
from typing import Any

from app.cameras.base import PacketSink
from app.cameras.packets import Stamped
from app.frames import VideoFormat

#: Bits a second for each pixel in a second: 770 kbit/s for 640x480 at 10 pictures a second.
BITS_PER_PIXEL = 0.25
LEAST_BITS_PER_S = 500_000
#: A clip begins with the key frame before its first picture, which is not shown but must be kept.
KEY_EVERY_S = 2.0
_MICROSECONDS, _NANOSECONDS = 1_000_000, 1_000_000_000

_log = logging.getLogger(__name__)


class HardwareEncoder:
    """Encodes the stream "lores" of *camera* while it runs, and hands on its packets."""

    def __init__(self, camera: Any, encoder: Any, output: type[Any], stamped: Stamped) -> None:
        self._camera = camera
        self._encoder = encoder
        self._stamped = stamped
        # picamera2 gives its packets to nothing else than a kind of its own Output.
        handing_on = type(
            "HandingOn", (output,), {"outputframe": lambda _, *given: self._came(*given)}
        )
        camera.start_encoder(encoder, handing_on(), name="lores")

    def heard(self, metadata: dict[str, Any], at_s: float) -> None:
        """The request with *metadata* became the frame of *at_s*."""
        self._stamped.heard(metadata["SensorTimestamp"] / _NANOSECONDS, at_s)

    def stop(self) -> None:
        """Encode no more."""
        self._camera.stop_encoder(self._encoder)

    def _came(
        self, frame: bytes, keyframe: bool = True, timestamp: int | None = None, *_: object
    ) -> None:
        if timestamp is not None:
            # It counts from the sensor's stamp of the first picture that was encoded.
            stamp_s = (self._encoder.firsttimestamp + timestamp) / _MICROSECONDS
            self._stamped.came(bytes(frame), stamp_s, stamp_s, keyframe)


def hardware_encoder(
    camera: Any, source: str, size: tuple[int, int], fps: float, sink: PacketSink
) -> HardwareEncoder | None:
    """The encoder of *camera*, which *source* names and which runs, with pictures of *size*; None
    when there is none that works.

    picamera2 would encode with the processor instead, all the time; keeping JPEGs costs less until
    there is an event.
    """
    try:
        maker = import_module("picamera2.encoders").H264Encoder
        if maker.__name__ != "H264Encoder":
            return None
        output = import_module("picamera2.outputs").Output
        encoder = maker(bitrate=bits_per_s(size, fps), repeat=True, iperiod=key_interval(fps))
        return HardwareEncoder(
            camera, encoder, output, Stamped(VideoFormat("h264", *size, "yuv420p"), sink)
        )
    except (ImportError, RuntimeError, OSError) as error:
        _log.warning(
            "%s: clips are encoded without the Pi's own encoder, which does not work: %s",
            source,
            error,
        )
        return None


def bits_per_s(size: tuple[int, int], fps: float) -> int:
    """What a Pi's encoder is asked for."""
    return max(round(BITS_PER_PIXEL * size[0] * size[1] * fps), LEAST_BITS_PER_S)


def key_interval(fps: float) -> int:
    """After how many pictures it makes another key frame."""
    return max(round(KEY_EVERY_S * fps), 1)
