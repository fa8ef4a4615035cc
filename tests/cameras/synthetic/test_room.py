"""The drawn room, in its kinds of light."""

import numpy as np
import pytest

from app.cameras.synthetic.projection import Projection
from app.cameras.synthetic.room import Room, draw_room

PROJECTION = Projection(160, 120)


@pytest.fixture(scope="module")
def room() -> Room:
    return draw_room(PROJECTION)


def test_the_room_fills_the_canvas(room: Room) -> None:
    for picture in (room.sunny, room.dull, room.glow):
        assert picture.shape == (160, 240, 3)
        assert picture.dtype == np.uint8
    assert (room.sunny.max(axis=2) > 0).all()


def test_a_sunny_room_is_brighter_than_a_dull_one(room: Room) -> None:
    assert room.sunny.mean() > room.dull.mean() + 5


def test_the_lamp_gives_more_light_on_its_own_side(room: Room) -> None:
    assert room.glow[:, 120:].mean() > 2 * room.glow[:, :120].mean()
