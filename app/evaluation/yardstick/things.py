"""Scenes of things that move and are nobody: a television, a plant, an insect, a shaken camera."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from app.evaluation.yardstick.footage import FPS, HEIGHT, WIDTH, Footage, Pixels
from app.evaluation.yardstick.light import Rng, event_frames, lobe
from app.evaluation.yardstick.staging import Disturbance, Staging, disturbances, quiet


def television(rng: Rng, footage: Footage) -> Staging:
    width, height = int(rng.uniform(60, 100)), int(rng.uniform(36, 58))
    x, y = int(rng.uniform(0.25, 0.6) * WIDTH), int(rng.uniform(0.08, 0.3) * HEIGHT)
    spill = lobe(x + width / 2, y + height / 2, 150, 110)
    shots, at = {}, 120
    while at < 600:
        colours = rng.uniform(20, 235, (4, 6, 3)).astype(np.float32)
        shots[at] = cv2.resize(colours, (width, height))
        at += int(rng.uniform(3, 25))

    def effect(number: int, picture: Pixels) -> Pixels:
        past = [one for one in shots if one <= number]
        picture = picture * 0.6
        if not past:
            picture[y : y + height, x : x + width] = 12
            return picture
        screen = np.roll(shots[past[-1]], (number * 2) % width, axis=1)
        picture = picture * (1 + 0.12 * (screen.mean() / 128 - 0.6) * spill)
        picture[y : y + height, x : x + width] = screen
        return picture

    return quiet(footage, 60, effect, 2.5, [Disturbance("television", 12, 60)])


def swaying_plant(rng: Rng, footage: Footage) -> Staging:
    draw, period, reach = _plant(rng), rng.uniform(1.2, 3), rng.uniform(3, 8)
    gusts = event_frames(rng, 900, gap=(10, 18))

    def effect(number: int, picture: Pixels) -> Pixels:
        past = [one for one in gusts if one <= number]
        force = np.exp(-(number - past[-1]) / 40) if past else 0
        swing = np.sin(2 * np.pi * number / FPS / period)
        return draw(picture * 0.85, float(reach * force * swing + 0.3 * np.sin(number / 7)))

    return quiet(footage, 90, effect, 2, disturbances(gusts, "plant", 6))


def insect(rng: Rng, footage: Footage) -> Staging:
    at = event_frames(rng, 600, gap=(6, 10))
    # the path, the radius, and how bright it is
    flights = {number: (_flight(rng), rng.uniform(3, 9), rng.choice([0.25, 1.7])) for number in at}

    def effect(number: int, picture: Pixels) -> Pixels:
        for first, (path, radius, tone) in flights.items():
            if 0 <= number - first < len(path):
                x, y = path[number - first]
                picture = picture * (1 + (tone - 1) * lobe(x, y, radius, radius))
        return picture

    return quiet(footage, 60, effect, 2, disturbances(at, "insect", 4))


def vibration(rng: Rng, footage: Footage) -> Staging:
    at, reach = event_frames(rng, 600, gap=(8, 13)), rng.uniform(0.8, 1.4)
    moves = rng.normal(0, reach, (600, 2)).clip(-2, 2)

    def effect(number: int, picture: Pixels) -> Pixels:
        age = min([number - one for one in at if one <= number], default=99)
        x, y = moves[number] * np.exp(-age / 15) if age < 40 else (0, 0)
        by = np.array([[1, 0, x], [0, 1, y]], np.float32)
        moved = cv2.warpAffine(picture, by, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    return quiet(footage, 60, effect, 2, disturbances(at, "vibration", 4))


def _flight(rng: Rng) -> list[NDArray[np.float64]]:
    place, speed = rng.uniform([60, 60], [WIDTH - 60, HEIGHT - 60]), rng.normal(0, 9, 2)
    path = []
    for _ in range(int(rng.uniform(20, 45))):
        speed = 0.85 * speed + rng.normal(0, 5, 2)
        place = place + speed
        path.append(place)
    return path


def _plant(rng: Rng) -> Callable[[Pixels, float], Pixels]:
    """Draw some leaves; the result puts them into a picture, bent by so many pixels at the top."""
    height, width = int(rng.uniform(90, 130)), int(rng.uniform(70, 100))
    colour, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    for _ in range(60):
        centre = (int(rng.uniform(15, width - 15)), int(rng.uniform(12, height - 12)))
        axes, turn = (int(rng.uniform(8, 17)), int(rng.uniform(3, 6))), rng.uniform(0, 180)
        shade = tuple(float(part) for part in np.array([30, 90, 40]) * rng.uniform(0.4, 1.7))
        cv2.ellipse(colour, centre, axes, turn, 0, 360, shade, -1, cv2.LINE_AA)
        cv2.ellipse(alpha, centre, axes, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
    x, y = int(rng.uniform(20, WIDTH - width - 20)), int(rng.uniform(0.25, 0.5) * HEIGHT)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)

    def draw(picture: Pixels, bend_px: float) -> Pixels:
        source = columns + np.float32(bend_px) * (1 - rows / height) ** 1.5
        leaves = cv2.remap(colour, source, rows, cv2.INTER_LINEAR)
        covers = cv2.remap(alpha, source, rows, cv2.INTER_LINEAR)[..., None]
        part = picture[y : y + height, x : x + width]
        picture[y : y + height, x : x + width] = part * (1 - covers) + leaves * covers
        return picture

    return draw
