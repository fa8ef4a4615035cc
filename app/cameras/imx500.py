"""The network in the sensor of a Pi AI camera (IMX500), which costs the Pi almost no time.

The calls are those of picamera2's own example (examples/imx500/imx500_object_detection_demo.py).
"""

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError
from app.frames import Box, Detection

#: The sensor's name in libcamera.
MODEL = "imx500"
#: The seconds that the sensor may take to load a network: several minutes the first time.
LOADING_S = 400.0
#: Finds with a lower score are left out.
LEAST_SCORE = 0.2
#: After so many outputs in a row that cannot be read, the network is given up.
_MOST_UNREADABLE = 20
_DETECTION = "object detection"
_SYSTEM = "/usr/share/imx500-models"
_CURE = "`sudo apt install imx500-all python3-picamera2`, then restart"
#: The first classes of COCO, in whose order a network without labels has them; the rest is things.
_COCO = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "-", "stop sign", "parking meter", "bench"),
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
)

Numbers = NDArray[np.float32]

_log = logging.getLogger(__name__)


class _Output(NamedTuple):
    """The output of a network: *boxes* (n, 4) with top, left, bottom and right, 0 to 1."""

    boxes: Numbers
    scores: Numbers
    classes: Numbers


class SensorNetwork:
    """The network of *file* in the sensor *camera_id*; a `ModelError` when it cannot be used.

    It must be made before the camera is opened, and is loaded when the camera starts. It looks at
    the whole sensor; the sensor flips the picture before.
    """

    def __init__(self, file: Path, camera_id: str) -> None:
        self.file = file
        self._device = _device(file, camera_id)
        settings = getattr(self._device, "network_intrinsics", None)
        self._labels = _labels(settings)
        self._order: str | None = getattr(settings, "bbox_order", None)
        self._in_pixels = bool(getattr(settings, "bbox_normalization", None))
        self._unreadable = 0
        if (task := getattr(settings, "task", None)) not in (None, _DETECTION):
            raise ModelError(f"{file} is not usable: it is for {task}")
        if work := getattr(settings, "postprocess", None):
            raise ModelError(f"{file} is not usable: the Pi would have to do its work ({work})")
        if "person" not in self._labels:
            raise ModelError(f"{file} is not usable: it knows no person")

    def detections(self, metadata: dict[str, Any], camera: Any) -> tuple[Detection, ...] | None:
        """Return the finds in the picture with *metadata*, in the pixels of *camera*'s main stream.

        None means that the network did not look at this picture. Raises `ModelError` when its
        outputs cannot be read again and again.
        """
        try:
            output = self._output(metadata)
            if output is None:
                return None
            found = self._found(output, metadata, camera)
        except (ValueError, TypeError, LookupError) as error:
            self._unreadable += 1
            if self._unreadable < _MOST_UNREADABLE:
                return None
            raise ModelError(
                f"{self.file} is not usable: its output is of another shape", str(error)
            ) from error
        self._unreadable = 0
        return found

    def _output(self, metadata: dict[str, Any]) -> _Output | None:
        outputs = self._device.get_outputs(metadata, add_batch=True)
        if outputs is None:
            return None
        boxes, scores, classes = (np.asarray(one, np.float32)[0] for one in outputs[:3])
        if boxes.shape != (len(scores), 4) or scores.shape != classes.shape:
            raise ValueError(f"{boxes.shape}, {scores.shape}, {classes.shape}")
        if self._order == "xy":
            boxes = boxes[:, [1, 0, 3, 2]]
        if self._in_pixels:
            columns, rows = self._device.get_input_size()
            boxes = boxes / np.array([rows, columns] * 2, np.float32)
        return _Output(boxes, scores, classes)

    def _found(
        self, output: _Output, metadata: dict[str, Any], camera: Any
    ) -> tuple[Detection, ...]:
        width, height = camera.camera_configuration()["main"]["size"]
        found = []
        for number in np.flatnonzero(output.scores >= LEAST_SCORE):
            # `convert_inference_coords` moves what is beyond the upper left edge into the picture.
            place, score = output.boxes[number].clip(0, 1), min(float(output.scores[number]), 1.0)
            kind = self._label(output.classes[number])
            if kind is None or not np.isfinite(place).all():
                continue
            placed = self._device.convert_inference_coords(tuple(place), metadata, camera)
            if box := _inside(placed, width, height):
                found.append(Detection(box, score, kind))
        return tuple(sorted(found, key=lambda one: one.score, reverse=True))

    def _label(self, number: np.float32) -> str | None:
        if not (np.isfinite(number) and 0 <= number < len(self._labels)):
            return None
        return self._labels[int(number)]


def load_network(files: Sequence[Path], camera: dict[str, Any]) -> tuple[SensorNetwork, str]:
    """Return the first of *files* that can be used in *camera*, which picamera2 describes.

    With it come the reasons why those before it cannot; a `ModelError` with them if none can.
    """
    refused: list[str] = []
    for file in files:
        try:
            return SensorNetwork(file, str(camera["Id"])), "; ".join(refused)
        except ModelError as error:
            refused.append(str(error))
            _log.warning("%s%s", error, f" ({error.details})" if error.details else "")
    raise ModelError("; ".join(refused))


def _device(file: Path, camera_id: str) -> Any:
    if not file.is_file():
        cure = f": {_CURE}" if file.is_relative_to(_SYSTEM) else ""
        raise ModelError(f"{file} is not there{cure}")
    try:
        maker = import_module("picamera2.devices.imx500").IMX500
    except ImportError as error:
        raise ModelError(f"its software is missing ({error}): {_CURE}") from None
    try:
        return maker(str(file), camera_id=camera_id)
    except Exception as error:  # it parses the file without checks, so any error may come
        details = f"{type(error).__name__} {error}"
        raise ModelError(f"{file} is not usable: it is damaged, or no network", details) from error


def _labels(settings: Any) -> tuple[str, ...]:
    labels = tuple(one.strip().lower() for one in getattr(settings, "labels", None) or _COCO)
    if getattr(settings, "ignore_dash_labels", None):
        return tuple(label for label in labels if label and label != "-")
    return labels


def _inside(placed: Sequence[int], width: int, height: int) -> Box | None:
    """Return the part of *placed* (left, top, width, height) in the picture; None without one."""
    left, top, across, down = (int(side) for side in placed)
    right, bottom = min(left + across, width), min(top + down, height)
    left, top = max(left, 0), max(top, 0)
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)
