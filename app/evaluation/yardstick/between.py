"""Pictures between those of a scene: the same scene from a camera that takes more a second."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import cv2
import numpy as np

from app.evaluation.yardstick.drawn import in_grey
from app.evaluation.yardstick.footage import HEIGHT, WIDTH, Pixels
from app.evaluation.yardstick.staging import grain
from app.frames import Frame, Image

#: Motion is looked for in pictures of half the size, and means are taken over so many of their
#: pixels.
_SMALL, _WINDOW = (WIDTH // 2, HEIGHT // 2), (9, 9)
#: Motion counts where following it leaves less than this share of the difference.
_LEFT = 0.65
#: The different pictures of noise, which come in any order.
_GRAINS = 16


def at_rate(frames: Iterable[Frame], fps: int) -> Iterator[Frame]:
    """Yield the scene of *frames* at the higher rate *fps*.

    A picture between two others is a mixture of both. What moves is followed by optical flow, so
    people move evenly; what the flow does not explain, such as light, changes evenly in its place.
    A mixture has less noise than a picture, so as much new noise is added as is missing. A switch
    of light takes the time between two pictures of the scene.
    """
    rng, number, sigma = np.random.default_rng(1), 0, math.inf
    grains = [_unit(grain(rng)) for _ in range(_GRAINS)]
    for one, other in pairwise(frames):
        gap_s, pair, last_sigma = other.at_s - one.at_s, _Pair(one.luma, other.luma), sigma
        sigma = pair.sigma
        while number / fps < other.at_s - 1e-6:
            past_s = number / fps - one.at_s
            # Where light is switched, texture differs too, and looks like noise.
            noise = min(sigma, last_sigma) * grains[rng.integers(_GRAINS)]
            luma = pair.at(past_s / gap_s, noise)
            taken_at = one.taken_at + timedelta(seconds=past_s)
            frame = replace(one, at_s=number / fps, taken_at=taken_at, number=number)
            yield in_grey(frame, luma)
            number += 1


class _Pair:
    """Two pictures of luma, and what moves from *one* to the *other*; *sigma* is their noise."""

    def __init__(self, one: Image, other: Image) -> None:
        self._one, self._other = one, other
        self._flow = _flow(one, other)
        self.sigma = _noise(one, other)

    def at(self, share: float, noise: Pixels) -> Image:
        """Return the picture after this *share* of the time; *noise* is like that of a picture."""
        if share < 1e-6:
            return self._one
        one, other = self._one, self._other
        if self._flow is not None:
            one = _moved(one, -share * self._flow)
            other = _moved(other, (1 - share) * self._flow)
        missing = math.sqrt(1 - share**2 - (1 - share) ** 2)
        mixed = cv2.addWeighted(one, 1 - share, other, share, 0, dtype=cv2.CV_32F)
        return np.asarray(cv2.convertScaleAbs(cv2.scaleAdd(noise, missing, mixed)), np.uint8)


def _flow(one: Image, other: Image) -> Pixels | None:
    """Return how far each pixel moves in x and y; None where following helps nowhere."""
    first, second = _small(one), _small(other)
    flow = np.asarray(_optical_flow().calc(first, second, None), np.float32)  # type: ignore[call-overload]
    left = cv2.blur(cv2.absdiff(first, _moved(second, flow)), _WINDOW)
    followed = (left < _LEFT * cv2.blur(cv2.absdiff(first, second), _WINDOW)).astype(np.float32)
    # Noise by itself matches in small spots.
    followed = np.asarray(cv2.morphologyEx(followed, cv2.MORPH_OPEN, np.ones(_WINDOW)), np.float32)
    if not followed.any():
        return None
    soft = np.asarray(cv2.blur(followed, _WINDOW))
    return np.asarray(cv2.resize(2 * flow * soft[..., None], (WIDTH, HEIGHT)), np.float32)


def _small(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, _SMALL, interpolation=cv2.INTER_AREA), np.uint8)


def _optical_flow() -> cv2.DISOpticalFlow:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


def _moved(picture: Image, flow: Pixels) -> Image:
    """Return *picture* with the pixel at its place plus *flow* at each place."""
    rows, columns = picture.shape
    x = flow[..., 0] + np.arange(columns, dtype=np.float32)
    y = flow[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _noise(one: Image, other: Image) -> float:
    """Return the noise of each picture in grey levels, where nothing moves and light is even."""
    difference = np.asarray(cv2.subtract(one, other, dtype=cv2.CV_32F), np.float32)
    difference -= np.asarray(cv2.blur(difference, _WINDOW), np.float32)
    variance = np.asarray(cv2.blur(difference * difference, _WINDOW))
    return math.sqrt(float(np.median(variance[::4, ::4])) / 2)


def _unit(noise: Pixels) -> Pixels:
    return np.asarray(noise / noise.std(), np.float32)
