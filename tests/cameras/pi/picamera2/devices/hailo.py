"""A fake of picamera2's Hailo: it takes only what the real one takes, and sees what is red.

While `BUSY` is True another program uses the processor.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUSY = False
ARCHITECTURE = "HAILO8L"
#: The numbers of a person and of a bus.
PERSON, BUS = 0, 5


class HailoRTException(Exception):
    """The root of hailo_platform's errors."""


def hailo_architecture() -> str | None:
    return ARCHITECTURE


class Hailo:
    """A model in the processor; the file says the shape of its input and the number of classes."""

    open = 0

    def __init__(self, hef_path: str) -> None:
        if BUSY:
            raise HailoRTException("libhailort failed with error: 74")
        lines = Path(hef_path).read_bytes().split(b"\n")
        if len(lines) < 2 or b"broken" in lines:
            raise HailoRTException("libhailort failed with error: 26 (HAILO_INVALID_HEF)")
        *shape, self._classes = (int(word) for word in lines[1].split())
        self._shape = tuple(shape)
        Hailo.open += 1

    def get_input_shape(self) -> tuple[int, ...]:
        return self._shape

    def run(self, input_data: NDArray[np.uint8]) -> Any:
        if input_data.shape != self._shape or input_data.dtype != np.uint8:
            raise HailoRTException(f"input of {input_data.shape} for {self._shape}")
        if not input_data.flags.c_contiguous:
            raise HailoRTException("input is not contiguous")
        if not self._classes:
            return {"yolo/conv1": np.zeros((80, 80, 64), np.float32)}
        found: list[Any] = [np.empty((0, 5), np.float32) for _ in range(self._classes)]
        rows, columns = np.nonzero((input_data[..., 0] > 200) & (input_data[..., 1:] < 50).all(-1))
        if len(rows):
            height, width = self._shape[:2]
            box = (
                rows.min() / height,
                columns.min() / width,
                (rows.max() + 1) / height,
                (columns.max() + 1) / width,
            )
            found[PERSON] = np.array([[*box, 0.9], [*box, 0.1]], np.float32)
            found[BUS] = np.array([[*box, 0.3]], np.float32)
        return found

    def close(self) -> None:
        Hailo.open -= 1
