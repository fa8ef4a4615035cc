"""A fake of picamera2's encoders: in hardware, on Pis before the Pi 5, and in software.

While `BUSY` is True another program uses the hardware.
"""

from importlib import import_module
from typing import Any

from tests.cameras.pictures import H264

BUSY = False
Output: Any = import_module("picamera2.outputs").Output


class H264Encoder:
    """The hardware encoder. Stamps count from the first picture, in microseconds."""

    def __init__(
        self, bitrate: int | None = None, repeat: bool = True, iperiod: int | None = None
    ) -> None:
        assert repeat
        self.bitrate, self.iperiod = bitrate, iperiod or 60
        self.firsttimestamp: int | None = None
        self._running = False
        self._output: Any = None

    @property
    def output(self) -> Any:
        return self._output

    @output.setter
    def output(self, value: Any) -> None:
        if not isinstance(value, Output):
            raise RuntimeError("Must pass Output")
        self._output = value

    def start(self) -> None:
        if BUSY:
            raise OSError(16, "Device or resource busy: '/dev/video11'")
        if self._running:
            raise RuntimeError("Encoder already running")
        self._running = True
        self.firsttimestamp = None
        self._coder = H264((self.width, self.height), self.iperiod)
        self._output.start()

    def stop(self) -> None:
        if not self._running:
            raise RuntimeError("Encoder already stopped")
        self._running = False
        self._output.stop()

    def encode(self, request: Any) -> None:
        stamp_us = request.get_metadata()["SensorTimestamp"] // 1000
        self.firsttimestamp = stamp_us if self.firsttimestamp is None else self.firsttimestamp
        data, key = self._coder.encoded(request.drawn(self.name))
        self._output.outputframe(data, key, stamp_us - self.firsttimestamp, None, False)

    width: int
    height: int
    name: str


class LibavH264Encoder(H264Encoder):
    """The software encoder."""
