"""Scenes in which people come: by day, at night, with the light changing, still, or far away."""

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from app.evaluation.yardstick.footage import FPS, HEIGHT, WIDTH, Footage, Pixels
from app.evaluation.yardstick.light import Rng, clouds, lamp, night
from app.evaluation.yardstick.staging import Staging, Story, disturbances

#: The visits that are seen well in every scene.
_CLEAR = (0, 1, 2, 3, 5)


def plain(among: Sequence[int]) -> Callable[[Rng, Footage], Staging]:
    """Return a scene with the visits *among* in any order."""

    def scene(rng: Rng, footage: Footage) -> Staging:
        return Staging(_visits(rng, footage, _pick(rng, 3, among)))

    return scene


def at_night(rng: Rng, footage: Footage) -> Staging:
    story = _visits(rng, footage, _pick(rng, 3))
    effect = night(rng)
    return Staging(story, effect, rng.uniform(6, 9))


def low_contrast(rng: Rng, footage: Footage) -> Staging:
    """People in the colours of what is behind them hide its texture, but hardly change its tone."""
    story = _visits(rng, footage, _pick(rng, 3))
    keep, offset = rng.uniform(0.2, 0.35), rng.choice([-1, 1]) * rng.uniform(8, 16)
    behind = cv2.GaussianBlur(footage.plate, (0, 0), 25)

    def look(source: int) -> Pixels:
        frame, mask = footage.matte(source)
        mean = (frame * mask).sum((0, 1)) / max(1.0, mask.sum())
        around = frame if mask.max() == 0 else footage.plate
        person = behind + keep * (frame - mean) + offset
        return np.asarray(around * (1 - mask) + mask * person)

    story.look = look
    return Staging(story, lambda number, picture: 110 + 0.6 * (picture - 128))  # noqa: ARG005


def with_lamp(rng: Rng, footage: Footage) -> Staging:
    story = _visits(rng, footage, _pick(rng, 3))
    at = [first + int(rng.integers(0, 4)) for first, _ in story.presence]
    kind = str(rng.choice(["global", "half", "local"]))
    return Staging(story, lamp(rng, at, kind), 2, disturbances(at, f"lamp {kind}"))


def with_cloud(rng: Rng, footage: Footage) -> Staging:
    story = _visits(rng, footage, _pick(rng, 3))
    at = [first - int(rng.uniform(3, 15)) for first, _ in story.presence]
    effect = clouds(rng, story.length, at)
    return Staging(story, effect, 2, disturbances(at, "cloud", 5))


def still(rng: Rng, footage: Footage) -> Staging:
    which = _pick(rng, 1, (0, 3, 5))
    hold = int(rng.uniform(60, 75) * FPS)
    return Staging(_visits(rng, footage, which, hold))


def far(scales: tuple[float, float]) -> Callable[[Rng, Footage], Staging]:
    """Return a scene with people who are by so much smaller than in the footage."""
    return partial(_far, scales=scales)


def _far(rng: Rng, footage: Footage, scales: tuple[float, float]) -> Staging:
    """Small people come in over the side edge, stand, and go out."""
    story, at = Story(footage, 120), int(rng.uniform(12, 15) * FPS)
    scale, y = rng.uniform(*scales), int(rng.uniform(0.45, 0.62) * HEIGHT)
    for which in _pick(rng, 3):
        last = footage.visits[which][1]
        leaves, stands = list(range(last - 28, last + 1)), list(range(last - 45, last - 28))
        order = [*leaves[::-1], *(stands[::-1] * 2), *stands, *stands, *leaves]
        at = story.show(at, order) + int(rng.uniform(9, 14) * FPS)
    story.length = at
    width, height = int(WIDTH * scale), int(HEIGHT * scale)
    x = 0 if footage.mirrored else WIDTH - width

    def look(source: int) -> Pixels:
        small, mask = (
            cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA)
            for one in footage.matte(source)
        )
        mask = mask.reshape(height, width, 1)[: HEIGHT - y]
        picture = footage.plate.copy()
        part = picture[y : y + height, x : x + width]
        part[:] = part * (1 - mask) + small[: HEIGHT - y] * mask
        return picture

    story.look = look
    return Staging(story)


def twice(rng: Rng, footage: Footage) -> Staging:
    """Two pairs of people: the second of each comes some seconds after the first has left."""
    story, at = Story(footage, 120), int(rng.uniform(12, 15) * FPS)
    for one, other in (_pick(rng, 2, (0, 3, 5)), _pick(rng, 2, (0, 3, 5))):
        at = story.visit(at, one, after=10) + int(rng.uniform(3, 4.5) * FPS)
        at = story.visit(at, other) + int(rng.uniform(10, 13) * FPS)
    story.length = at
    return Staging(story)


def _pick(rng: Rng, count: int, among: Sequence[int] = _CLEAR) -> list[int]:
    return [int(which) for which in rng.permutation(among)[:count]]


def _visits(rng: Rng, footage: Footage, which: Sequence[int], hold: int = 0) -> Story:
    """Return the visits *which* one after another, 9 to 14 s apart, within 120 s."""
    story, at = Story(footage, 120), int(rng.uniform(12, 15) * FPS)
    for one in which:
        at = story.visit(at, one, hold) + int(rng.uniform(9, 14) * FPS)
    story.length = min(story.length, at)
    return story
