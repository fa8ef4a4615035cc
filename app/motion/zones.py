"""Named parts of the picture with rules of their own."""

from collections.abc import Sequence

import cv2
import numpy as np

from app.frames import Box
from app.motion.base import Zone


class Zones:
    """The *zones* of a picture of *shape*, (rows, columns); the first of several wins."""

    def __init__(self, zones: Sequence[Zone], shape: tuple[int, int]) -> None:
        self._zones = zones
        self._numbers = np.zeros(shape, np.uint8)
        rows, columns = shape
        for number, zone in reversed(list(enumerate(zones, 1))):
            corners = np.rint(np.array(zone.area) * (columns - 1, rows - 1)).astype(np.int32)
            cv2.fillPoly(self._numbers, [corners], number)

    def of(self, box: Box) -> Zone | None:
        """Return the zone in which something stands whose small *box* is given; None outside."""
        rows, columns = self._numbers.shape
        row = min(box.y + box.height - 1, rows - 1)
        column = min(box.x + box.width // 2, columns - 1)
        number = int(self._numbers[row, column])
        return self._zones[number - 1] if number else None
