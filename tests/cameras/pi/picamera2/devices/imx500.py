"""A fake of picamera2's IMX500, with the sensor's network, which sees the bar of the test pictures.

The file of a network is a JSON object here: its intrinsics, as the real one keeps them in its
archive. A network with `"starts": false` is loaded, and then the camera gives no picture. One with
`"shapes": "other"` has outputs that are no boxes.
"""

import json
import struct
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The sensor's pixels, and those of the mode in which it is read.
FULL, MODE = (4056, 3040), (2028, 1520)
#: The network looks at one of so many pictures.
EVERY = 2
INPUT = (320, 320)
#: The networks that are loaded, for cameras that are not open yet, by the camera's number.
LOADED: dict[int, "IMX500"] = {}
_BAR = (40, 40, 160)
_CLASS = 2

Numbers = NDArray[np.float32]


class NetworkIntrinsics:
    """The settings of a network, each None unless its file has it."""

    def __init__(self, val: dict[str, Any]) -> None:
        self._val = val

    def __getattr__(self, name: str) -> Any:
        names = ("task", "bbox_normalization", "bbox_order", "postprocess")
        if name not in (*names, "labels", "ignore_dash_labels"):
            raise AttributeError(name)
        return self._val.get(name)


class IMX500:
    """The sensor; it must be made before `Picamera2`."""

    def __init__(self, network_file: str, camera_id: str = "") -> None:
        picamera2 = import_module("picamera2")
        cameras = [
            one
            for one in picamera2.Picamera2.global_camera_info()
            if one["Model"] == "imx500" and camera_id in one["Id"]
        ]
        if not cameras:
            raise RuntimeError("IMX500: Requested camera dev-node not found")
        self.camera_num = cameras[0]["Num"]
        if not Path(network_file).is_file():
            raise RuntimeError(f"Firmware file {network_file} does not exist.")
        if self.camera_num in picamera2._USED:
            raise RuntimeError(
                f"IMX500: Unable to set network firmware {network_file}: "
                "[Errno 16] Device or resource busy"
            )
        content = Path(network_file).read_bytes()
        struct.unpack(">4sI", content[:8])
        self.settings: dict[str, Any] = json.loads(content)
        has_any = set(self.settings) - {"starts", "shapes"}
        self.network_intrinsics = NetworkIntrinsics(self.settings) if has_any else None
        LOADED[self.camera_num] = self

    def get_input_size(self) -> tuple[int, int]:
        return INPUT

    def metadata(self, number: int, main: NDArray[np.uint8]) -> dict[str, Any]:
        """Return the metadata of picture *number*, whose stream *main* is (rows, columns, BGR)."""
        crop = scaler_crop((main.shape[1], main.shape[0]))
        if number % EVERY:
            return {"ScalerCrop": crop}
        outputs = self._outputs(main, crop)
        flat = [float(one) for array in outputs for one in array.reshape(-1, order="F")]
        shapes = [list(array.shape) for array in outputs]
        return {"ScalerCrop": crop, "CnnOutputTensor": flat, "CnnOutputTensorInfo": shapes}

    def _outputs(self, main: NDArray[np.uint8], crop: tuple[int, ...]) -> list[Numbers]:
        if self.settings.get("shapes") == "other":
            return [np.zeros((1000,), np.float32)]
        boxes, scores = np.zeros((10, 4), np.float32), np.zeros(10, np.float32)
        rows, columns = np.nonzero((main == _BAR).all(-1))
        if len(rows):
            shown = np.array(
                [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], np.float64
            )
            zoom = np.array([crop[3] / main.shape[0], crop[2] / main.shape[1]] * 2)
            boxes[0] = (shown * zoom + [crop[1], crop[0]] * 2) / ([FULL[1], FULL[0]] * 2)
            boxes[1] = [-0.1, -0.1, 0.0, 0.0]
            boxes[2] = np.nan
            scores[:3] = 0.75, 0.5, 0.5
        if self.settings.get("bbox_order") == "xy":
            boxes = boxes[:, [1, 0, 3, 2]]
        if self.settings.get("bbox_normalization"):
            boxes *= INPUT[0]
        classes = np.full(10, _CLASS, np.float32)
        return [boxes, scores, classes, np.array([3], np.float32)]

    def get_outputs(self, metadata: dict[str, Any], add_batch: bool = False) -> Any:
        tensor = metadata.get("CnnOutputTensor")
        if not tensor:
            return None
        numbers = np.fromiter(tensor, dtype=np.float32)
        outputs, offset = [], 0
        for shape in metadata["CnnOutputTensorInfo"]:
            size = int(np.prod(shape))
            output = numbers[offset : offset + size].reshape(shape, order="F")
            outputs.append(np.expand_dims(output, 0) if add_batch else output)
            offset += size
        return outputs

    def convert_inference_coords(
        self, coords: tuple[float, ...], metadata: dict[str, Any], picam2: Any, stream: str = "main"
    ) -> tuple[int, int, int, int]:
        config = picam2.camera_configuration()
        output, mode = config[stream]["size"], config["raw"]["size"]
        crop = _scaled(metadata["ScalerCrop"], mode, FULL)
        y0, x0, y1, x1 = coords
        size = np.array([x0 * FULL[0], y0 * FULL[1], (x1 - x0) * FULL[0], (y1 - y0) * FULL[1]])
        left, top, width, height = _scaled(np.maximum(size, 0).astype(np.int32), mode, FULL)
        right = max(min(left + width, crop[0] + crop[2]), left, crop[0])
        bottom = max(min(top + height, crop[1] + crop[3]), top, crop[1])
        left, top = max(left, crop[0]), max(top, crop[1])
        placed = (left - crop[0], top - crop[1], right - left, bottom - top)
        return _scaled(placed, output, crop[2:])


def scaler_crop(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the middle of the sensor with the shape of a picture of *size*."""
    zoom = min(FULL[0] / size[0], FULL[1] / size[1])
    width, height = round(size[0] * zoom), round(size[1] * zoom)
    return (FULL[0] - width) // 2, (FULL[1] - height) // 2, width, height


def _scaled(box: Any, to: Any, of: Any) -> tuple[int, int, int, int]:
    """Return *box* in whole pixels, as libcamera's Rectangle.scaledBy."""
    x, y, width, height = (int(side) for side in box)
    return x * to[0] // of[0], y * to[1] // of[1], width * to[0] // of[0], height * to[1] // of[1]
