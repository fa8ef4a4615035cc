"""Points of the room, and where they are in the picture."""

import pytest

from app.cameras.synthetic.projection import EYE_M, Projection

PROJECTION = Projection(160, 120)


def test_the_canvas_has_a_margin_around_the_picture() -> None:
    assert PROJECTION.margin == (40, 20)
    assert PROJECTION.size == (240, 160)


def test_a_point_straight_ahead_is_in_the_middle_column() -> None:
    (near, _), (far, _) = (PROJECTION.project(0.0, EYE_M, z_m) for z_m in (2.0, 5.0))
    assert near == far == 120


def test_distances_shrink_with_the_depth() -> None:
    def width(z_m: float) -> float:
        return PROJECTION.project(1.0, 0.0, z_m)[0] - PROJECTION.project(0.0, 0.0, z_m)[0]

    assert width(1.0) == pytest.approx(PROJECTION.focal_px)
    assert width(4.0) == pytest.approx(PROJECTION.focal_px / 4)
