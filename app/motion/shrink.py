"""Making a picture small, cheaply."""

import cv2
import numpy as np

from app.frames import Image

SMALLEST_WIDTH = 128


class Shrink:
    """Area-averages pictures of one *shape*, (rows, columns), to a width of 128 to 255, by a
    *factor* that is a power of two.

    Narrower pictures stay as they are. At most `factor - 1` pixels at the right and at the bottom
    are left out.
    """

    # OpenCV has a fast path for halving and none for other factors: twice by 2 takes a seventh of
    # the time of once by 4.
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
        """The small picture, (rows, columns) uint8; the next call writes over it."""
        for rows, columns, half in self._steps:
            cv2.resize(
                picture[:rows, :columns],
                (columns // 2, rows // 2),
                dst=half,
                interpolation=cv2.INTER_AREA,
            )
            picture = half
        return picture
