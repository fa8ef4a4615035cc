"""Draws the visitor who walks through the synthetic camera's room."""

from dataclasses import dataclass
from functools import cache
from math import cos, pi, radians, sin
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.synthetic.colours import Colour, shade
from app.frames import Image

Spot = tuple[float, float]
Facing = Literal["left", "right", "front", "front-left", "front-right"]

STEPS = 20
#: The length of one cycle of two steps.
STRIDE_M = 1.36
_WIDE_M, _HIGH_M, _BELOW_M = 1.5, 1.95, 0.14
_SHIFT = 4
_FINE = 2
_SKIN, _HAIR, _JACKET = (144, 172, 220), (40, 52, 74), (58, 76, 186)
_SHIRT, _JEANS, _SHOE = (206, 212, 216), (112, 78, 54), (58, 62, 70)
_EYE = (40, 44, 52)
_HIP_M, _THIGH_M, _SHIN_M, _SHOULDER_M, _ARM_M, _FOREARM_M = 0.90, 0.42, 0.40, 1.40, 0.28, 0.25


@dataclass(frozen=True, slots=True)
class Sprite:
    """A drawn figure that can be put into a picture.

    *colour* is the figure's colour times its opacity. *stays* is 255 minus the opacity; the picture
    is multiplied by it. Both are (rows, columns, BGR) uint8. *body* is the (left, top, right,
    bottom) of the figure without its shadow, and *feet* the (column, row) where it stands, in
    pixels of the sprite.
    """

    colour: Image
    stays: Image
    body: tuple[int, int, int, int]
    feet: Spot


@cache
def sprite(px_per_m: int, facing: Facing, step: int) -> Sprite:
    """Return the figure at *step* of `STEPS` of a walk to the left or right, or standing still."""
    pen = _Pen(px_per_m)
    if facing in ("left", "right"):
        _walker(pen, step / STEPS)
    else:
        _stander(pen, {"front-left": -1, "front": 0, "front-right": 1}[facing])
    return pen.finished(mirrored=facing == "left")


class _Pen:
    """Draws in metres: x to the right of where the figure stands, y up from the floor."""

    def __init__(self, px_per_m: int) -> None:
        self._scale = px_per_m * _FINE
        shape = (round((_HIGH_M + _BELOW_M) * self._scale), round(_WIDE_M * self._scale))
        self._colour: Image = np.zeros((*shape, 3), np.uint8)
        self._mask: Image = np.zeros(shape, np.uint8)

    def outline(self, spots: list[Spot], colour: Colour) -> None:
        points = [[(x + _WIDE_M / 2) * self._scale, (_HIGH_M - y) * self._scale] for x, y in spots]
        corners = np.round(np.array(points) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self._colour, [corners], colour, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self._mask, [corners], 255, cv2.LINE_8, _SHIFT)

    def oval(
        self, centre: Spot, wide_m: float, high_m: float, colour: Colour, lean_deg: float = 0.0
    ) -> None:
        self.outline(_oval(centre, wide_m, high_m, radians(lean_deg)), colour)

    def limb(self, start: Spot, end: Spot, start_m: float, end_m: float, colour: Colour) -> None:
        """Draw a round limb, *start_m* and *end_m* thick at its ends, lit from the upper left."""
        self.outline(_limb(start, end, start_m / 2, end_m / 2), shade(colour, 0.80))
        lit = (-0.13 * start_m, 0.06 * start_m)
        lit_part = _limb(_plus(start, lit), _plus(end, lit), 0.36 * start_m, 0.34 * end_m)
        self.outline(lit_part, colour)

    def finished(self, mirrored: bool) -> Sprite:
        size = (self._mask.shape[1] // _FINE, self._mask.shape[0] // _FINE)
        colour = cv2.resize(self._colour, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(self._mask, size, interpolation=cv2.INTER_AREA)
        if mirrored:
            colour, mask = cv2.flip(colour, 1), cv2.flip(mask, 1)
        left, top, width, height = cv2.boundingRect((mask > 127).astype(np.uint8))
        colour = _lit_from_left(colour)
        covers = np.maximum(mask, _shadow(size))
        stays = cv2.merge([255 - covers] * 3).astype(np.uint8, copy=False)
        feet = (size[0] / 2, _HIGH_M / (_HIGH_M + _BELOW_M) * size[1])
        return Sprite(colour, stays, (left, top, left + width, top + height), feet)


def _lit_from_left(colour: cv2.typing.MatLike) -> Image:
    width = colour.shape[1]
    light = np.interp(np.arange(width), [0.2 * width, 0.8 * width], [1.10, 0.84]).astype(np.float32)
    lit: Image = np.clip(colour * light[None, :, None], 0, 255).astype(np.uint8)
    return lit


def _shadow(size: tuple[int, int]) -> Image:
    width, height = size
    px_per_m = height / (_HIGH_M + _BELOW_M)
    shadow = np.zeros((height, width), np.uint8)
    centre = (round(width / 2 + 0.10 * px_per_m), round((_HIGH_M + 0.02) * px_per_m))
    axes = (round(0.38 * px_per_m), round(0.055 * px_per_m))
    cv2.ellipse(shadow, centre, axes, 0, 0, 360, 110, cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(shadow, (0, 0), max(0.035 * px_per_m, 0.5)), np.uint8)


def _plus(spot: Spot, by: Spot) -> Spot:
    return spot[0] + by[0], spot[1] + by[1]


def _down(spot: Spot, angle: float, length_m: float) -> Spot:
    """Return the lower end of a limb from *spot*, *angle* radians to the front of the vertical."""
    return spot[0] + length_m * sin(angle), spot[1] - length_m * cos(angle)


def _oval(centre: Spot, wide_m: float, high_m: float, lean: float = 0.0) -> list[Spot]:
    spots = []
    for turn in np.linspace(0, 2 * pi, 40, endpoint=False):
        x, y = wide_m / 2 * cos(turn), high_m / 2 * sin(turn)
        spots.append(
            (centre[0] + x * cos(lean) + y * sin(lean), centre[1] - x * sin(lean) + y * cos(lean))
        )
    return spots


def _limb(start: Spot, end: Spot, start_m: float, end_m: float) -> list[Spot]:
    circles = np.array(
        _oval(start, 2 * start_m, 2 * start_m) + _oval(end, 2 * end_m, 2 * end_m), np.float32
    )
    hull: NDArray[np.float32] = cv2.convexHull(circles)[:, 0].astype(np.float32)
    return [(float(x), float(y)) for x, y in hull]


def _leg(pen: _Pen, hip: Spot, phase: float, tone: float) -> None:
    knee, ankle, shin_angle = _joints(hip, phase)
    jeans = shade(_JEANS, tone)
    _shoe(pen, ankle, 0.55 * shin_angle, tone)
    pen.limb(knee, ankle, 0.125, 0.085, jeans)
    pen.limb(hip, knee, 0.185, 0.13, jeans)


def _joints(hip: Spot, phase: float) -> tuple[Spot, Spot, float]:
    thigh_angle = radians(24) * sin(2 * pi * phase) + radians(4)
    bend = radians(6) + radians(46) * max(0.0, cos(2 * pi * (phase + 0.07))) ** 1.5
    knee = _down(hip, thigh_angle, _THIGH_M)
    return knee, _down(knee, thigh_angle - bend, _SHIN_M), thigh_angle - bend


def _shoe(pen: _Pen, ankle: Spot, turn: float, tone: float) -> None:
    heel, toe = [(-0.065, 0.02), (-0.07, -0.06)], [(0.19, -0.06), (0.19, -0.035)]
    profile = [*heel, *toe, (0.13, -0.005), (0.06, 0.03)]
    turned = [(x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn)) for x, y in profile]
    pen.outline([_plus(ankle, spot) for spot in turned], shade(_SHOE, tone))


def _arm(pen: _Pen, shoulder: Spot, phase: float, tone: float) -> None:
    angle = radians(26) * sin(2 * pi * phase)
    elbow = _down(shoulder, angle, _ARM_M)
    bend = radians(16) + radians(14) * max(0.0, sin(2 * pi * phase))
    wrist = _down(elbow, angle + bend, _FOREARM_M)
    pen.oval(_down(wrist, angle + bend, 0.045), 0.075, 0.105, shade(_SKIN, tone), lean_deg=-20)
    pen.limb(elbow, wrist, 0.10, 0.08, shade(_JACKET, tone))
    pen.limb(shoulder, elbow, 0.125, 0.10, shade(_JACKET, tone))


def _walker(pen: _Pen, phase: float) -> None:
    """Draw a walk to the right.

    The near leg is at *phase* of its cycle, the far leg and the near arm half a cycle away.
    """
    lowest = min(_joints((0.0, 0.0), turn)[1][1] for turn in (phase, phase + 0.5))
    hip = (0.0, 0.06 - lowest)
    lift = hip[1] - _HIP_M
    shoulder = (0.035, _SHOULDER_M + lift)
    _arm(pen, shoulder, phase, 0.66)
    _leg(pen, hip, phase + 0.5, 0.70)
    _leg(pen, hip, phase, 1.0)
    _torso_from_side(pen, lift)
    _head_from_side(pen, (0.065, 1.61 + lift))
    _arm(pen, (shoulder[0] - 0.015, shoulder[1]), phase + 0.5, 1.06)


def _torso_from_side(pen: _Pen, lift: float) -> None:
    shoulders = [(-0.03, 1.49), (-0.09, 1.42), (-0.125, 1.28)]
    back = [*shoulders, (-0.115, 1.10), (-0.105, 0.98), (-0.115, 0.84)]
    front = [(0.105, 0.84), (0.115, 0.98), (0.125, 1.14), (0.14, 1.28), (0.12, 1.41), (0.07, 1.48)]
    torso = back + front
    hem = [(-0.115, 0.84), (0.105, 0.84), (0.108, 0.885), (-0.112, 0.885)]
    collar = [(-0.05, 1.50), (0.08, 1.495), (0.075, 1.455), (-0.06, 1.455)]
    pen.limb((0.03, 1.44 + lift), (0.055, 1.56 + lift), 0.105, 0.10, shade(_SKIN, 0.9))
    pen.outline(_lifted(torso, lift), shade(_JACKET, 0.9))
    pen.outline(_lifted([(0.75 * x - 0.02, y) for x, y in torso], lift), _JACKET)
    pen.outline(_lifted(hem, lift), shade(_JACKET, 0.7))
    pen.outline(_lifted(collar, lift), shade(_JACKET, 0.7))


def _lifted(spots: list[Spot], lift: float) -> list[Spot]:
    return [(x, y + lift) for x, y in spots]


def _head_from_side(pen: _Pen, centre: Spot) -> None:
    x, y = centre
    pen.oval((x - 0.01, y + 0.012), 0.215, 0.26, _HAIR, lean_deg=8)
    pen.oval((x + 0.02, y - 0.012), 0.165, 0.225, _SKIN, lean_deg=4)
    pen.outline([(x + 0.09, y + 0.025), (x + 0.125, y - 0.025), (x + 0.09, y - 0.035)], _SKIN)
    crown = [(-0.115, 0.03), (-0.06, 0.145), (0.05, 0.142), (0.112, 0.072)]
    temple = [(0.02, 0.06), (-0.035, -0.07), (-0.10, -0.06)]
    pen.outline(_around(centre, crown + temple), _HAIR)
    pen.oval((x - 0.02, y - 0.015), 0.04, 0.06, shade(_SKIN, 0.86))
    pen.oval((x + 0.075, y + 0.02), 0.016, 0.024, _EYE)
    mouth = [(0.065, -0.072), (0.10, -0.068), (0.098, -0.078)]
    pen.outline(_around(centre, mouth), shade(_SKIN, 0.7))


def _around(centre: Spot, spots: list[Spot]) -> list[Spot]:
    return [_plus(centre, spot) for spot in spots]


def _stander(pen: _Pen, looks: int) -> None:
    """Draw a standing figure that looks to the left (-1), the front (0) or the right (1)."""
    shoe = [(-0.05, 0.03), (-0.062, -0.10), (0.062, -0.10), (0.05, 0.03)]
    for side in (-1, 1):
        hip, ankle = (0.085 * side, 0.90), (0.105 * side, 0.09)
        pen.outline(_around(ankle, shoe), _SHOE)
        pen.limb((0.10 * side, 0.49), ankle, 0.13, 0.095, _JEANS)
        pen.limb(hip, (0.10 * side, 0.49), 0.185, 0.13, _JEANS)
    pen.limb((0.0, 1.44), (0.0, 1.55), 0.11, 0.105, shade(_SKIN, 0.88))
    _torso_from_front(pen)
    for side in (-1, 1):
        elbow, wrist = (0.245 * side, 1.12), (0.255 * side, 0.89)
        pen.oval((wrist[0], wrist[1] - 0.045), 0.075, 0.11, _SKIN)
        pen.limb(elbow, wrist, 0.10, 0.08, shade(_JACKET, 0.95))
        pen.limb((0.185 * side, 1.365), elbow, 0.115, 0.10, shade(_JACKET, 0.95))
    _head_from_front(pen, (0.012 * looks, 1.625), looks)


def _torso_from_front(pen: _Pen) -> None:
    right = [(0.06, 1.49), (0.13, 1.455), (0.20, 1.41), (0.205, 1.32), (0.18, 1.10), (0.182, 0.84)]
    left = [(-x, y) for x, y in reversed(right)]
    half_shirt = [(0.055, 1.488), (0.03, 1.30), (0.03, 0.84)]
    shirt = [*half_shirt, *((-x, y) for x, y in reversed(half_shirt))]
    hem = [(0.03, 0.84), (0.185, 0.84), (0.185, 0.885), (0.03, 0.885)]
    pen.outline(right + left, shade(_JACKET, 0.86))
    pen.outline([(0.82 * x - 0.025, y) for x, y in right + left], _JACKET)
    pen.outline(shirt, _SHIRT)
    for side in (-1, 1):
        pen.outline([(side * x, y) for x, y in hem], shade(_JACKET, 0.7))


def _head_from_front(pen: _Pen, centre: Spot, looks: int) -> None:
    x, y = centre
    turned = 0.034 * looks
    eyebrow = [(-0.018, 0.0), (0.018, 0.0), (0.014, 0.008), (-0.014, 0.008)]
    nose = [(0.0, 0.005), (0.25 * turned + 0.013, -0.034), (-0.013, -0.034)]
    crown = [(-0.10, 0.02), (-0.085, 0.12), (0.0, 0.15), (0.085, 0.12), (0.10, 0.02)]
    fringe = [(0.075, 0.075), (-0.02, 0.085), (-0.075, 0.06)]
    pen.oval((x - 0.4 * turned, y + 0.015), 0.205, 0.26, _HAIR)
    pen.oval((x + 0.3 * turned, y - 0.015), 0.17, 0.225, _SKIN)
    for side in (-1, 1):
        if side != looks:
            pen.oval((x + 0.088 * side - 0.2 * turned, y - 0.015), 0.03, 0.058, shade(_SKIN, 0.88))
        pen.oval((x + turned + 0.034 * side, y + 0.008), 0.018, 0.024, _EYE)
        pen.outline(_around((x + turned + 0.034 * side, y + 0.036), eyebrow), _HAIR)
    pen.outline(_around((x + 1.25 * turned, y), nose), shade(_SKIN, 0.88))
    pen.oval((x + turned, y - 0.07), 0.05, 0.012, shade(_SKIN, 0.62))
    pen.outline(_around(centre, crown) + _around((x + 0.5 * turned, y), fringe), _HAIR)
