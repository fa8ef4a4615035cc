"""Changes of the whole picture: the start, noise, and pushes of the camera.

They say nothing of people. The model of the scene is calibrated, allowed more noise, moved, or
learned again; and the picture is judged no further, or by a higher limit.
"""

import math

import cv2
import numpy as np

from app.frames import Image
from app.motion.contrast import Contrast
from app.motion.parts import Parts
from app.motion.rules import Objection, Objections
from app.motion.scene_model import USUAL_QUARTILE, SceneModel
from app.motion.shake import Shake
from app.motion.tracker import Tracker

#: Seconds in which a new scene is learned quickly and nothing is judged: the most, and how long
#: nothing must change until it is known well enough.
CALIBRATION_S, _QUIET_S = 6.0, 1.5
#: The share of changed pixels from which the noise, and then the whole picture, is examined.
_NOISE_SHARE, _UPSET_SHARE = 0.005, 0.04
#: How far the noise must be above its usual level for a higher limit, and to be an upset.
_NOISE_RISES, _NOISE_UPSET = 1.15, 1.5
#: The whole picture is upset when so many of its blocks have changed pixels, in a share over this.
_BLOCKS, _BLOCK_SHARE, _UPSET_BLOCKS = (8, 6), 0.04, 0.7
#: Seconds of an upset in which a shift is looked for, and after which all is learned again.
_SHIFT_TRIES_S, _NOISY_TRIES_S, _RELEARN_AFTER_S, _ADAPT_AFTER_S = 0.3, 0.6, 0.35, 0.6
_ADAPT_PER_S = 2.2
#: Seconds after a shift in which young tracks are dropped.
_SETTLE_S = 1.0


class WholePicture:
    """Finds the changed pixels of pictures, unless the whole picture has changed.

    It keeps *model* right, which is compared with the last picture of *contrast*. Fewer than
    *least_px* changed pixels are none, and so are those outside *visible*, 255 where the masks
    leave the picture; None is everywhere.
    """

    def __init__(
        self,
        contrast: Contrast,
        model: SceneModel,
        tracker: Tracker,
        *,
        objections: Objections,
        parts: Parts,
        least_px: float,
        visible: "Image | None",
    ) -> None:
        self._contrast, self._model = contrast, model
        self._tracker = tracker
        self._objections = objections
        self._parts = parts
        #: The fewest changed pixels that are looked at.
        self.least_px = self._busy_px = least_px
        self._visible = visible
        self._pixels = model.shape[0] * model.shape[1]
        self._shake = Shake(model.shape)
        #: Whether the scene is still learned, and nothing judged.
        self.is_calibrating = True
        self._began_s: float | None = None
        self._busy_s = self._at_s = self._dt_s = 0.0
        self._upset_s = 0.0
        self._settled_s = -math.inf

    @property
    def is_calm(self) -> bool:
        """True when the scene is known and the last picture was no upset."""
        return not self.is_calibrating and not self._upset_s

    def judge(self, at_s: float, dt_s: float) -> int | None:
        """Mark the changed pixels of the picture of *at_s*, *dt_s* after the last.

        Returns their number, or None when nothing in the picture can be judged.
        """
        self._at_s, self._dt_s = at_s, dt_s
        if self._began_s is None:
            self._began_s = self._busy_s = at_s
            self._model.begin(self._contrast)
            return None
        changed = self._outside_masks(self._model.compare(self._contrast))
        if self.is_calibrating:
            self._calibrate(changed, at_s - self._began_s)
            return None
        beyond_noise = self._allow_for_noise(changed)
        if beyond_noise is None:
            return None
        if beyond_noise < self.least_px:
            self._upset_s = 0.0
            return 0
        if self._is_upset(beyond_noise):
            return None
        self._upset_s = max(0.0, self._upset_s - self._dt_s)
        return beyond_noise

    def _outside_masks(self, changed: int) -> int:
        if self._visible is None:
            return changed
        cv2.bitwise_and(self._model.changed, self._visible, dst=self._model.changed)
        return cv2.countNonZero(self._model.changed)

    def _calibrate(self, changed: int, age_s: float) -> None:
        self._model.calibrate(self._contrast, age_s, self._dt_s, self._at_s)
        if changed >= self._busy_px:
            self._busy_s = self._at_s
        self.is_calibrating = age_s < CALIBRATION_S and self._at_s - self._busy_s < _QUIET_S

    def _allow_for_noise(self, changed: int) -> int | None:
        """Return the changed pixels beyond the noise of this picture; None when it is unusable."""
        if not self._parts.noise_bursts or changed <= _NOISE_SHARE * self._pixels:
            return changed
        rise = self._model.quartile() / USUAL_QUARTILE
        if rise > _NOISE_UPSET and changed > _UPSET_SHARE * self._pixels:
            self._upset_s += self._dt_s
            if self._upset_s <= _NOISY_TRIES_S and self._has_shifted(changed):
                return None
            if self._upset_s >= _ADAPT_AFTER_S:
                self._adapt()
        if rise > _NOISE_RISES:
            changed = self._outside_masks(self._model.raise_limit(rise))
            if changed < self.least_px:
                self._objections.add(Objection.NOISE)
        return changed

    def _is_upset(self, changed: int) -> bool:
        """Return whether the whole picture has changed, or has just settled: nothing to judge."""
        if changed > _UPSET_SHARE * self._pixels and self._changed_blocks() > _UPSET_BLOCKS:
            self._upset_s += self._dt_s
            self._objections.add(Objection.SHAKE)
            if self._upset_s <= _SHIFT_TRIES_S and self._has_shifted(changed):
                return True
            if self._upset_s >= _RELEARN_AFTER_S:
                self._begin_again()
            else:
                self._model.raise_noise()
            return True
        if self._at_s < self._settled_s:
            self._tracker.drop_young()
            if not self._tracker.tracks:
                self._objections.add(Objection.SHAKE)
                self._adapt()
                return True
        return False

    def _changed_blocks(self) -> float:
        """Return the share of blocks of the picture in which pixels have changed."""
        blocks = cv2.resize(self._model.changed, _BLOCKS, interpolation=cv2.INTER_AREA)
        return np.count_nonzero(blocks > 255 * _BLOCK_SHARE) / blocks.size

    def _has_shifted(self, changed: int) -> bool:
        """Return whether a move of the camera explains the change; the background then follows."""
        if not self._parts.shift or self._is_somebody(changed):
            return False
        shift = self._shake.shift(self._contrast, self._model, changed)
        if shift is None:
            return False
        self._model.shift(shift.contrast, shift.log, self._contrast, shift.rim)
        self._settled_s = self._at_s + _SETTLE_S
        self._objections.add(Objection.SHAKE)
        return True

    def _is_somebody(self, changed: int) -> bool:
        """Return whether half of the *changed* pixels are under confirmed tracks."""
        under = np.zeros(self._model.shape, np.bool_)
        for region in self._tracker.occupied():
            under[region] = True
        return int(np.count_nonzero(self._model.changed[under])) > changed / 2

    def _adapt(self) -> None:
        share = 1 - math.exp(-_ADAPT_PER_S * self._dt_s)
        self._model.hurry(self._contrast, self._tracker.occupied(), share)

    def _begin_again(self) -> None:
        """Take the picture for the background: the scene is another one."""
        self._model.begin(self._contrast)
        self._tracker.drop_young()
        self._upset_s = 0.0
