"""The drawn visitor."""

import numpy as np
import pytest

from app.cameras.synthetic.figure import STEPS, Facing, sprite

PX_PER_M = 60


@pytest.mark.parametrize("facing", ["left", "right", "front", "front-left", "front-right"])
def test_the_body_is_as_tall_as_a_person(facing: Facing) -> None:
    drawn = sprite(PX_PER_M, facing, 0)
    left, top, right, bottom = drawn.body
    assert 1.6 < (bottom - top) / PX_PER_M < 1.9
    assert left < drawn.feet[0] < right
    assert abs(bottom - drawn.feet[1]) < 0.1 * PX_PER_M


def test_nothing_of_the_picture_stays_within_the_body() -> None:
    drawn = sprite(PX_PER_M, "front", 0)
    left, top, right, bottom = drawn.body
    assert drawn.stays[(top + bottom) // 2, (left + right) // 2].max() == 0
    assert drawn.stays[0, 0].min() == 255
    assert drawn.colour[0, 0].max() == 0


def test_a_walk_to_the_left_mirrors_a_walk_to_the_right() -> None:
    left, right = (sprite(PX_PER_M, facing, 3) for facing in ("left", "right"))
    width = left.colour.shape[1]
    assert left.body == (width - right.body[2], right.body[1], width - right.body[0], right.body[3])


def test_every_step_looks_different() -> None:
    steps = [sprite(PX_PER_M, "right", step).colour for step in range(STEPS)]
    assert all(not np.array_equal(steps[n - 1], steps[n]) for n in range(STEPS))
