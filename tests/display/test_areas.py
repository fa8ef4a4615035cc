"""Areas on a picture."""

import numpy as np
import pytest

from app.display.areas import COLOURS, with_areas
from app.frames import Polygon
from app.motion.background import visible_mask

SQUARE: Polygon = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


@pytest.mark.parametrize(("width", "shown"), [(320, 960), (640, 1280), (1920, 1920)])
def test_a_small_picture_is_enlarged_and_has_a_grid(width: int, shown: int) -> None:
    plain = np.full((width * 3 // 4, width, 3), 100, np.uint8)
    drawn = with_areas(plain, {})
    assert drawn.shape == (shown * 3 // 4, shown, 3)
    assert (plain == 100).all()
    row = drawn[shown * 3 // 8 + 50, :, 0]
    for step in range(1, 10):
        assert row[shown * step // 10] > 150
    assert row[shown // 20] == 100


@pytest.mark.parametrize("kind", COLOURS)
def test_each_area_has_its_outline(kind: str) -> None:
    drawn = with_areas(np.full((720, 960, 3), 100, np.uint8), {kind: (SQUARE,)})
    for at in ((180, 300), (540, 300), (300, 240), (300, 719)):
        near = drawn[at[0] - 2 : at[0] + 3, at[1] - 2 : at[1] + 3].reshape(-1, 3).tolist()
        assert list(COLOURS[kind]) in near, at


@pytest.mark.parametrize("kind", ["mask", "zone"])
def test_an_area_that_crosses_itself_is_filled_as_it_counts(kind: str) -> None:
    crossing: Polygon = ((0.25, 0.25), (0.75, 0.75), (0.75, 0.25), (0.25, 0.75))
    drawn = with_areas(np.full((720, 960, 3), 100, np.uint8), {kind: (crossing,)})
    visible = visible_mask((crossing,), (72, 96))
    for column, row, counts in ((30, 36, True), (66, 36, True), (45, 25, False), (45, 47, False)):
        assert (visible[row, column] == 0) == counts
        assert (drawn[10 * row, 10 * column].tolist() != [100, 100, 100]) == counts
