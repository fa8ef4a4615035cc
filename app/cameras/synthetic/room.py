"""Draws the living room that the synthetic camera looks into, in three kinds of light."""

from dataclasses import dataclass

import numpy as np

from app.cameras.synthetic.brush import Brush, Light
from app.cameras.synthetic.furniture import LAMP, WINDOW_X, WINDOW_Y, lampshade, paint_furniture
from app.cameras.synthetic.projection import BACK_M, CEILING_M, LEFT_M, Point, Projection
from app.frames import Image


@dataclass(frozen=True, slots=True)
class Room:
    """Pictures of the empty room, (rows, columns, BGR) uint8 each.

    They are the room on a sunny day, on a dull day, and the light that its lamp adds.
    """

    sunny: Image
    dull: Image
    glow: Image


def draw_room(projection: Projection) -> Room:
    """Return the room, drawn on the whole canvas of *projection*."""
    brush = Brush(projection)
    paint_furniture(brush)
    paint = brush.finished() * _contact_shadows(brush)[..., None]
    light = _daylight(brush)[..., None]
    sun = _sun_patch(brush)[..., None]
    sunny = paint * (0.80 + 0.34 * light) * _tint(0.97, 1.0, 1.03)
    sunny = sunny + paint * sun * _tint(0.22, 0.34, 0.42)
    dull = paint * (0.66 + 0.20 * light) * _tint(1.06, 1.0, 0.95)
    glow = (0.35 * paint + 14) * _lamp_light(brush)[..., None] * _tint(0.42, 0.78, 1.0)
    return Room(_as_image(sunny), _as_image(dull), _as_image(glow))


def _tint(blue: float, green: float, red: float) -> Light:
    return np.array([blue, green, red], np.float32)


def _as_image(picture: Light) -> Image:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _contact_shadows(brush: Brush) -> Light:
    def floor(x: tuple[float, float], z: tuple[float, float]) -> list[Point]:
        return [(x[0], 0, z[0]), (x[1], 0, z[0]), (x[1], 0, z[1]), (x[0], 0, z[1])]

    furniture = [
        floor((-0.5, 1.8), (4.45, 5.5)),
        floor((0.38, 1.12), (3.95, 4.35)),
        floor((2.2, 3.0), (5.1, 5.6)),
        floor((-2.85, -2.4), (5.0, 5.35)),
    ]
    soft = brush.mask(*furniture, blur_m=0.12)
    right, left = LEFT_M, LEFT_M - 0.05
    corner = [(right, 0, BACK_M), (right, CEILING_M, BACK_M)]
    corner += [(left, CEILING_M, BACK_M), (left, 0, BACK_M)]
    corners = brush.mask(corner, blur_m=0.3)
    shadows: Light = 1 - 0.38 * soft * _bare_floor(brush) - 0.25 * corners
    return shadows


def _bare_floor(brush: Brush) -> Light:
    """Return 1 on the floor and 0 on the furniture, which gets no shadows."""
    furniture = brush.mask(
        [(-0.45, 0.1, 4.58), (1.75, 0.1, 4.58), (1.75, 0.9, 5.3), (-0.45, 0.9, 5.3)],
        [(0.35, 0.35, 3.95), (1.15, 0.35, 3.95), (1.15, 0.4, 4.35), (0.35, 0.4, 4.35)],
        [(2.28, 0, 5.3), (2.98, 0, 5.3), (2.98, 1.9, 5.3), (2.28, 1.9, 5.3)],
        [(-2.8, 0, 5.15), (-2.44, 0, 5.15), (-2.4, 0.4, 5.15), (-2.84, 0.4, 5.15)],
        blur_m=0.0,
    )
    bare: Light = 1 - furniture
    return bare


def _daylight(brush: Brush) -> Light:
    """Return the light of the window, which is strongest near it and on the floor before it."""
    middle = (sum(WINDOW_X) / 2, sum(WINDOW_Y) / 2, BACK_M)
    on_floor = 0.85 * brush.falloff((-0.8, 0.0, 3.6), 1.5)
    light: Light = np.maximum(brush.falloff(middle, 2.4), on_floor)
    return light


def _sun_patch(brush: Brush) -> Light:
    def on_floor(x: float, y: float) -> Point:
        return x + 0.42 * y / 0.9, 0.0, BACK_M - 0.95 * y / 0.9

    (left, right), (low, high) = WINDOW_X, WINDOW_Y
    middle, bar = (left + right) / 2, low + 0.62 * (high - low)
    panes = [
        [on_floor(a, c), on_floor(b, c), on_floor(b, d), on_floor(a, d)]
        for a, b in ((left + 0.05, middle - 0.05), (middle + 0.05, right - 0.05))
        for c, d in ((low + 0.05, bar - 0.04), (bar + 0.04, high - 0.05))
    ]
    return brush.mask(*panes, blur_m=0.02)


def _lamp_light(brush: Brush) -> Light:
    x, y, z = LAMP
    near_lamp = 1.1 * brush.falloff((x, y + 0.1, z), 0.55)
    on_floor = 0.55 * brush.falloff((x, 0.0, z), 0.8)
    lit: Light = near_lamp + on_floor + 0.6 * brush.mask(lampshade(), blur_m=0.01)
    return lit
