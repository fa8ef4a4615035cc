"""Light as the trigger, as in a fridge whose door is opened."""

import cv2

from app.frames import Image, Polygon
from app.motion.background import visible_mask
from app.motion.base import MotionModel, MotionSettings, Sighting

#: One line in this many is enough for the mean of a picture.
_LINE_STEP = 4
#: Black in video levels, which have a span of 219.
_VIDEO_BLACK = 16


class LightMotion(MotionModel):
    """Reports motion while the picture is bright. *masks* are areas that are never judged.

    The picture becomes bright when its mean exceeds `thresh` grey levels, of 255 between black and
    white. It becomes dark again when the mean falls below `thresh` by more than
    `hysteresis_levels`.
    """

    def __init__(self, settings: MotionSettings, masks: tuple[Polygon, ...] = ()) -> None:
        self.debounce_s = settings.debounce_s
        self._thresh = settings.thresh
        self._dark_below = settings.thresh - settings.hysteresis_levels
        self._masks = masks
        self._visible: Image | None = None
        self._bright = False

    def judge(
        self,
        luma: Image,
        span: int = 255,
        at_s: float | None = None,  # noqa: ARG002
    ) -> Sighting:
        level = self.level(luma, span)
        if self._bright:
            self._bright = level >= self._dark_below
        else:
            self._bright = level > self._thresh
        return Sighting(motion=self._bright, area_px=0.0, boxes=(), learning=False, level=level)

    def level(self, luma: Image, span: int) -> float:
        """Return the mean of the visible part of *luma*, scaled to black 0 and white 255."""
        lines = luma[::_LINE_STEP]
        if self._masks and (self._visible is None or self._visible.shape != lines.shape):
            self._visible = visible_mask(self._masks, (lines.shape[0], lines.shape[1]))
        black = _VIDEO_BLACK if span < 255 else 0
        return (cv2.mean(lines, self._visible)[0] - black) * 255 / span

    def relearn(self) -> None:
        self._bright = False
