"""Draws the living room that the synthetic camera looks into."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.synthetic.colours import Colour, shade
from app.frames import Image

Point = tuple[float, float, float]
_Light = NDArray[np.float32]

EYE_M = 1.7
_LEFT_M, _RIGHT_M, _BACK_M, _FRONT_M, _CEILING_M = -3.0, 3.0, 5.6, 1.0, 2.7
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Projection:
    """Projects the room, in metres, on a canvas larger than the picture, so the view can turn.

    The picture is *width* by *height* pixels. x goes to the right, y up from the floor, and z away
    from the lens, which is at (0, `EYE_M`, 0).
    """

    width: int
    height: int

    @property
    def margin(self) -> tuple[int, int]:
        """The margin of the canvas on each side of the picture: (horizontal, vertical) pixels."""
        return self.width // 4, self.height // 6

    @property
    def size(self) -> tuple[int, int]:
        """The (width, height) of the canvas in pixels."""
        return self.width + 2 * self.margin[0], self.height + 2 * self.margin[1]

    @property
    def focal_px(self) -> float:
        """The width of one metre at a distance of one metre, in pixels."""
        return min(0.8 * self.width, 1.07 * self.height)

    def project(self, x_m: float, y_m: float, z_m: float) -> tuple[float, float]:
        """Return the (column, row) of a point on the canvas."""
        scale = self.focal_px / z_m
        column = self.margin[0] + self.width / 2 + scale * x_m
        row = self.margin[1] + 0.36 * self.height + scale * (EYE_M - y_m)
        return column, row


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
    brush = _Brush(projection)
    _shell(brush)
    _floor(brush)
    _window(brush)
    _pictures(brush)
    _shelf(brush)
    _rug(brush)
    _sofa(brush)
    _table(brush)
    _lamp(brush)
    _plant(brush)
    paint = brush.finished() * _contact_shadows(brush)[..., None]
    light = _daylight(brush)[..., None]
    sun = _sun_patch(brush)[..., None]
    sunny = paint * (0.80 + 0.34 * light) * _tint(0.97, 1.0, 1.03)
    sunny = sunny + paint * sun * _tint(0.22, 0.34, 0.42)
    dull = paint * (0.66 + 0.20 * light) * _tint(1.06, 1.0, 0.95)
    glow = (0.35 * paint + 14) * _lamp_light(brush)[..., None] * _tint(0.42, 0.78, 1.0)
    return Room(_as_image(sunny), _as_image(dull), _as_image(glow))


def _tint(blue: float, green: float, red: float) -> _Light:
    return np.array([blue, green, red], np.float32)


def _as_image(picture: _Light) -> Image:
    return np.clip(picture, 0, 255).astype(np.uint8)


class _Brush:
    """Paints the room on a canvas.

    Up to a width of 1000 pixels it paints at twice the size, and reduces the result, which smooths
    every edge. Light is added after that, at the canvas's own size.
    """

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self._fine = 2 if projection.width <= 1000 else 1
        width, height = projection.size
        self._paint: Image = np.zeros((height * self._fine, width * self._fine, 3), np.uint8)

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        cv2.fillPoly(self._paint, [self._outline(points, self._fine)], colour, cv2.LINE_AA, _SHIFT)

    def ball(self, centre: Point, radius_m: float, colour: Colour) -> None:
        x, y, z = centre
        circle = [
            (x + radius_m * float(np.cos(angle)), y + radius_m * float(np.sin(angle)), z)
            for angle in np.linspace(0, 2 * np.pi, 40)
        ]
        self.fill(circle, colour)

    def finished(self) -> _Light:
        canvas = cv2.resize(self._paint, self.projection.size, interpolation=cv2.INTER_AREA)
        return canvas.astype(np.float32)

    def mask(self, *shapes: Sequence[Point], blur_m: float) -> _Light:
        """Return 1 inside *shapes* and 0 outside, with an edge *blur_m* wide at the back wall."""
        width, height = self.projection.size
        mask: Image = np.zeros((height, width), np.uint8)
        for points in shapes:
            cv2.fillPoly(mask, [self._outline(points, 1)], 255, cv2.LINE_AA, _SHIFT)
        sigma_px = max(blur_m * self.projection.focal_px / _BACK_M, 0.3)
        return cv2.GaussianBlur(mask, (0, 0), sigma_px).astype(np.float32) / np.float32(255)

    def falloff(self, point: Point, reach_m: float) -> _Light:
        """Return 1 at *point*, a half at a distance of *reach_m*, and less farther away."""
        width, height = self.projection.size
        column, row = self.projection.project(*point)
        rows, columns = np.ogrid[:height, :width]
        reach_px = reach_m * self.projection.focal_px / point[2]
        squared = ((columns - column) ** 2 + (rows - row) ** 2) / reach_px**2
        return (1 / (1 + squared)).astype(np.float32)

    def _outline(self, points: Sequence[Point], fine: int) -> NDArray[np.int32]:
        corners = np.array([self.projection.project(*point) for point in points]) * fine
        return np.round(corners * (1 << _SHIFT)).astype(np.int32)

    # Upright and flat rectangles, and boxes made of them.

    def upright(
        self, x: tuple[float, float], y: tuple[float, float], z: float, colour: Colour
    ) -> None:
        self.fill([(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], colour)

    def flat(
        self, x: tuple[float, float], y: float, z: tuple[float, float], colour: Colour
    ) -> None:
        self.fill([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], colour)

    def side(
        self, x: float, y: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        self.fill([(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])], colour)

    def block(
        self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        """Paint a box: the side to the middle, the top if it is below the lens, and the front."""
        if x[0] > 0:
            self.side(x[0], y, z, shade(colour, 0.72))
        if x[1] < 0:
            self.side(x[1], y, z, shade(colour, 0.82))
        if y[1] < EYE_M:
            self.flat(x, y[1], z, shade(colour, 1.12))
        self.upright(x, y, z[0], colour)


def _shell(brush: _Brush) -> None:
    wall, depth = (178, 196, 200), (_FRONT_M, _BACK_M)
    brush.upright((_LEFT_M, _RIGHT_M), (0, _CEILING_M), _BACK_M, wall)
    brush.side(_LEFT_M, (0, _CEILING_M), depth, shade(wall, 0.80))
    brush.side(_RIGHT_M, (0, _CEILING_M), depth, shade(wall, 0.90))
    brush.flat((_LEFT_M, _RIGHT_M), _CEILING_M, depth, (222, 228, 230))
    white = (226, 232, 234)
    brush.upright((_LEFT_M, _RIGHT_M), (0, 0.11), _BACK_M - 0.02, white)
    brush.side(_LEFT_M + 0.02, (0, 0.11), depth, shade(white, 0.84))
    brush.side(_RIGHT_M - 0.02, (0, 0.11), depth, shade(white, 0.92))


def _floor(brush: _Brush) -> None:
    random = np.random.default_rng(5)
    oak, board_m = (104, 142, 176), 0.15
    for left in np.arange(_LEFT_M, _RIGHT_M, board_m):
        board, joints = (left, left + board_m), np.sort(random.uniform(_FRONT_M, _BACK_M, 3))
        for near, far in pairwise([_FRONT_M, *joints, _BACK_M]):
            brush.flat(board, 0, (near, far), shade(oak, random.uniform(0.9, 1.07)))
            brush.flat(board, 0, (near, near + 0.008), shade(oak, 0.72))
        brush.flat((left, left + 0.008), 0, (_FRONT_M, _BACK_M), shade(oak, 0.72))


_WINDOW_X, _WINDOW_Y = (-2.25, -0.75), (0.85, 2.2)


def _window(brush: _Brush) -> None:
    (left, right), (low, high), wall = _WINDOW_X, _WINDOW_Y, _BACK_M - 0.01
    _sky(brush, wall)
    _hills(brush, wall)
    white = (236, 240, 242)
    for x in (left, (left + right) / 2, right):
        brush.upright((x - 0.035, x + 0.035), (low, high), wall - 0.01, white)
    for y in (low, low + 0.62 * (high - low), high):
        brush.upright((left - 0.035, right + 0.035), (y - 0.03, y + 0.03), wall - 0.01, white)
    sill_x, sill_y, sill_z = (left - 0.12, right + 0.12), (low - 0.09, low - 0.03), _BACK_M - 0.16
    brush.block(sill_x, sill_y, (sill_z, _BACK_M), (228, 234, 238))
    for at, direction in ((left - 0.08, 1), (right + 0.08, -1)):
        _curtain(brush, at, direction, wall - 0.12)
    brush.upright((left - 0.4, right + 0.4), (high + 0.16, high + 0.2), wall - 0.13, (70, 84, 96))


def _sky(brush: _Brush, wall: float) -> None:
    low, high = _WINDOW_Y
    horizon, zenith = (246, 240, 226), (236, 190, 138)
    for step in np.linspace(0, 1, 40, endpoint=False):
        blue, green, red = (
            round(float(a + (b - a) * step)) for a, b in zip(horizon, zenith, strict=True)
        )
        band = (low + (high - low) * step, low + (high - low) * (step + 0.03))
        brush.upright(_WINDOW_X, band, wall, (blue, green, red))


def _hills(brush: _Brush, wall: float) -> None:
    (left, right), low = _WINDOW_X, _WINDOW_Y[0]
    xs = np.linspace(left, right, 50)
    for base, height, waves, colour in (
        (0.42, 0.10, 5.0, (150, 176, 138)),
        (0.22, 0.08, 8.0, (96, 148, 104)),
    ):
        ridge = [
            (float(x), low + base + height * float(np.sin(waves * x + base * 9)), wall) for x in xs
        ]
        brush.fill([(left, low, wall), *ridge, (right, low, wall)], colour)
    for x, size in ((-1.9, 0.17), (-1.05, 0.12)):
        brush.upright((x - 0.02, x + 0.02), (low, low + 0.35), wall, (66, 86, 104))
        brush.ball((x, low + 0.48, wall), size, (74, 128, 80))


def _curtain(brush: _Brush, at: float, direction: int, z: float) -> None:
    cloth, folds = (150, 128, 92), 7
    for fold in range(folds):
        top, foot = at + direction * (fold * 0.045 - 0.22), at + direction * (fold * 0.040 - 0.24)
        top_y, foot_y = _WINDOW_Y[1] + 0.18, 0.12
        upper = [(top, top_y, z), (top + direction * 0.05, top_y, z)]
        lower = [(foot + direction * 0.045, foot_y, z), (foot, foot_y, z)]
        brush.fill(upper + lower, shade(cloth, 1.06 if fold % 2 else 0.86))


def _pictures(brush: _Brush) -> None:
    wall = _BACK_M - 0.02
    for x, y, sky, ground in (
        ((0.02, 0.62), (1.42, 1.92), (196, 168, 120), (92, 120, 176)),
        ((0.8, 1.25), (1.42, 1.92), (120, 176, 214), (104, 96, 70)),
    ):
        frame_x, frame_y = (x[0] - 0.045, x[1] + 0.045), (y[0] - 0.045, y[1] + 0.045)
        brush.upright(frame_x, frame_y, wall, (56, 66, 78))
        z = wall - 0.01
        brush.upright(x, y, z, (226, 234, 238))
        left, right, low, high = x[0] + 0.06, x[1] - 0.06, y[0] + 0.06, y[1] - 0.06
        brush.upright((left, right), (low, high), z, sky)
        brush.ball((left + 0.32 * (right - left), high - 0.12, z), 0.055, (150, 214, 244))
        brush.fill([(left, low, z), ((left + right) / 2, low + 0.2, z), (right, low, z)], ground)


def _shelf(brush: _Brush) -> None:
    wood, random = (74, 104, 134), np.random.default_rng(11)
    x, z = (2.28, 2.98), (_BACK_M - 0.3, _BACK_M)
    brush.block(x, (0, 1.86), z, wood)
    books = (
        *((72, 84, 150), (120, 110, 70), (88, 132, 96)),
        *((170, 190, 206), (60, 92, 118), (140, 96, 88)),
    )
    for board in range(5):
        low = 0.08 + board * 0.36
        brush.upright((x[0] + 0.04, x[1] - 0.04), (low, low + 0.31), z[0], shade(wood, 0.5))
        left = x[0] + 0.05
        while left < x[1] - 0.12 - 0.25 * (board % 2):
            thick, high = random.uniform(0.03, 0.07), random.uniform(0.17, 0.28)
            colour = shade(books[random.integers(len(books))], random.uniform(0.9, 1.1))
            brush.upright((left, left + thick), (low, low + high), z[0], colour)
            left += thick + 0.004


def _rug(brush: _Brush) -> None:
    border, field = (124, 112, 142), (146, 136, 166)
    rings = ((0.0, (112, 100, 132)), (0.07, (172, 186, 200)), (0.12, border), (0.45, field))
    for inset, colour in (*rings, (0.50, border)):
        x, z = (-0.75 + inset, 2.05 - inset), (2.9 + 0.55 * inset, 4.45 - 0.55 * inset)
        brush.flat(x, 0.005, z, colour)


def _sofa(brush: _Brush) -> None:
    cloth, x = (126, 104, 70), (-0.45, 1.75)
    brush.block(x, (0.1, 0.86), (5.25, _BACK_M - 0.08), cloth)
    for left, right in ((-0.23, 0.65), (0.65, 1.53)):
        brush.block((left + 0.01, right - 0.01), (0.42, 0.80), (5.12, 5.28), shade(cloth, 1.08))
    brush.block((x[0] + 0.2, x[1] - 0.2), (0.1, 0.32), (4.62, 5.2), shade(cloth, 0.86))
    for left, right in ((-0.24, 0.65), (0.65, 1.54)):
        brush.block((left + 0.01, right - 0.01), (0.30, 0.45), (4.58, 5.15), shade(cloth, 1.04))
    for left, right in ((x[0], x[0] + 0.22), (x[1] - 0.22, x[1])):
        brush.block((left, right), (0.1, 0.62), (4.58, 5.45), shade(cloth, 0.96))
    for x_m, colour, lean in ((-0.08, (96, 176, 226), 0.05), (1.36, (196, 206, 212), -0.05)):
        lower = [(x_m - 0.17, 0.47, 5.0), (x_m + 0.19, 0.45, 5.0)]
        upper = [(x_m + 0.17 + lean, 0.80, 5.05), (x_m - 0.19 + lean, 0.78, 5.05)]
        brush.fill(lower + upper, colour)
        brush.fill([*lower, (x_m + 0.02, 0.62, 5.0)], shade(colour, 0.9))
    for foot in (x[0] + 0.06, x[1] - 0.12):
        brush.upright((foot, foot + 0.06), (0, 0.1), 4.6, (50, 66, 84))


def _table(brush: _Brush) -> None:
    wood, x, z = (92, 132, 168), (0.35, 1.15), (3.95, 4.35)
    for left in (x[0] + 0.03, x[1] - 0.07):
        for far in (z[1] - 0.06, z[0] + 0.02):
            brush.upright((left, left + 0.04), (0, 0.36), far, shade(wood, 0.6))
    brush.block(x, (0.35, 0.40), z, wood)
    brush.block((0.5, 0.72), (0.40, 0.43), (4.08, 4.24), (168, 120, 84))
    brush.block((0.51, 0.70), (0.43, 0.455), (4.09, 4.22), (88, 110, 190))
    brush.upright((0.92, 1.0), (0.40, 0.50), 4.15, (230, 234, 236))


_LAMP: Point = (2.02, 1.52, 5.1)


def _lamp(brush: _Brush) -> None:
    x, top, z = _LAMP
    brush.upright((x - 0.012, x + 0.012), (0.03, top), z, (48, 54, 60))
    base = [
        (x + 0.16 * float(np.cos(angle)), 0.02, z + 0.16 * float(np.sin(angle)))
        for angle in np.linspace(0, 2 * np.pi, 30)
    ]
    brush.fill(base, (48, 54, 60))
    brush.fill(_lampshade(), (186, 216, 230))


def _lampshade() -> list[Point]:
    x, y, z = _LAMP
    lower = [(x - 0.21, y - 0.02, z), (x + 0.21, y - 0.02, z)]
    return [*lower, (x + 0.13, y + 0.32, z), (x - 0.13, y + 0.32, z)]


def _plant(brush: _Brush) -> None:
    random = np.random.default_rng(3)
    x, z = -2.62, 5.15
    pot = [(x - 0.16, 0, z), (x + 0.16, 0, z), (x + 0.22, 0.38, z), (x - 0.22, 0.38, z)]
    brush.fill(pot, (84, 112, 176))
    brush.upright((x - 0.235, x + 0.235), (0.35, 0.42), z - 0.01, (92, 124, 190))
    for leaf in range(34):
        angle = float(random.uniform(-1.25, 1.25))
        length_m = float(random.uniform(0.45, 1.05)) * (1 - 0.25 * abs(angle))
        tone = float(random.uniform(0.7, 1.25)) * (0.85 + 0.3 * leaf / 34)
        _leaf(brush, (x, 0.4, z), angle, length_m, shade((70, 132, 74), tone))


def _leaf(brush: _Brush, root: Point, angle: float, length_m: float, colour: Colour) -> None:
    along = np.linspace(0, 1, 12)
    bend = angle * (0.35 + 0.75 * along)
    spine = np.stack([np.sin(bend) * along * length_m, np.cos(bend) * along * length_m], axis=1)
    half = 0.055 * np.sin(np.pi * np.clip(along, 0.02, 1) ** 1.4)
    edge = np.stack([half * np.cos(bend), -half * np.sin(bend)], axis=1)
    outline = np.concatenate([spine + edge, (spine - edge)[::-1]])
    brush.fill([(root[0] + float(dx), root[1] + float(dy), root[2]) for dx, dy in outline], colour)


def _contact_shadows(brush: _Brush) -> _Light:
    def floor(x: tuple[float, float], z: tuple[float, float]) -> list[Point]:
        return [(x[0], 0, z[0]), (x[1], 0, z[0]), (x[1], 0, z[1]), (x[0], 0, z[1])]

    furniture = [
        floor((-0.5, 1.8), (4.45, 5.5)),
        floor((0.38, 1.12), (3.95, 4.35)),
        floor((2.2, 3.0), (5.1, 5.6)),
        floor((-2.85, -2.4), (5.0, 5.35)),
    ]
    soft = brush.mask(*furniture, blur_m=0.12)
    right, left = _LEFT_M, _LEFT_M - 0.05
    corner = [(right, 0, _BACK_M), (right, _CEILING_M, _BACK_M)]
    corner += [(left, _CEILING_M, _BACK_M), (left, 0, _BACK_M)]
    corners = brush.mask(corner, blur_m=0.3)
    shadows: _Light = 1 - 0.38 * soft * _bare_floor(brush) - 0.25 * corners
    return shadows


def _bare_floor(brush: _Brush) -> _Light:
    """Return 1 on the floor and 0 on the furniture, which gets no shadows."""
    furniture = brush.mask(
        [(-0.45, 0.1, 4.58), (1.75, 0.1, 4.58), (1.75, 0.9, 5.3), (-0.45, 0.9, 5.3)],
        [(0.35, 0.35, 3.95), (1.15, 0.35, 3.95), (1.15, 0.4, 4.35), (0.35, 0.4, 4.35)],
        [(2.28, 0, 5.3), (2.98, 0, 5.3), (2.98, 1.9, 5.3), (2.28, 1.9, 5.3)],
        [(-2.8, 0, 5.15), (-2.44, 0, 5.15), (-2.4, 0.4, 5.15), (-2.84, 0.4, 5.15)],
        blur_m=0.0,
    )
    bare: _Light = 1 - furniture
    return bare


def _daylight(brush: _Brush) -> _Light:
    """Return the light of the window, which is strongest near it and on the floor before it."""
    middle = (sum(_WINDOW_X) / 2, sum(_WINDOW_Y) / 2, _BACK_M)
    on_floor = 0.85 * brush.falloff((-0.8, 0.0, 3.6), 1.5)
    light: _Light = np.maximum(brush.falloff(middle, 2.4), on_floor)
    return light


def _sun_patch(brush: _Brush) -> _Light:
    def on_floor(x: float, y: float) -> Point:
        return x + 0.42 * y / 0.9, 0.0, _BACK_M - 0.95 * y / 0.9

    (left, right), (low, high) = _WINDOW_X, _WINDOW_Y
    middle, bar = (left + right) / 2, low + 0.62 * (high - low)
    panes = [
        [on_floor(a, c), on_floor(b, c), on_floor(b, d), on_floor(a, d)]
        for a, b in ((left + 0.05, middle - 0.05), (middle + 0.05, right - 0.05))
        for c, d in ((low + 0.05, bar - 0.04), (bar + 0.04, high - 0.05))
    ]
    return brush.mask(*panes, blur_m=0.02)


def _lamp_light(brush: _Brush) -> _Light:
    x, y, z = _LAMP
    near_lamp = 1.1 * brush.falloff((x, y + 0.1, z), 0.55)
    on_floor = 0.55 * brush.falloff((x, 0.0, z), 0.8)
    lit: _Light = near_lamp + on_floor + 0.6 * brush.mask(_lampshade(), blur_m=0.01)
    return lit
