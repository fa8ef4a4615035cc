"""Finds out whether something still lives in a confirmed track, or is a thing or a hole."""

from dataclasses import dataclass

import cv2
import numpy as np

from app.frames import Image
from app.motion.contrast import Contrast
from app.motion.scene_model import SceneModel, region_of
from app.motion.tracks import Track

#: A pixel lives when it has changed by so many times its noise since the last picture, and by so
#: many times what half of the picture's pixels have changed. The noise alone is out of date after
#: the light has changed.
_LIFE_NOISE, _LIFE_CALM = 1.6, 1.8
#: The usual median of the change, as a part of the noise.
_USUAL_MEDIAN = 0.85
#: The least living pixels: a number, and a share of the track's area.
_LEAST_PIXELS, _LEAST_SHARE = 4, 0.03
#: A hole: the background has edges along the outline that are stronger than the picture's by this.
_HOLE_EDGES = 1.3
_HOLE_SURE, _HOLE_AFTER_S = 0.7, 1.5
#: Seconds after which something that never went as far as its own size is part of the room.
_UNMOVED_AFTER_S = 10.0
_GRADIENT = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Life:
    """Watches confirmed tracks. Something put down is part of the room after *absorb_s*."""

    absorb_s: float

    def is_over(
        self, track: Track, now: Contrast, model: SceneModel, closed: Image, at_s: float
    ) -> bool:
        """Return whether *track*, seen at *at_s*, is now part of the room.

        *closed* is the mask of changed pixels with its gaps closed.
        """
        if _lives(track, now, model):
            track.alive_s = at_s
        else:
            is_hole = _is_hole(track, now, model, closed)
            track.ghost = 0.5 * track.ghost + 0.5 * is_hole
        still_s = at_s - track.alive_s
        if track.ghost > _HOLE_SURE and still_s > _HOLE_AFTER_S:
            return True
        has_gone = track.came_closer or track.travel_px > track.side_px
        return still_s > (self.absorb_s if has_gone else min(self.absorb_s, _UNMOVED_AFTER_S))


def _lives(track: Track, now: Contrast, model: SceneModel) -> bool:
    region = region_of(track.box, model.shape)
    change = cv2.absdiff(now.local[region], now.before[region])
    cv2.multiply(change, now.weight[region], dst=change)
    change = cv2.blur(change, (3, 3))
    sample = np.abs(now.local[::4, ::4] - now.before[::4, ::4]) * now.weight[::4, ::4]
    middle = sample.size // 2
    sample = sample.ravel()
    sample.partition(middle)
    calm = float(sample[middle]) / _USUAL_MEDIAN
    # Only pixels above the calm of the picture can live, so the others are cleared.
    _, change = cv2.threshold(change, _LIFE_CALM * calm, 0, cv2.THRESH_TOZERO)
    living = cv2.countNonZero(cv2.compare(change, _LIFE_NOISE * model.noise[region], cv2.CMP_GT))
    return living > max(_LEAST_PIXELS, _LEAST_SHARE * track.area_px)


def _is_hole(track: Track, now: Contrast, model: SceneModel, closed: Image) -> bool:
    region = region_of(track.box, model.shape, 2)
    rim = cv2.morphologyEx(closed[region], cv2.MORPH_GRADIENT, _GRADIENT) > 0
    behind = float(np.abs(model.contrast[region][rim]).sum())
    before = float(np.abs(now.local[region][rim]).sum())
    return behind > _HOLE_EDGES * before
