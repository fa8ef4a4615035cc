"""The plain classic pipeline, as many have written it: the measuring stick of the bench and the
tests, no part of the product.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Image
from app.motion.base import MotionSettings


class ClassicMotion:
    """Running average over blurred grey pictures `frame_width` wide, in float, made from colour
    pictures of any size.
    """

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._average: NDArray[np.float32] | None = None

    def look(self, bgr: Image) -> tuple[bool, float]:
        """Whether the next picture, (rows, columns, BGR) uint8, shows motion, and its largest
        moving area.
        """
        grey = self.blur(self.grey(self.resize(bgr)))
        area_px = self.outline(self.mark(self.compare(grey)))
        return area_px > self._settings.min_area, area_px

    def resize(self, bgr: Image) -> Image:
        """The picture, `frame_width` wide."""
        rows, columns = bgr.shape[:2]
        width = self._settings.frame_width
        return np.asarray(
            cv2.resize(bgr, (width, int(rows * width / columns)), interpolation=cv2.INTER_AREA),
            np.uint8,
        )

    def grey(self, bgr: Image) -> Image:
        """The picture without its colour."""
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)

    def blur(self, grey: Image) -> Image:
        """The picture, blurred."""
        return np.asarray(cv2.GaussianBlur(grey, self._settings.ksize, 0), np.uint8)

    def compare(self, grey: Image) -> Image:
        """How far the picture is from the average, which it flows into."""
        if self._average is None:
            self._average = grey.astype(np.float32)
        cv2.accumulateWeighted(grey, self._average, self._settings.alpha)
        return np.asarray(cv2.absdiff(grey, cv2.convertScaleAbs(self._average)), np.uint8)

    def mark(self, delta: Image) -> Image:
        """255 where the difference is large, and around there."""
        _, marked = cv2.threshold(delta, self._settings.delta_thresh, 255, cv2.THRESH_BINARY)
        return np.asarray(
            cv2.dilate(
                marked, np.ones((3, 3), np.uint8), iterations=self._settings.dilate_iterations
            ),
            np.uint8,
        )

    def outline(self, marked: Image) -> float:
        """The largest area, in pixels."""
        contours, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return max((cv2.contourArea(contour) for contour in contours), default=0.0)
