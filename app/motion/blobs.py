"""Blobs of changed pixels, and what each does to the background: hide it, or only light it."""

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike

from app.frames import Box, Image
from app.motion.contrast import Contrast, Plane, log_ratio, odd, unit_px
from app.motion.scene_model import SceneModel

#: The side of the gaps that are closed, in pixels of the reference.
_GAP = 5
#: A pixel of the background is textured with more than so many grey levels, and times its noise.
TEXTURED_LEVELS, _TEXTURED_NOISE = 5.0, 2.0
#: The share of the picture that is textured, from which texture can be judged at all.
SOME_TEXTURE = 0.0021
#: Texture is kept where the picture differs by less than this share of it.
KEPT_SHARE = 0.5
#: Light multiplies the contrast of all texture by one gain between these two in a picture that is
#: inverted, hazy or stretched. More than that share of the texture must have it.
_LEAST_GAIN, _MOST_GAIN, _GAIN_SHARE = 0.2, 5.0, 0.5
#: The finest texture is the difference from the nearest pixels, of at least so many grey levels.
#: Beside the edge of a shadow or a beam it is kept, where the contrast of a neighbourhood is not.
_FINE_LEVELS = 3.0
#: An edge is sharp where it differs from its own surroundings by so many levels, and times noise.
_SHARP_LEVELS, _SHARP_NOISE = 3.0, 2.2
#: The width of the frame around a blob whose light is compared with it.
_SURROUNDINGS = 5
_SHORTEST_OUTLINE = 12
_COUNTS = ("textured", "kept", "fine", "fine_kept", "sharp", "extent")


@dataclass(frozen=True, slots=True)
class Blob:
    """An outline of changed pixels, filled: its *box* and *area_px* in small pixels."""

    box: Box
    area_px: float
    outline: MatLike


@dataclass(slots=True)
class Traits:
    """The marks of a blob, or of several of one track, on the background.

    *textured* counts the pixels of the background with texture, *kept* those of them that still
    show it, *fine* and *fine_kept* the same of the finest texture, *sharp* the pixels with a sharp
    edge of their own, and *extent* width plus height.
    *darkest* and *brightest* are the 5th and 95th percentile of the logarithm of picture over
    background, less the median around the blob.
    """

    textured: float = 0.0
    kept: float = 0.0
    fine: float = 0.0
    fine_kept: float = 0.0
    sharp: float = 0.0
    extent: float = 0.0
    darkest: float = 0.0
    brightest: float = 0.0

    @property
    def kept_share(self) -> float:
        """The share of the background's texture that is still there; 0 where there is none."""
        return self.kept / self.textured if self.textured else 0.0

    @property
    def hidden_share(self) -> float | None:
        """The share of the background's texture that is hidden; None where there is no texture."""
        return 1 - self.kept_share if self.textured else None

    @property
    def fine_kept_share(self) -> float:
        """The share of the finest texture that is still there; 0 where there is none."""
        return self.fine_kept / self.fine if self.fine else 0.0

    @property
    def sharpness(self) -> float:
        return self.sharp / self.extent if self.extent else 0.0

    def fade(self, share: float) -> None:
        """Keep *share* of all counts."""
        for name in _COUNTS:
            setattr(self, name, share * getattr(self, name))

    def add(self, other: "Traits", weight: float) -> None:
        """Add the counts of *other*, and move the tones towards its by *weight*."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.darkest += weight * (other.darkest - self.darkest)
        self.brightest += weight * (other.brightest - self.brightest)


class BlobFinder:
    """Finds the blobs of at least *least_px* pixels in masks of one *shape*, (rows, columns)."""

    def __init__(self, shape: tuple[int, int], least_px: float) -> None:
        side = odd(_GAP * unit_px(shape))
        self._closing = np.ones((side, side), np.uint8)
        #: The least area of a blob.
        self.least_px = least_px
        #: Smaller blobs, of this area at least, are kept apart.
        self.smallest_px = least_px
        #: The smaller blobs of the last call.
        self.small: list[Blob] = []
        #: The mask of the last call, with its gaps closed.
        self.closed: Image = np.zeros(shape, np.uint8)

    def find(self, changed: Image) -> list[Blob]:
        """Return the blobs in *changed*, 255 where a pixel has changed, (rows, columns) uint8."""
        cv2.morphologyEx(changed, cv2.MORPH_CLOSE, self._closing, dst=self.closed)
        outlines, _ = cv2.findContours(self.closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        blobs: list[Blob] = []
        self.small = []
        for outline in outlines:
            if len(outline) >= _SHORTEST_OUTLINE:
                area_px = cv2.contourArea(outline) + len(outline) / 2 + 1
                if area_px >= self.smallest_px:
                    kind = blobs if area_px >= self.least_px else self.small
                    kind.append(Blob(Box(*cv2.boundingRect(outline)), area_px, outline))
        return blobs


def traits_of(blob: Blob, now: Contrast, model: SceneModel) -> Traits:
    """Return what *blob* does to the background of *model* in the last picture of *now*."""
    box = blob.box
    part = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
    filled = np.zeros((box.height, box.width), np.uint8)
    cv2.drawContours(filled, [blob.outline], -1, 255, cv2.FILLED, offset=(-box.x, -box.y))
    weight, noise = now.weight[part], model.noise[part]
    background = model.contrast[part]
    strength = np.abs(background)
    least = np.maximum(noise * _TEXTURED_NOISE, TEXTURED_LEVELS)
    textured = cv2.bitwise_and(cv2.compare(strength * weight, least, cv2.CMP_GT), filled)
    traits = Traits(textured=cv2.countNonZero(textured), extent=box.width + box.height)
    if traits.textured:
        is_textured = textured > 0
        ratios = now.local[part][is_textured] / background[is_textured]
        traits.kept = _kept(ratios, SOME_TEXTURE * model.noise.size)
    fine = model.residual[part] - cv2.blur(model.residual[part], (3, 3))
    limit = np.maximum(noise * _SHARP_NOISE, _SHARP_LEVELS)
    sharp = cv2.compare(np.abs(fine), limit, cv2.CMP_GT)
    traits.sharp = cv2.countNonZero(cv2.bitwise_and(sharp, filled))
    finest = np.abs((background - cv2.blur(background, (3, 3))) * weight)
    least = np.maximum(noise * _SHARP_NOISE, _FINE_LEVELS)
    textured = cv2.bitwise_and(cv2.compare(finest, least, cv2.CMP_GT), filled)
    traits.fine = cv2.countNonZero(textured)
    kept = cv2.compare(np.abs(fine), KEPT_SHARE * finest, cv2.CMP_LT)
    traits.fine_kept = cv2.countNonZero(cv2.bitwise_and(kept, textured))
    traits.darkest, traits.brightest = _tones(box, filled, now, model)
    return traits


def _kept(ratios: Plane, least: float) -> int:
    """Return how many *ratios* of picture over background are the work of light.

    These are about 1; or about the median, if it is that of most, and they are at least *least*.
    """
    if ratios.size >= least:
        middle = ratios.size // 2
        gain = float(np.partition(ratios, middle)[middle])
        if _LEAST_GAIN < gain < _MOST_GAIN:
            kept = _near(ratios, gain)
            if kept > _GAIN_SHARE * ratios.size:
                return kept
    return _near(ratios, 1.0)


def _near(ratios: Plane, gain: float) -> int:
    return int(np.count_nonzero(np.abs(ratios - gain) < KEPT_SHARE * gain))


def _tones(box: Box, filled: Image, now: Contrast, model: SceneModel) -> tuple[float, float]:
    margin = round(_SURROUNDINGS * unit_px(model.shape))
    top, left = max(0, box.y - margin), max(0, box.x - margin)
    around = (
        slice(top, min(model.shape[0], box.y + box.height + margin)),
        slice(left, min(model.shape[1], box.x + box.width + margin)),
    )
    ratio = now.log[around] - model.log[around]
    inner = (
        slice(box.y - top, box.y - top + box.height),
        slice(box.x - left, box.x - left + box.width),
    )
    inside = ratio[inner][filled > 0]
    outer = np.ones(ratio.shape, np.bool_)
    outer[inner] = False
    outside = ratio[outer]
    usual = float(np.median(outside[::2])) if outside.size > 8 else 0.0
    low, high = inside.size // 20, inside.size - 1 - inside.size // 20
    ordered = np.partition(inside, (low, high))
    return log_ratio(float(ordered[low]) - usual), log_ratio(float(ordered[high]) - usual)
