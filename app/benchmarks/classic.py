"""The classic motion pipeline; the benchmark and tests compare our pipeline with it.

Many projects have it in this form. The product itself does not use it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Image
from app.motion.base import MotionSettings


class ClassicMotion:
    """Compares pictures with a running average in float.

    It takes colour pictures of any size, and makes them grey, blurred and `frame_width` wide.
    """

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._average: NDArray[np.float32] | None = None

    def judge(self, bgr: Image) -> tuple[bool, float]:
        """Return whether the next picture shows motion, and its largest moving area in pixels.

        *bgr* is (rows, columns, BGR) uint8.
        """
        grey = self.blur(self.grey(self.resize(bgr)))
        area_px = self.outline(self.mark(self.compare(grey)))
        return area_px > self._settings.min_area, area_px

    def resize(self, bgr: Image) -> Image:
        """Return the picture, `frame_width` wide."""
        rows, columns = bgr.shape[:2]
        width = self._settings.frame_width
        size = width, int(rows * width / columns)
        return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)

    def grey(self, bgr: Image) -> Image:
        """Return the picture without its colour."""
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)

    def blur(self, grey: Image) -> Image:
        """Return the picture, blurred."""
        return np.asarray(cv2.GaussianBlur(grey, self._settings.ksize, 0), np.uint8)

    def compare(self, grey: Image) -> Image:
        """Update the average with the picture, and return the difference between the two."""
        if self._average is None:
            self._average = grey.astype(np.float32)
        cv2.accumulateWeighted(grey, self._average, self._settings.alpha)
        return np.asarray(cv2.absdiff(grey, cv2.convertScaleAbs(self._average)), np.uint8)

    def mark(self, delta: Image) -> Image:
        """Return a picture that is 255 where the difference is large, and in a rim around it."""
        _, marked = cv2.threshold(delta, self._settings.delta_thresh, 255, cv2.THRESH_BINARY)
        square = np.ones((3, 3), np.uint8)
        dilated = cv2.dilate(marked, square, iterations=self._settings.dilate_iterations)
        return np.asarray(dilated, np.uint8)

    def outline(self, marked: Image) -> float:
        """Return the largest area in pixels."""
        contours, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return max((cv2.contourArea(contour) for contour in contours), default=0.0)
