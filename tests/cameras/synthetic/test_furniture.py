"""The furniture fills the room, and its lamp stands in its light."""

from app.cameras.synthetic.brush import Brush
from app.cameras.synthetic.furniture import LAMP, lampshade, paint_furniture
from app.cameras.synthetic.projection import Projection


def test_no_place_of_the_room_stays_bare() -> None:
    brush = Brush(Projection(160, 120))
    paint_furniture(brush)
    assert (brush.finished().max(axis=2) > 0).all()


def test_the_shade_hangs_around_the_lamp() -> None:
    columns = [x for x, _, _ in lampshade()]
    assert min(columns) < LAMP[0] < max(columns)
