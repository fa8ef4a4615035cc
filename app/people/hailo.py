"""YOLO models on a Hailo processor, such as the AI HAT+, through picamera2.

The calls are those of picamera2's own example (examples/hailo/detect.py).
"""

import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.errors import ModelError
from app.frames import Detection, Image
from app.people.base import PersonModel
from app.people.classes import COCO
from app.people.files import read_model
from app.people.pictures import Candidates, Numbers, detections, in_colour

#: The first Hailo of a machine (8 and 8L, or 10H), and the package with its software.
DEVICES = {Path("/dev/hailo0"): "hailo-all", Path("/dev/h1x-0"): "hailo-h10-all"}
#: The models that come with that package, by processor.
SYSTEM_FOLDER = Path("/usr/share/hailo-models")
_SYSTEM_FILES = {
    "HAILO8": "yolov8s_h8.hef",
    "HAILO8L": "yolov8s_h8l.hef",
    "HAILO10H": "yolov8m_h10.hef",
}
#: The bytes at the beginning of every HEF file.
_MAGIC = b"\x01HEF"
_CLASSES = 80
#: The level of the rim around a picture of another shape than the input.
_GREY = 114


def is_there() -> bool:
    """Return whether this machine has a Hailo."""
    return any(device.exists() for device in DEVICES)


def _cure() -> str:
    package = next((one for device, one in DEVICES.items() if device.exists()), "hailo-all")
    return f"install its software with `sudo apt install {package} python3-picamera2`, then restart"


def _devices() -> Any:
    """Return picamera2's devices; a `ModelError` when a package is missing."""
    try:
        devices = import_module("picamera2.devices")
    except ImportError as error:
        raise ModelError(f"the Hailo cannot be used ({error}): {_cure()}") from None
    if not hasattr(devices, "Hailo"):
        raise ModelError(f"the Hailo cannot be used without the package hailo_platform: {_cure()}")
    return devices


class HailoModel(PersonModel):
    """A model in a HEF file with the 80 classes of COCO, whose boxes the Hailo itself selects."""

    name = "hailo"
    threshold = 0.5

    def __init__(self, file: Path | None = None) -> None:
        """Load *file* into the processor; a `ModelError` when that is impossible.

        None is the model that comes with its software.
        """
        file = self._file = file or _system_file()
        if file.parent == SYSTEM_FOLDER and not file.exists():
            raise ModelError(f"{file} is not there: {_cure()}")
        if not read_model(file).startswith(_MAGIC):
            raise ModelError(f"{file} is not usable: it is no HEF file")
        self._hailo = _opened(file)
        self._one_at_a_time = threading.Lock()
        self.detail = f"{file.name} on the Hailo"
        try:
            self._rows, self._columns = self._input_size()
            self.detect(np.full((self._rows, self._columns, 3), _GREY, np.uint8))
        except ModelError:
            self.close()
            raise

    def detect(self, picture: Image) -> list[Detection]:
        picture = in_colour(picture)
        if not picture.size:
            return []
        scale = min(self._rows / picture.shape[0], self._columns / picture.shape[1])
        with self._one_at_a_time:
            output = self._run(self._framed(picture, scale))
        return detections(self._candidates(output, scale), COCO, picture)

    def close(self) -> None:
        self._hailo.close()

    def _input_size(self) -> tuple[int, int]:
        """Return the rows and columns of the input."""
        shape = tuple(self._hailo.get_input_shape())
        if len(shape) != 3 or shape[2] != 3:
            raise ModelError(f"{self._file} is not usable: its input {shape} is no picture")
        return int(shape[0]), int(shape[1])

    def _framed(self, picture: Image, scale: float) -> Image:
        """Return *picture* in the size of the input, with a rim below or at the right.

        It is in RGB order, which picamera2 calls BGR888 (its issue 1148).
        """
        columns, rows = (max(round(side * scale), 1) for side in picture.shape[1::-1])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        framed = np.full((self._rows, self._columns, 3), _GREY, np.uint8)
        framed[:rows, :columns] = cv2.resize(picture, (columns, rows), interpolation=way)[..., ::-1]
        return framed

    def _run(self, given: Image) -> Sequence[Numbers]:
        """Return for each class its finds: rows of top, left, bottom, right (0 to 1) and score."""
        try:
            output = self._hailo.run(given)
        except Exception as error:  # hailo_platform's errors have no common class that is public
            raise ModelError(f"{self._file.name} fails on the Hailo: {_reason(error)}") from error
        if not isinstance(output, list | tuple) or len(output) != _CLASSES:
            raise ModelError(f"{self._file} is not usable: it does not select boxes of 80 classes")
        finds = [np.asarray(one, np.float32) for one in output]
        if any(one.size and (one.ndim != 2 or one.shape[1] != 5) for one in finds):
            raise ModelError(f"{self._file} is not usable: its boxes have another shape")
        return [one.reshape(-1, 5) for one in finds]

    def _candidates(self, output: Sequence[Numbers], scale: float) -> Candidates:
        rows = np.concatenate([output[number] for number in COCO])
        classes = np.repeat(list(COCO), [len(output[number]) for number in COCO]).astype(np.intp)
        kept = rows[:, 4] >= self.least
        size = np.array([self._columns, self._rows] * 2, np.float32) / scale
        corners = rows[kept][:, [1, 0, 3, 2]] * size
        return Candidates(corners, rows[kept, 4], classes[kept])


def _system_file() -> Path:
    # Not in every version of picamera2; it asks the processor by `hailortcli`.
    ask = getattr(_devices(), "hailo_architecture", None)
    kind = str(ask()) if ask else ""
    return SYSTEM_FOLDER / _SYSTEM_FILES.get(kind, _SYSTEM_FILES["HAILO8L"])


def _opened(file: Path) -> Any:
    devices = _devices()
    try:
        return devices.Hailo(str(file))
    except Exception as error:  # hailo_platform's errors have no common class that is public
        raise ModelError(
            f"{file} does not run on the Hailo: {_reason(error)}. One Hailo serves one program at "
            "a time, and a model is made for one kind of Hailo"
        ) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
