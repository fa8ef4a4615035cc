"""Paints the walls of the drawn room, and everything that stands in it."""

from itertools import pairwise

import numpy as np

from app.cameras.synthetic.brush import Brush
from app.cameras.synthetic.colours import Colour, shade
from app.cameras.synthetic.projection import BACK_M, CEILING_M, FRONT_M, LEFT_M, RIGHT_M, Point

WINDOW_X, WINDOW_Y = (-2.25, -0.75), (0.85, 2.2)
LAMP: Point = (2.02, 1.52, 5.1)


def paint_furniture(brush: Brush) -> None:
    """Paint all of it, from the back to the front."""
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


def _shell(brush: Brush) -> None:
    wall, depth = (178, 196, 200), (FRONT_M, BACK_M)
    brush.upright((LEFT_M, RIGHT_M), (0, CEILING_M), BACK_M, wall)
    brush.side(LEFT_M, (0, CEILING_M), depth, shade(wall, 0.80))
    brush.side(RIGHT_M, (0, CEILING_M), depth, shade(wall, 0.90))
    brush.flat((LEFT_M, RIGHT_M), CEILING_M, depth, (222, 228, 230))
    white = (226, 232, 234)
    brush.upright((LEFT_M, RIGHT_M), (0, 0.11), BACK_M - 0.02, white)
    brush.side(LEFT_M + 0.02, (0, 0.11), depth, shade(white, 0.84))
    brush.side(RIGHT_M - 0.02, (0, 0.11), depth, shade(white, 0.92))


def _floor(brush: Brush) -> None:
    random = np.random.default_rng(5)
    oak, board_m = (104, 142, 176), 0.15
    for left in np.arange(LEFT_M, RIGHT_M, board_m):
        board, joints = (left, left + board_m), np.sort(random.uniform(FRONT_M, BACK_M, 3))
        for near, far in pairwise([FRONT_M, *joints, BACK_M]):
            brush.flat(board, 0, (near, far), shade(oak, random.uniform(0.9, 1.07)))
            brush.flat(board, 0, (near, near + 0.008), shade(oak, 0.72))
        brush.flat((left, left + 0.008), 0, (FRONT_M, BACK_M), shade(oak, 0.72))


def _window(brush: Brush) -> None:
    (left, right), (low, high), wall = WINDOW_X, WINDOW_Y, BACK_M - 0.01
    _sky(brush, wall)
    _hills(brush, wall)
    white = (236, 240, 242)
    for x in (left, (left + right) / 2, right):
        brush.upright((x - 0.035, x + 0.035), (low, high), wall - 0.01, white)
    for y in (low, low + 0.62 * (high - low), high):
        brush.upright((left - 0.035, right + 0.035), (y - 0.03, y + 0.03), wall - 0.01, white)
    sill_x, sill_y, sill_z = (left - 0.12, right + 0.12), (low - 0.09, low - 0.03), BACK_M - 0.16
    brush.block(sill_x, sill_y, (sill_z, BACK_M), (228, 234, 238))
    for at, direction in ((left - 0.08, 1), (right + 0.08, -1)):
        _curtain(brush, at, direction, wall - 0.12)
    brush.upright((left - 0.4, right + 0.4), (high + 0.16, high + 0.2), wall - 0.13, (70, 84, 96))


def _sky(brush: Brush, wall: float) -> None:
    low, high = WINDOW_Y
    horizon, zenith = (246, 240, 226), (236, 190, 138)
    for step in np.linspace(0, 1, 40, endpoint=False):
        blue, green, red = (
            round(float(a + (b - a) * step)) for a, b in zip(horizon, zenith, strict=True)
        )
        band = (low + (high - low) * step, low + (high - low) * (step + 0.03))
        brush.upright(WINDOW_X, band, wall, (blue, green, red))


def _hills(brush: Brush, wall: float) -> None:
    (left, right), low = WINDOW_X, WINDOW_Y[0]
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


def _curtain(brush: Brush, at: float, direction: int, z: float) -> None:
    cloth, folds = (150, 128, 92), 7
    for fold in range(folds):
        top, foot = at + direction * (fold * 0.045 - 0.22), at + direction * (fold * 0.040 - 0.24)
        top_y, foot_y = WINDOW_Y[1] + 0.18, 0.12
        upper = [(top, top_y, z), (top + direction * 0.05, top_y, z)]
        lower = [(foot + direction * 0.045, foot_y, z), (foot, foot_y, z)]
        brush.fill(upper + lower, shade(cloth, 1.06 if fold % 2 else 0.86))


def _pictures(brush: Brush) -> None:
    wall = BACK_M - 0.02
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


def _shelf(brush: Brush) -> None:
    wood, random = (74, 104, 134), np.random.default_rng(11)
    x, z = (2.28, 2.98), (BACK_M - 0.3, BACK_M)
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


def _rug(brush: Brush) -> None:
    border, field = (124, 112, 142), (146, 136, 166)
    rings = ((0.0, (112, 100, 132)), (0.07, (172, 186, 200)), (0.12, border), (0.45, field))
    for inset, colour in (*rings, (0.50, border)):
        x, z = (-0.75 + inset, 2.05 - inset), (2.9 + 0.55 * inset, 4.45 - 0.55 * inset)
        brush.flat(x, 0.005, z, colour)


def _sofa(brush: Brush) -> None:
    cloth, x = (126, 104, 70), (-0.45, 1.75)
    brush.block(x, (0.1, 0.86), (5.25, BACK_M - 0.08), cloth)
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


def _table(brush: Brush) -> None:
    wood, x, z = (92, 132, 168), (0.35, 1.15), (3.95, 4.35)
    for left in (x[0] + 0.03, x[1] - 0.07):
        for far in (z[1] - 0.06, z[0] + 0.02):
            brush.upright((left, left + 0.04), (0, 0.36), far, shade(wood, 0.6))
    brush.block(x, (0.35, 0.40), z, wood)
    brush.block((0.5, 0.72), (0.40, 0.43), (4.08, 4.24), (168, 120, 84))
    brush.block((0.51, 0.70), (0.43, 0.455), (4.09, 4.22), (88, 110, 190))
    brush.upright((0.92, 1.0), (0.40, 0.50), 4.15, (230, 234, 236))


def _lamp(brush: Brush) -> None:
    x, top, z = LAMP
    brush.upright((x - 0.012, x + 0.012), (0.03, top), z, (48, 54, 60))
    base = [
        (x + 0.16 * float(np.cos(angle)), 0.02, z + 0.16 * float(np.sin(angle)))
        for angle in np.linspace(0, 2 * np.pi, 30)
    ]
    brush.fill(base, (48, 54, 60))
    brush.fill(lampshade(), (186, 216, 230))


def lampshade() -> list[Point]:
    """Return the outline of the shade of the lamp."""
    x, y, z = LAMP
    lower = [(x - 0.21, y - 0.02, z), (x + 0.21, y - 0.02, z)]
    return [*lower, (x + 0.13, y + 0.32, z), (x - 0.13, y + 0.32, z)]


def _plant(brush: Brush) -> None:
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


def _leaf(brush: Brush, root: Point, angle: float, length_m: float, colour: Colour) -> None:
    along = np.linspace(0, 1, 12)
    bend = angle * (0.35 + 0.75 * along)
    spine = np.stack([np.sin(bend) * along * length_m, np.cos(bend) * along * length_m], axis=1)
    half = 0.055 * np.sin(np.pi * np.clip(along, 0.02, 1) ** 1.4)
    edge = np.stack([half * np.cos(bend), -half * np.sin(bend)], axis=1)
    outline = np.concatenate([spine + edge, (spine - edge)[::-1]])
    brush.fill([(root[0] + float(dx), root[1] + float(dy), root[2]) for dx, dy in outline], colour)
