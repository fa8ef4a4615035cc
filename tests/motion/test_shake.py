"""A camera that was pushed: how far the picture has moved."""

import numpy as np
import pytest

from app.motion.shake import Shake
from tests.motion.scenes import room, with_figure
from tests.motion.test_scene_model import SHAPE, changed_by, learned


@pytest.mark.parametrize("by", [(2, 0), (0, -3), (-2, 2)])
def test_a_push_is_measured_and_the_background_follows(by: tuple[int, int]) -> None:
    contrast, model = learned()
    moved = np.roll(room(), by[::-1], axis=(0, 1))
    changed = changed_by(contrast, model, moved)
    before = model.contrast.copy()
    shift = Shake(SHAPE).shift(contrast, model, changed)
    assert shift is not None
    assert np.array_equal(model.contrast, before)
    inner = slice(8, -8), slice(8, -8)
    assert np.abs(shift.contrast[inner] - contrast.local[inner]).mean() < 2
    assert shift.rim == pytest.approx((abs(by[0]) + 4, abs(by[1]) + 4), abs=1)


def test_a_person_is_no_push() -> None:
    contrast, model = learned()
    changed = changed_by(contrast, model, with_figure(room(), 80))
    assert Shake(SHAPE).shift(contrast, model, changed) is None
