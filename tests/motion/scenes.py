"""Drawn scenes for the tests of seeing: a textured room, a figure, light and noise."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Image

ROWS, COLUMNS, FPS = 90, 160, 10
Picture = NDArray[np.float32]


def room(shape: tuple[int, int] = (ROWS, COLUMNS), seed: int = 1) -> Picture:
    """Return an empty room with texture everywhere, (rows, columns) float32 around luma 110."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(60, 160, (shape[0] // 5, shape[1] // 5)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def with_figure(
    picture: Picture, x: float, *, luma: float = 40.0, height: float = 0.6, feet: float = 1.0
) -> Picture:
    """Return *picture* with a person whose middle is at column *x*.

    He is *height* tall and stands at *feet*, both in shares of the picture's height.
    """
    rows = picture.shape[0]
    tall, floor = height * rows, round(feet * rows)
    figure = picture.copy()
    middle = (round(x), round(floor - tall * 0.45))
    cv2.ellipse(figure, middle, (round(tall / 6), round(tall * 0.45)), 0, 0, 360, luma, -1)
    head = (round(x), round(floor - tall * 0.93))
    cv2.circle(figure, head, round(tall / 11), luma + 25, -1)
    stripe = round(tall / 12)
    low, high = (middle[0] - stripe, middle[1] - stripe), (middle[0] + stripe, middle[1])
    cv2.rectangle(figure, low, high, luma + 50, -1)
    return figure


def shown(
    draw: Callable[[float], Picture], seconds: float, *, fps: float = FPS, noise: float = 1.5
) -> Iterator[tuple[float, Image]]:
    """Yield time and picture of what *draw* returns for each time, with the noise of a sensor."""
    random = np.random.default_rng(7)
    for number in range(round(seconds * fps)):
        at_s = number / fps
        picture = draw(at_s)
        grain = random.normal(0, noise, picture.shape)
        yield at_s, np.clip(picture + grain + 0.5, 0, 255).astype(np.uint8)
