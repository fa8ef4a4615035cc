"""The local contrast of a picture, which light hardly changes.

Light multiplies what a surface sends back. In the logarithm of the luma a change of light is a
constant added to a neighbourhood, and the difference from the local mean does not have it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Image

Plane = NDArray[np.float32]
#: The side of the neighbourhood in pixels of a picture of `REFERENCE_PX`. With 15 soft light shows,
#: with 5 people in the colours of the room hide.
_NEIGHBOURHOOD = 7
#: The square root of the number of pixels at which lengths here are given: 160 x 98.
REFERENCE_PX = 125.0
#: The logarithm is scaled so that one step is one grey level at luma 100, and lifted by
#: `_DARK_LEVELS`, or noise in the dark would be magnified.
_SCALE, _DARK_LEVELS = 108.0, 8.0
#: Above the first level a pixel counts less, from the second not at all: a clipped patch looks like
#: hidden texture.
_BRIGHT_LEVEL, _CLIPPED_LEVEL = 225.0, 250.0
_VIDEO_BLACK = 16


def unit_px(shape: tuple[int, int]) -> float:
    """Return the length in pixels of *shape*, (rows, columns), of one pixel of the reference."""
    return float(np.sqrt(shape[0] * shape[1])) / REFERENCE_PX


def odd(length: float) -> int:
    """Return the odd number nearest to *length*, at least 3."""
    return max(3, 2 * round((length - 1) / 2) + 1)


class Contrast:
    """The contrast of pictures of one *shape*, (rows, columns), in which white is *span* above
    black.

    `log` is the scaled logarithm of the luma, `local` the logarithm less its local mean, `before`
    the same of the picture before, and `weight` turns both back into grey levels. All are float32.
    """

    def __init__(self, shape: tuple[int, int], span: int) -> None:
        black = _VIDEO_BLACK if span < 255 else 0
        levels = np.clip((np.arange(256, dtype=np.float32) - black) * 255 / span, 0, 255)
        taper = np.clip((_CLIPPED_LEVEL - levels) / (_CLIPPED_LEVEL - _BRIGHT_LEVEL), 0, 1)
        self._logs = (_SCALE * np.log(levels + _DARK_LEVELS)).astype(np.float32)
        self._weights = ((levels + _DARK_LEVELS) / _SCALE * taper).astype(np.float32)
        side = odd(_NEIGHBOURHOOD * unit_px(shape))
        self._side = (side, side)
        self.span = span
        self.log, self.local, self.before, self.weight, self._mean = (
            np.zeros(shape, np.float32) for _ in range(5)
        )

    def take(self, small: Image) -> None:
        """Take the next picture, (rows, columns) uint8."""
        self.local, self.before = self.before, self.local
        cv2.LUT(small, self._logs, dst=self.log)
        cv2.blur(self.log, self._side, dst=self._mean)
        cv2.subtract(self.log, self._mean, dst=self.local)

    def weigh(self, small: Image) -> None:
        """Set `weight` for *small*, the picture that was taken last."""
        cv2.LUT(small, self._weights, dst=self.weight)

    def log_of(self, small: Image) -> Plane:
        """Return the scaled logarithm of another picture."""
        return np.asarray(cv2.LUT(small, self._logs), np.float32)

    def picture_of(self, log: Plane) -> Image:
        """Return the luma, (rows, columns) uint8, whose scaled logarithm is *log*."""
        levels = np.exp(log / _SCALE) - _DARK_LEVELS
        return np.asarray(np.clip(levels * self.span / 255, 0, 255), np.uint8)


def log_ratio(scaled: float) -> float:
    """Return a difference of scaled logarithms as the natural logarithm of a ratio."""
    return scaled / _SCALE
