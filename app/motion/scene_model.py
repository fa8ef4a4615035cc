"""The learned background of a scene: its contrast, its brightness, and how much each pixel varies.

A pixel has changed when its contrast differs from the learned one by more than it varies anyway,
and by more than a small shift of the camera would explain at the background's own edges.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from app.frames import Box, Image
from app.motion.contrast import Contrast, Plane

Region = tuple[slice, slice]

#: Seconds in which the mean forgets about two thirds of what it knew.
_MEMORY_S = 2.0
#: The noise of a pixel rises by this share of its excess in a second, and falls by this share.
_NOISE_UP, _NOISE_DOWN = 0.4, 0.03
_CALIBRATION_UP, _CALIBRATION_DOWN = 1.5, 0.5
#: Grey levels: the least noise of a pixel, and its noise at the start.
_LEAST_NOISE, _FIRST_NOISE = 0.9, 2.5
#: A change must exceed this many times the noise, plus this share of the edges nearby.
_NOISE_FACTOR, _EDGE_SHARE = 1.35, 0.40
#: Three quarters of the pixels of an unchanged picture differ by less than this times their noise.
USUAL_QUARTILE = 0.88
_REFRESH_EVERY_S, _NOISE_EVERY_S = 1.0, 0.19
_COPY_EVERY_S = 2.5


@dataclass(frozen=True, slots=True)
class ModelParts:
    """The parts of the model that can be switched off, to see what each is worth."""

    edge_tolerance: bool = True
    learned_noise: bool = True


class SceneModel:
    """The looks of a scene of one *shape*, (rows, columns), when nobody is in it.

    `contrast` and `log` are running means, `noise` is the upper part of what each pixel varies, in
    grey levels, and `edges` the strength of the edges nearby. `residual` is the difference of the
    last picture, in grey levels; `change` is its smoothed size and `limit` what it must exceed.
    """

    def __init__(self, shape: tuple[int, int], parts: ModelParts | None = None) -> None:
        self._parts = parts or ModelParts()
        self.shape = shape
        self.contrast, self.log, self.noise, self.edges = self._planes(4)
        self.residual, self.change, self.limit, self._scratch = self._planes(4)
        self.changed: Image = np.zeros(shape, np.uint8)
        #: The noise that half of the pixels stay below, in grey levels; it is measured rarely.
        self.median_noise = _FIRST_NOISE
        self._refreshed_s = self._copied_at_s = -math.inf
        self._unlearned_s = 0.0
        self._copies: list[tuple[Plane, Plane]] = []
        self._frozen: list[Region] = []
        self.noise[:] = _FIRST_NOISE
        #: The weights of the last compared picture, which turn contrast into grey levels.
        self.weight = self._scratch

    def _planes(self, count: int) -> Iterator[Plane]:
        return (np.zeros(self.shape, np.float32) for _ in range(count))

    # --- comparing ---

    def compare(self, now: Contrast) -> int:
        """Compare the last picture of *now*; return the number of changed pixels."""
        self.weight = now.weight
        cv2.subtract(now.local, self.contrast, dst=self.residual)
        cv2.multiply(self.residual, now.weight, dst=self.residual)
        np.abs(self.residual, out=self._scratch)
        cv2.blur(self._scratch, (3, 3), dst=self.change)
        cv2.multiply(now.weight, self.edges, dst=self.limit)
        cv2.scaleAdd(self.noise, _NOISE_FACTOR, self.limit, dst=self.limit)
        return self._mark()

    def raise_limit(self, factor: float) -> int:
        """Raise the limit for this picture, whose noise has risen; return the changed pixels."""
        self.limit *= factor
        return self._mark()

    def _mark(self) -> int:
        cv2.compare(self.change, self.limit, cv2.CMP_GT, dst=self.changed)
        return cv2.countNonZero(self.changed)

    def quartile(self) -> float:
        """Return the change that three quarters of the pixels stay below, as a part of the noise.

        It rises over `USUAL_QUARTILE` when the noise of the whole picture rises, as encoders make
        it pulse.
        """
        ratio = (self.change[::6, ::6] / self.noise[::6, ::6]).ravel()
        place = ratio.size * 3 // 4
        ratio.partition(place)
        return float(ratio[place])

    def usual_noise(self) -> float:
        """Return the noise that a quarter of the pixels stay below, in grey levels."""
        return self._noise_of(1 / 4)

    def _noise_of(self, share: float) -> float:
        sample = self.noise[::4, ::4].flatten()
        place = int(sample.size * share)
        sample.partition(place)
        return float(sample[place])

    # --- learning ---

    def begin(self, now: Contrast) -> None:
        """Take the last picture of *now* for the background."""
        self.contrast[:] = now.local
        self.log[:] = now.log
        np.maximum(self.noise, _LEAST_NOISE, out=self.noise)
        self._learn_edges()
        self.median_noise = self._noise_of(1 / 2)
        self._copies = [(self.contrast.copy(), self.noise.copy())]

    def calibrate(self, now: Contrast, age_s: float, dt_s: float, at_s: float) -> None:
        """Learn quickly from a picture *age_s* seconds after the start, *dt_s* after the last."""
        share = max(_share(dt_s, _MEMORY_S), min(1.0, dt_s / max(age_s, dt_s)))
        self._average(now, share)
        self._learn_noise(1 - math.exp(-_CALIBRATION_UP * dt_s), _CALIBRATION_DOWN * dt_s)
        self._refresh(at_s)
        self.median_noise = self._noise_of(1 / 2)

    def learn(self, now: Contrast, dt_s: float, at_s: float) -> None:
        """Learn the last picture, *dt_s* after the one before."""
        self._average(now, _share(dt_s, _MEMORY_S))
        self._unlearned_s += dt_s
        if self._parts.learned_noise and self._unlearned_s >= _NOISE_EVERY_S:
            self._learn_noise(
                1 - math.exp(-_NOISE_UP * self._unlearned_s), _NOISE_DOWN * self._unlearned_s
            )
            self._unlearned_s = 0.0
        if at_s - self._copied_at_s >= _COPY_EVERY_S:
            self._copied_at_s = at_s
            self._copies = [*self._copies[-1:], (self.contrast.copy(), self.noise.copy())]
        self._refresh(at_s)

    def hurry(self, now: Contrast, frozen: Iterable[Region], share: float) -> None:
        """Learn *share* of the last picture at once, except in the regions *frozen*."""
        with self.kept(frozen):
            self._average(now, share)
        self._learn_edges()
        self.median_noise = self._noise_of(1 / 2)

    def hurry_in(self, now: Contrast, region: Region, share: float) -> None:
        """Learn *share* of the last picture at once, in *region*."""
        self.contrast[region] += share * (now.local[region] - self.contrast[region])

    def absorb(self, now: Contrast, region: Region) -> None:
        """Take the last picture for the background in *region*."""
        self.contrast[region] = now.local[region]
        self.log[region] = now.log[region]

    def put_back(self, region: Region) -> None:
        """Put contrast and noise in *region* back to what they were some seconds ago."""
        contrast, noise = self._copies[0]
        self.contrast[region] = contrast[region]
        self.noise[region] = noise[region]

    def raise_noise(self) -> None:
        """Let the noise rise by a tenth of its excess: the whole picture has changed."""
        self._learn_noise(0.1, 0.0)

    def shift(self, moved: Plane, log: Plane, now: Contrast, rim: tuple[int, int]) -> None:
        """Take the shifted background *moved* and *log*, and the picture at the *rim* (x, y)."""
        self.contrast[:], self.log[:] = moved, log
        across, down = rim
        everywhere = slice(None)
        for region in (
            (everywhere, slice(0, across)),
            (everywhere, slice(-across, None)),
            (slice(0, down), everywhere),
            (slice(-down, None), everywhere),
        ):
            self.absorb(now, region)
        self._learn_edges()
        self._copies = [(self.contrast.copy(), self.noise.copy())]

    @contextmanager
    def kept(self, frozen: Iterable[Region]) -> Iterator[None]:
        """Leave the regions *frozen* as they are, whatever is learned inside."""
        self._frozen = list(frozen)
        saved = [(one, self.contrast[one].copy(), self.log[one].copy()) for one in self._frozen]
        yield
        for one, contrast, log in saved:
            self.contrast[one], self.log[one] = contrast, log
        self._frozen = []

    def _average(self, now: Contrast, share: float) -> None:
        cv2.accumulateWeighted(now.local, self.contrast, share)
        cv2.accumulateWeighted(now.log, self.log, share)

    def _learn_noise(self, up: float, down: float) -> None:
        cv2.subtract(self.change, self.noise, dst=self._scratch)
        for region in self._frozen:
            self._scratch[region] = 0
        cv2.scaleAdd(self._scratch, down, self.noise, dst=self.noise)
        # Only the excess is kept; numpy's maximum takes three times as long.
        cv2.threshold(self._scratch, 0, 0, cv2.THRESH_TOZERO, dst=self._scratch)
        cv2.scaleAdd(self._scratch, up - down, self.noise, dst=self.noise)
        np.maximum(self.noise, _LEAST_NOISE, out=self.noise)

    def _refresh(self, at_s: float) -> None:
        if at_s - self._refreshed_s >= _REFRESH_EVERY_S:
            self._refreshed_s = at_s
            self._learn_edges()
            self.median_noise = self._noise_of(1 / 2)

    def _learn_edges(self) -> None:
        if self._parts.edge_tolerance:
            np.abs(self.contrast, out=self._scratch)
            cv2.blur(self._scratch, (3, 3), dst=self.edges)
            self.edges *= _EDGE_SHARE


def _share(dt_s: float, memory_s: float) -> float:
    return 1 - math.exp(-dt_s / memory_s)


def region_of(box: Box, shape: tuple[int, int], margin: int = 0) -> Region:
    """Return *box* with a *margin* in pixels, cut at the edges of a picture of *shape*."""
    return (
        slice(max(0, box.y - margin), min(shape[0], box.y + box.height + margin)),
        slice(max(0, box.x - margin), min(shape[1], box.x + box.width + margin)),
    )
