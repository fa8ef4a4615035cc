"""Shapes in metres are painted where the projection puts them."""

import numpy as np

from app.cameras.synthetic.brush import Brush
from app.cameras.synthetic.projection import BACK_M, Projection

PROJECTION = Projection(160, 120)
WHITE = (255, 255, 255)


def test_a_wall_covers_what_the_projection_says() -> None:
    brush = Brush(PROJECTION)
    brush.upright((-1.0, 1.0), (1.0, 2.0), BACK_M, WHITE)
    rows, columns = np.nonzero(brush.finished()[..., 0] > 128)
    left, low = PROJECTION.project(-1.0, 1.0, BACK_M)
    right, high = PROJECTION.project(1.0, 2.0, BACK_M)
    found = np.array([columns.min(), columns.max(), rows.min(), rows.max()])
    assert np.abs(found - [left, right, high, low]).max() <= 1.5


def test_a_box_has_a_front_and_a_darker_side_to_the_middle() -> None:
    brush = Brush(PROJECTION)
    brush.block((0.5, 1.0), (0.0, 1.0), (2.0, 4.0), WHITE)
    front, side, beyond = (
        brush.finished()[round(row), round(column), 0]
        for column, row in (
            PROJECTION.project(0.75, 0.5, 2.0),
            PROJECTION.project(0.5, 0.5, 3.0),
            PROJECTION.project(1.05, 0.5, 2.0),
        )
    )
    assert front > side > beyond == 0


def test_light_falls_to_a_half_at_its_reach() -> None:
    light = Brush(PROJECTION).falloff((0.0, 1.7, 4.0), 1.0)
    column, row = (round(one) for one in PROJECTION.project(0.0, 1.7, 4.0))
    reach_px = round(PROJECTION.focal_px / 4.0)
    assert abs(light[row, column] - 1.0) < 0.01
    assert abs(light[row, column + reach_px] - 0.5) < 0.02
