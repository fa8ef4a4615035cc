"""Reduces pictures in size at a low cost."""

import cv2
import numpy as np

from app.frames import Image

SMALLEST_WIDTH = 128


class Shrink:
    """Averages pictures of one *shape*, (rows, columns), down to a width of 128 to 255.

    *factor* is a power of two. Narrower pictures keep their size. At most `factor - 1` pixels at
    the right and at the bottom are left out.
    """

    # OpenCV is fast only at halving: to halve twice takes a seventh of the time of one step by 4.
    def __init__(self, shape: tuple[int, int]) -> None:
        self._steps: list[tuple[int, int, Image]] = []
        self.factor = 1
        rows, columns = shape
        while columns >= 2 * SMALLEST_WIDTH and rows >= 2:
            rows, columns = rows // 2, columns // 2
            self._steps.append((2 * rows, 2 * columns, np.empty((rows, columns), np.uint8)))
            self.factor *= 2
        self.shape = (rows, columns)

    def __call__(self, picture: Image) -> Image:
        """Return the small picture, (rows, columns) uint8; the next call overwrites it."""
        for rows, columns, half in self._steps:
            size = (columns // 2, rows // 2)
            cv2.resize(picture[:rows, :columns], size, dst=half, interpolation=cv2.INTER_AREA)
            picture = half
        return picture
