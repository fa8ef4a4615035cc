"""The drawn room, and its projection on the canvas."""

import numpy as np
import pytest

from app.cameras.synthetic.room import EYE_M, Projection, Room, draw_room

PROJECTION = Projection(160, 120)


@pytest.fixture(scope="module")
def room() -> Room:
    return draw_room(PROJECTION)


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


def test_the_room_fills_the_canvas(room: Room) -> None:
    for picture in (room.sunny, room.dull, room.glow):
        assert picture.shape == (160, 240, 3)
        assert picture.dtype == np.uint8
    assert (room.sunny.max(axis=2) > 0).all()


def test_a_sunny_room_is_brighter_than_a_dull_one(room: Room) -> None:
    assert room.sunny.mean() > room.dull.mean() + 5


def test_the_lamp_gives_more_light_on_its_own_side(room: Room) -> None:
    assert room.glow[:, 120:].mean() > 2 * room.glow[:, :120].mean()
