"""Finds out whether the light of the whole picture is changing now."""

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike

from app.frames import Box, Image
from app.motion.blobs import TEXTURED_LEVELS, Blob
from app.motion.contrast import Contrast, Plane
from app.motion.scene_model import SceneModel

#: The side of a block in small pixels: a power of two, since OpenCV is fast at halving. Single
#: pixels would fire on noise at night.
_BLOCK_PX = 8
#: Blocks are compared with those of so many seconds before.
_AGO_S = 0.35
#: The scaled logarithm by which a block has changed (6.5 %), and the share of blocks that must.
_STEP, _SHARE = 7.0, 0.4
#: Outside the largest blob this share of blocks must have changed too.
_SHARE_OUTSIDE = 0.3
#: Less of the texture is kept where the light changes in a real room.
_KEPT_OUTSIDE = 0.92
_KEPT_SHARE = 0.5
#: Light may also multiply the contrast of a neighbourhood: the least gain, and the most.
_GAINS = 0.2, 5.0
_MOST_BLOBS = 2
#: Seconds after the last change for which the light still counts as changing.
_LASTS_S = 0.15


class LightChange:
    """The means of blocks of the last pictures of one *shape*, (rows, columns)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        rows, columns = (_BLOCK_PX * max(1, side // _BLOCK_PX) for side in shape)
        self._whole = slice(0, rows), slice(0, columns)
        self._halves = [np.empty((rows // by, columns // by), np.uint8) for by in (2, 4, 8)]
        self._past: deque[tuple[float, Plane]] = deque()
        #: Not 0 where a block has changed.
        self._stepped: MatLike = np.zeros(self._halves[-1].shape, np.float32)
        self._until_s = -1.0

    def take(self, small: Image, now: Contrast, at_s: float) -> None:
        """Take the next picture, *at_s* seconds on the clock of the source."""
        means = small[self._whole]
        for half in self._halves:
            cv2.resize(means, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
            means = half
        blocks = now.log_of(means)
        while len(self._past) > 1 and at_s - self._past[1][0] >= _AGO_S:
            self._past.popleft()
        if self._past and at_s - self._past[0][0] >= _AGO_S:
            change = cv2.absdiff(blocks, self._past[0][1])
            _, self._stepped = cv2.threshold(change, _STEP, 255, cv2.THRESH_BINARY)
            if cv2.countNonZero(self._stepped) > _SHARE * blocks.size:
                self._until_s = at_s + _LASTS_S
        self._past.append((at_s, blocks))

    def is_changing(
        self, at_s: float, blobs: Sequence[Blob], now: Contrast, model: SceneModel
    ) -> bool:
        """Return whether what is seen at *at_s* may be the work of light.

        Somebody close to the camera changes much of the picture too, but not what is around him.
        """
        if at_s >= self._until_s:
            return False
        largest = max(blobs, key=lambda blob: blob.area_px).box if blobs else None
        if largest and self._is_quiet_outside(largest):
            return False
        return len(blobs) > _MOST_BLOBS or _loses_texture_outside(largest, now, model)

    def _is_quiet_outside(self, box: Box) -> bool:
        outside = np.ones(self._stepped.shape, np.bool_)
        side = _BLOCK_PX
        rows = slice(max(0, box.y // side - 1), (box.y + box.height) // side + 1)
        columns = slice(max(0, box.x // side - 1), (box.x + box.width) // side + 1)
        outside[rows, columns] = False
        blocks = max(1, int(np.count_nonzero(outside)))
        stepped = int(np.count_nonzero(self._stepped[outside]))
        return stepped < _SHARE_OUTSIDE * blocks


def _loses_texture_outside(box: Box | None, now: Contrast, model: SceneModel) -> bool:
    strength = np.abs(model.contrast)
    textured = (strength * model.weight > TEXTURED_LEVELS + 1).astype(np.uint8)
    if box:
        textured[box.y : box.y + box.height, box.x : box.x + box.width] = 0
    gain = _gain(now.local, model.contrast)
    near = cv2.compare(
        np.abs(now.local - gain * model.contrast), gain * strength * _KEPT_SHARE, cv2.CMP_LT
    )
    kept = cv2.countNonZero(cv2.bitwise_and(near, textured))
    return kept < _KEPT_OUTSIDE * cv2.countNonZero(textured)


def _gain(now: Plane, before: Plane) -> Plane:
    """Return the factor between two contrasts in the neighbourhood of each pixel."""
    size = (before.shape[1] // _BLOCK_PX or 1, before.shape[0] // _BLOCK_PX or 1)
    both = cv2.resize(now * before, size, interpolation=cv2.INTER_AREA)
    squares = cv2.resize(before * before, size, interpolation=cv2.INTER_AREA)
    gain = np.clip(both / np.maximum(squares, 1e-6), *_GAINS)
    return np.asarray(cv2.resize(gain, before.shape[::-1]), np.float32)
