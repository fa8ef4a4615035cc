"""Finds how far the whole picture has moved, as when the camera is pushed."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from app.motion.contrast import Contrast, Plane, unit_px
from app.motion.scene_model import SceneModel

#: Pixels of the reference: below the first nothing has moved, above the second it is another view.
_LEAST, _MOST = 0.2, 6.0
_LEAST_RESPONSE = 0.2
#: The shorter side in pixels below which a shift cannot be measured.
_SMALLEST_SIDE = 16
#: A shift is believed when it leaves less than this share of the changed pixels.
_LEFT = 0.5


@dataclass(frozen=True, slots=True)
class Shift:
    """The background as it looks after a move, and the rim (x, y) that the move has revealed."""

    contrast: Plane
    log: Plane
    rim: tuple[int, int]


class Shake:
    """Compares pictures of one *shape*, (rows, columns), with the background by phase."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._size = (shape[1], shape[0])
        self._unit_px = unit_px(shape)
        self._window: Plane | None = None

    def shift(self, now: Contrast, model: SceneModel, changed: int) -> Shift | None:
        """Return the shift that explains most of the *changed* pixels; None without one."""
        if min(self._size) < _SMALLEST_SIDE:
            return None
        if self._window is None:
            self._window = np.asarray(cv2.createHanningWindow(self._size, cv2.CV_32F), np.float32)
        # OpenCV multiplies the window into its inputs.
        (x, y), response = cv2.phaseCorrelate(model.contrast.copy(), now.local.copy(), self._window)
        far = math.hypot(x, y)
        if response <= _LEAST_RESPONSE or not _LEAST < far / self._unit_px < _MOST:
            return None
        moved = self._moved(model.contrast, x, y)
        left = cv2.blur(np.abs((now.local - moved) * now.weight), (3, 3)) > model.limit
        if np.count_nonzero(left) >= _LEFT * changed:
            return None
        return Shift(moved, self._moved(model.log, x, y), (int(abs(x)) + 4, int(abs(y)) + 4))

    def _moved(self, plane: Plane, x: float, y: float) -> Plane:
        by = np.array([[1, 0, x], [0, 1, y]], np.float32)
        return np.asarray(
            cv2.warpAffine(plane, by, self._size, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
