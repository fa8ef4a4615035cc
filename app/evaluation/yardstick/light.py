"""Scenes of light: lamps, clouds, flashes, headlights, shadows, exposure and infrared."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from app.evaluation.yardstick.footage import FPS, HEIGHT, WIDTH, Footage, Pixels
from app.evaluation.yardstick.staging import Effect, Staging, disturbances, quiet

Rng = np.random.Generator
_X = np.arange(WIDTH, dtype=np.float32)[None, :]
_Y = np.arange(HEIGHT, dtype=np.float32)[:, None]


def event_frames(rng: Rng, length: int, gap: tuple[float, float] = (9, 16)) -> list[int]:
    """Return frames *gap* seconds apart; the first 12 s and the last 5 s of *length* are quiet."""
    at_s, found = 12 + rng.uniform(0, 3), []
    while at_s < length / FPS - 5:
        found.append(int(at_s * FPS))
        at_s += rng.uniform(*gap)
    return found


def lobe(x: float, y: float, rx: float, ry: float) -> Pixels:
    """Return a soft spot of height 1 around *x* and *y*."""
    return np.exp(-(((_X - x) / rx) ** 2) - ((_Y - y) / ry) ** 2)[..., None]


def lamp(rng: Rng, at: Sequence[int], kind: str) -> Effect:
    """Return a lamp that switches at each of the frames *at*; the camera settles in a second.

    *kind* is `global`, `half` (one side of the room) or `local`.
    """
    dark, lit = _without_lamp(rng, kind), rng.random() < 0.5
    settle = rng.uniform(0, 0.15)

    def effect(number: int, picture: Pixels) -> Pixels:
        past = _past(at, number)
        on = lit ^ (len(past) % 2 == 1)
        gain: float | Pixels = 1.0 if on else dark
        if past:
            age = number - past[-1]
            if age == 0:  # half of this frame was exposed before the switch
                gain = (gain + (dark if on else 1.0)) / 2
            gain = gain * (1 + (settle if on else -settle) * np.exp(-age / 6))
        return np.asarray(picture * gain)

    return effect


def clouds(rng: Rng, length: int, at: Sequence[int]) -> Effect:
    """Return daylight that goes up or down by up to 35 % from each of the frames *at*."""
    level, curve, tint = 1.0, np.ones(length, np.float32), _gradient(rng, 0.08)
    for first in at:
        low = level >= 1
        target = rng.uniform(0.65, 0.85) if low else rng.uniform(1.1, 1.35)
        lasts = int(rng.uniform(1, 5) * FPS)
        for number in range(first, length):
            curve[number] = level + (target - level) * min(1, (number - first) / lasts)
        level = target
    return lambda number, picture: picture * (1 + (curve[number] - 1) * tint) * 0.75


def night(rng: Rng) -> Effect:
    """Return a grey, dark room with little contrast; its noise is the scene's."""
    gain, lift = rng.uniform(0.3, 0.5), rng.uniform(4, 14)
    beam = lobe(WIDTH * rng.uniform(0.4, 0.6), HEIGHT * rng.uniform(0.5, 0.7), 330, 240)
    falloff = 0.45 + 0.75 * beam

    def effect(number: int, picture: Pixels) -> Pixels:  # noqa: ARG001
        levels = np.clip(picture, 0, 255).astype(np.uint8)
        grey = cv2.cvtColor(levels, cv2.COLOR_BGR2GRAY)
        return np.repeat(grey[..., None] * gain * falloff + lift, 3, axis=2)

    return effect


def noise_by_day(rng: Rng, footage: Footage) -> Staging:
    return quiet(footage, 60, sigma=rng.uniform(3, 5))


def noise_by_night(rng: Rng, footage: Footage) -> Staging:
    return quiet(footage, 60, night(rng), sigma=rng.uniform(6, 10))


def starved(rng: Rng, footage: Footage) -> Staging:
    staging = quiet(footage, 60, sigma=rng.uniform(3, 5))
    staging.bitrate = int(rng.uniform(50e3, 90e3))
    return staging


def lamps(kind: str) -> Callable[[Rng, Footage], Staging]:
    def scene(rng: Rng, footage: Footage) -> Staging:
        at = event_frames(rng, 900)
        effect = lamp(rng, at, kind)
        sigma = rng.uniform(1.5, 3)
        return quiet(footage, 90, effect, sigma, disturbances(at, f"lamp {kind}"))

    return scene


def cloudy(rng: Rng, footage: Footage) -> Staging:
    at = event_frames(rng, 900, gap=(6, 12))
    return quiet(footage, 90, clouds(rng, 900, at), 2, disturbances(at, "cloud", 5))


def flashes(rng: Rng, footage: Footage) -> Staging:
    at = event_frames(rng, 600, gap=(5, 10))
    peaks = {number: rng.uniform(1.5, 2.3) * _gradient(rng, 0.2) for number in at}
    dim = rng.uniform(0.45, 0.8)

    def effect(number: int, picture: Pixels) -> Pixels:
        now = [one for one in at if 0 <= number - one < 2]
        return np.asarray(picture * dim * (peaks[now[0]] if now else 1))

    return quiet(footage, 60, effect, 2, disturbances(at, "flash", 0.2))


def sweeps(
    depth: tuple[float, float],
    size: tuple[float, float],
    lasts_s: tuple[float, float],
    kind: str,
    dim: float,
) -> Callable[[Rng, Footage], Staging]:
    """Return a scene in which soft lobes, bright or dark, cross the picture."""

    def scene(rng: Rng, footage: Footage) -> Staging:
        at = event_frames(rng, 900, gap=(lasts_s[1] + 4, lasts_s[1] + 8))
        # length, direction, height, radii and depth
        runs = {
            number: (
                *(rng.uniform(*lasts_s) * FPS, rng.choice([-1, 1])),
                *(rng.uniform(0.25, 0.75) * HEIGHT, rng.uniform(*size), rng.uniform(*size)),
                rng.uniform(*depth),
            )
            for number in at
        }

        def effect(number: int, picture: Pixels) -> Pixels:
            shown = picture * dim
            for first, (length, direction, y, rx, ry, deep) in runs.items():
                if 0 <= number - first < length:
                    done = (number - first) / length
                    x = (done if direction > 0 else 1 - done) * (WIDTH + 4 * rx) - 2 * rx
                    shown = shown * (1 + deep * lobe(x, y + 20 * done, rx, ry))
            return shown

        happens = [
            one for number in at for one in disturbances([number], kind, runs[number][0] / FPS)
        ]
        return quiet(footage, 90, effect, 2, happens)

    return scene


def exposure_hunting(rng: Rng, footage: Footage) -> Staging:
    at, swing = event_frames(rng, 900), rng.uniform(0.15, 0.3)
    period, hold = rng.uniform(0.8, 2) * FPS, rng.uniform(10, 25)
    dim = rng.uniform(0.6, 0.8)

    def effect(number: int, picture: Pixels) -> Pixels:
        past = _past(at, number)
        age = number - past[-1] if past else 1e9
        swings = swing * np.exp(-age / hold) * np.sin(2 * np.pi * age / period)
        return np.asarray(picture * dim * (1 + swings))

    return quiet(footage, 90, effect, 2, disturbances(at, "exposure", 5))


def infrared(rng: Rng, footage: Footage) -> Staging:
    at, gain = event_frames(rng, 900, gap=(12, 20)), rng.uniform(0.45, 0.8)
    beam = 0.5 + 0.6 * lobe(WIDTH / 2, HEIGHT / 2, 330, 240)

    def effect(number: int, picture: Pixels) -> Pixels:
        past = _past(at, number)
        age = number - past[-1] if past else 99
        if len(past) % 2 == 0:
            return picture * (0.6 if age > 1 else 0.9)
        grey = (picture @ np.array([0.15, 0.35, 0.5], np.float32))[..., None] * gain * beam
        return np.repeat(grey * (1.5 if age < 2 else 1), 3, axis=2)

    def sigma(number: int) -> float:
        return 6 if len(_past(at, number)) % 2 else 2.5

    return quiet(footage, 90, effect, sigma, disturbances(at, "infrared"))


def _past(at: Sequence[int], number: int) -> list[int]:
    return [one for one in at if one <= number]


def _cast(rng: Rng, amount: float = 0.08) -> Pixels:
    """Return a tint: a factor for each colour."""
    return (1 + rng.uniform(-amount, amount, 3)).astype(np.float32)


def _gradient(rng: Rng, spread: float = 0.15) -> Pixels:
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * (_X / WIDTH - 0.5) + np.sin(angle) * (_Y / HEIGHT - 0.5)
    return np.asarray((1 + 2 * spread * ramp)[..., None])


def _without_lamp(rng: Rng, kind: str) -> Pixels:
    """Return the brightness with the lamp off, as a part of that with it on."""
    if kind == "global":
        return rng.uniform(0.4, 0.7) * _gradient(rng, 0.12) * _cast(rng)
    if kind == "half":
        edge, soft = rng.uniform(0.35, 0.65) * WIDTH, rng.uniform(15, 60)
        side = 1 / (1 + np.exp(rng.choice([-1, 1]) * (_X - edge) / soft))
        return np.asarray(1 - rng.uniform(0.35, 0.55) * side[..., None] * _cast(rng, 0.15))
    deep = rng.uniform(0.4, 0.6)
    x, y = rng.uniform(0.2, 0.8) * WIDTH, rng.uniform(0.2, 0.6) * HEIGHT
    spot = lobe(x, y, rng.uniform(120, 220), rng.uniform(90, 160))
    return np.asarray(1 - deep * spot * _cast(rng, 0.15))
