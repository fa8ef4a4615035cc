"""Light as the trigger: is it bright, as in a fridge whose door is open?"""

import cv2

from app.frames import Image
from app.motion.background import visible
from app.motion.base import MotionModel, MotionSettings, Polygon, Sighting

#: One line of so many is looked at; the mean of a picture needs no more.
_EVERY_LINE = 4
#: Where video levels, 219 apart, have their black.
_VIDEO_BLACK = 16


class LightMotion(MotionModel):
    """Takes a picture for "motion" while it is bright. *masks* are what is never looked at.

    It becomes bright when its mean exceeds `thresh` grey levels, of 255 between black and white,
    and dark again when that falls below `thresh` by more than `hysteresis_levels`.
    """

    def __init__(self, settings: MotionSettings, masks: tuple[Polygon, ...] = ()) -> None:
        self.debounce_s = settings.debounce_s
        self._thresh = settings.thresh
        self._dark_below = settings.thresh - settings.hysteresis_levels
        self._masks = masks
        self._visible: Image | None = None
        self._bright = False

    def judge(self, luma: Image, span: int = 255) -> Sighting:
        level = self.level(luma, span)
        self._bright = level >= self._dark_below if self._bright else level > self._thresh
        return Sighting(motion=self._bright, area_px=0.0, boxes=(), learning=False, level=level)

    def level(self, luma: Image, span: int) -> float:
        """The mean of what is visible in *luma*, as if black were 0 and white 255."""
        lines = luma[::_EVERY_LINE]
        if self._masks and (self._visible is None or self._visible.shape != lines.shape):
            self._visible = visible(self._masks, (lines.shape[0], lines.shape[1]))
        black = _VIDEO_BLACK if span < 255 else 0
        return (cv2.mean(lines, self._visible)[0] - black) * 255 / span

    def relearn(self) -> None:
        self._bright = False
