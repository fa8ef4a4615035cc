"""A fake of picamera2 that keeps its rules.

Rows are padded, a camera can be opened once, and configurations are checked. There are few buffers:
without a release of requests there are no more. `CAMERAS` are the connected cameras; without a test
it is one with the sensor that `PI_SENSOR` of the environment names. While `HANGS` is True no
request is completed.
"""

import atexit
import os
import sys
import time
from importlib import import_module
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.cameras.pictures import picture

_SENSOR = os.environ.get("PI_SENSOR", "imx708")
CAMERAS: list[dict[str, Any]] = [
    {"Model": _SENSOR, "Id": f"/base/soc/i2c0mux/i2c@1/{_SENSOR}@1a", "Num": 0}
]
HANGS = False
#: The lens of a sensor with autofocus: where it is sharpest, in dioptres, how much light there is,
#: and whether a sweep ever ends. A sweep takes so many pictures.
SHARP_AT, LUX, SETTLES = 0.5, 400.0, True
SWEEP_PICTURES = int(os.environ.get("PI_SWEEP", "8"))
_LENSES = ("imx708", "imx708_wide", "imx708_noir")
#: The sensor's stamps are not on the process's monotonic clock.
BOOTED_BEFORE_NS = 5_000_000_000
_ALIGN = 64
_USED: set[int] = set()
Transform: Any = import_module("libcamera").Transform

Array = NDArray[np.uint8]


class Picamera2:
    """One camera."""

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return CAMERAS

    def __init__(self, camera_num: int = 0) -> None:
        self._number = CAMERAS[camera_num]["Num"]
        if self._number in _USED:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        _USED.add(self._number)
        self.network = _loaded_network(self._number)
        self.camera_config: dict[str, Any] | None = None
        self.started = False
        self.held = 0
        self._encoder: Any = None
        self._frames = 0
        self.pre_callback: Any = None
        self.lens = _Lens() if CAMERAS[camera_num]["Model"] in _LENSES else None
        self.camera_controls: dict[str, tuple[Any, Any, Any]] = {
            "FrameDurationLimits": (33333, 120000, 33333)
        }
        if self.lens:
            self.camera_controls |= {"AfMode": (0, 2, 0), "AfTrigger": (0, 1, 0)}
            self.camera_controls["LensPosition"] = (0.0, 15.0, 1.0)
        atexit.register(self.close)

    def create_video_configuration(
        self, main: dict[str, Any], lores: dict[str, Any] | None = None, **others: Any
    ) -> dict[str, Any]:
        known = {
            "transform",
            "buffer_count",
            "controls",
            "colour_space",
            "raw",
            "queue",
            "display",
            "encode",
            "sensor",
            "use_case",
        }
        if not set(others) <= known:
            raise TypeError(
                "create_video_configuration() got an unexpected keyword argument "
                f"{set(others) - known}"
            )
        given = {
            "transform": Transform(),
            "buffer_count": 6,
            "controls": {"FrameDurationLimits": (33333, 33333)},
        } | others
        return {
            "main": {"format": "XBGR8888", "size": (1280, 720)} | main,
            "lores": lores and {"format": "YUV420"} | lores,
            "raw": {"format": "SRGGB10_CSI2P", "size": (2028, 1520)},
        } | given

    def configure(self, config: dict[str, Any]) -> None:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if not isinstance(config["transform"], Transform):
            raise RuntimeError("Transform has incorrect type")
        main, lores = config["main"], config["lores"]
        for stream in (main, lores):
            if stream["size"][0] % 2 or stream["size"][1] % 2:
                raise RuntimeError("width and height should be even")
        if lores["size"][0] > main["size"][0] or lores["size"][1] > main["size"][1]:
            raise RuntimeError("lores stream dimensions may not exceed main stream")
        if lores["format"] != "YUV420":
            raise RuntimeError("lores stream must be YUV")
        lores["stride"] = -(-lores["size"][0] // _ALIGN) * _ALIGN
        main["stride"] = -(-main["size"][0] * 3 // _ALIGN) * _ALIGN
        self.camera_config = config

    def camera_configuration(self) -> dict[str, Any] | None:
        return self.camera_config

    def start(self) -> None:
        if self.camera_config is None:
            raise RuntimeError("Camera has not been configured")
        self.started = True

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name, value in controls.items():
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
            if self.lens:
                self.lens.set(name, value)

    def start_encoder(self, encoder: Any, output: Any, name: str = "main") -> None:
        if self.camera_config is None or self.camera_config.get(name) is None:
            raise RuntimeError(f"Encode stream {name} was not defined")
        stream = self.camera_config[name]
        encoder.output, encoder.name = output, name
        encoder.width, encoder.height = stream["size"]
        encoder.format, encoder.stride = stream["format"], stream["stride"]
        encoder.start()
        self._encoder = encoder

    def stop_encoder(self, encoders: Any = None) -> None:
        if encoders is not self._encoder:
            raise RuntimeError("Encoder is not running")
        self._encoder.stop()
        self._encoder = None

    def capture_request(self, wait: float | bool | None = None) -> "CompletedRequest":
        if not self.started or self.camera_config is None:
            raise RuntimeError("Camera is not started")
        if self.network and not self.network.settings.get("starts", True):
            raise TimeoutError(f"nothing within {wait} s")
        if HANGS or self.held == self.camera_config["buffer_count"]:
            raise TimeoutError(f"nothing within {wait} s")
        time.sleep(self.camera_config["controls"]["FrameDurationLimits"][0] / 1_000_000)
        self.held += 1
        self._frames += 1
        if self.lens:
            self.lens.follow()
        request = CompletedRequest(self, self._frames - 1, self.camera_config)
        if self.pre_callback:
            self.pre_callback(request)
        if self._encoder:
            self._encoder.encode(request)
        return request

    def cancel_all_and_flush(self) -> None:
        pass

    def close(self) -> None:
        atexit.unregister(self.close)
        self.started = False
        _USED.discard(self._number)


class _Lens:
    """Moves as libcamera moves it: a trigger works only in the mode Auto, and a distance only in
    the mode Manual.
    """

    def __init__(self) -> None:
        self.mode, self.position, self.state, self.left = 0, 1.0, 0, 0
        self.sweeps = 0

    def set(self, name: str, value: float) -> None:
        if name == "AfMode":
            self.mode, self.state = int(value), 0
        elif name == "AfTrigger" and self.mode == 1:
            self.state, self.left = 1, SWEEP_PICTURES
            self.sweeps += 1
        elif name == "LensPosition" and self.mode == 0:
            self.position = value

    def follow(self) -> None:
        """Move on by one picture."""
        if self.state == 1:
            self.left -= 1
            self.position = 10.0 * self.left / SWEEP_PICTURES
            if self.left == 0 and SETTLES:
                self.position, self.state = SHARP_AT, 2

    def metadata(self) -> dict[str, Any]:
        sharpness = round(1000 / (1 + abs(self.position - SHARP_AT)))
        return {"LensPosition": self.position, "AfState": self.state, "FocusFoM": sharpness}


class MappedArray:
    """The memory of a stream of *request*, to be changed in place.

    As in picamera2, *reshape* makes a copy of a colour stream whose rows are padded.
    """

    def __init__(self, request: "CompletedRequest", stream: str, reshape: bool = True) -> None:
        self.array = request.memory(stream)
        if reshape:
            self.array = _shaped(self.array, request.config[stream])

    def __enter__(self) -> "MappedArray":
        return self

    def __exit__(self, *_: object) -> None:
        del self.array


class CompletedRequest:
    """One moment in every stream."""

    def __init__(self, camera: Picamera2, number: int, config: dict[str, Any]) -> None:
        self._camera, self._number, self.config = camera, number, config
        self._memory: dict[str, Array] = {}
        self._released = False
        self._stamp_ns = time.monotonic_ns() + BOOTED_BEFORE_NS

    def get_metadata(self) -> dict[str, Any]:
        if self._released:
            raise TypeError("'NoneType' object is not subscriptable")
        network = self._camera.network
        known: dict[str, Any] = {"SensorTimestamp": self._stamp_ns, "Lux": LUX}
        if self._camera.lens:
            known |= self._camera.lens.metadata()
        return known | (network.metadata(self._number, self.drawn("main")) if network else {})

    def release(self) -> None:
        if self._released:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self._released = True
        self._camera.held -= 1

    def make_array(self, name: str) -> Array:
        if self._released:
            raise TypeError("'NoneType' object is not subscriptable")
        return _shaped(self.memory(name).copy(), self.config[name])

    def memory(self, name: str) -> Array:
        """Return the memory of the stream *name*: rows with padding, one after the other."""
        if name not in self._memory:
            stream = self.config[name]
            turn, drawn = self.config["transform"], picture(self._number, stream["size"])
            drawn = np.ascontiguousarray(
                drawn[:: -1 if turn.vflip else 1, :: -1 if turn.hflip else 1]
            )
            pad = _padded_colour if stream["format"] == "RGB888" else _padded_yuv
            self._memory[name] = pad(drawn, stream["stride"]).ravel()
        return self._memory[name]

    def drawn(self, name: str) -> Array:
        """Return the picture of the stream *name*, (rows, columns, BGR) uint8."""
        found, (width, _) = self.make_array(name), self.config[name]["size"]
        if self.config[name]["format"] == "RGB888":
            return found
        return np.asarray(cv2.cvtColor(_unpadded_yuv(found, width), cv2.COLOR_YUV2BGR_I420))


def _loaded_network(number: int) -> Any:
    """Return the network in the sensor of the camera *number*, if one was loaded before."""
    devices = sys.modules.get("picamera2.devices.imx500")
    return devices.LOADED.pop(number, None) if devices else None


def _shaped(memory: Array, stream: dict[str, Any]) -> Array:
    """Return *memory* as a picture; a copy when it is in colour and its rows are padded."""
    (width, height), stride = stream["size"], stream["stride"]
    if stream["format"] == "RGB888":
        return memory.reshape(height, stride)[:, : width * 3].reshape(height, width, 3)
    return memory.reshape(height * 3 // 2, stride)


def _padded_colour(drawn: Array, stride: int) -> Array:
    height, width = drawn.shape[:2]
    padded: Array = np.full((height, stride), 99, np.uint8)
    padded[:, : width * 3] = drawn.reshape(height, -1)
    return padded


def _padded_yuv(drawn: Array, stride: int) -> Array:
    """Return the planes of *drawn* in rows of *stride* bytes; those of colours are half as long."""
    height, width = drawn.shape[:2]
    planes = cv2.cvtColor(drawn, cv2.COLOR_BGR2YUV_I420)
    padded: Array = np.full((height * 3 // 2, stride), 99, np.uint8)
    padded[:height, :width] = planes[:height]
    colours = padded[height:].reshape(height, stride // 2)
    colours[:, : width // 2] = planes[height:].reshape(height, width // 2)
    return padded


def _unpadded_yuv(padded: Array, width: int) -> Array:
    height, stride = padded.shape[0] * 2 // 3, padded.shape[1]
    colours = padded[height:].reshape(height, stride // 2)[:, : width // 2]
    return np.vstack([padded[:height, :width], colours.reshape(height // 2, width)])
