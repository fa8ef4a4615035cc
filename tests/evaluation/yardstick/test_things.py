"""Scenes of things that move and are nobody."""

from collections.abc import Callable

import numpy as np
import pytest

from app.evaluation.yardstick import things
from app.evaluation.yardstick.footage import FPS, Footage
from app.evaluation.yardstick.staging import Staging
from tests.evaluation.yardstick.scenery import footage

ROOM = footage()
Scene = Callable[[np.random.Generator, Footage], Staging]
SCENES = (things.television, things.swaying_plant, things.insect, things.vibration)


def changed_share(staging: Staging, one: int, other: int) -> float:
    """The share of pixels that differ by 5 levels between two frames without noise."""
    assert staging.effect
    pictures = [
        staging.effect(number, staging.story.picture(number)).max(axis=2) for number in (one, other)
    ]
    return float((np.abs(pictures[0] - pictures[1]) > 5).mean())


@pytest.mark.parametrize("scene", SCENES)
def test_a_part_of_the_picture_moves_at_the_disturbance(scene: Scene) -> None:
    staging = scene(np.random.default_rng(7), ROOM)
    at = round(staging.disturbances[0].start_s * FPS)
    still = changed_share(staging, at - 21, at - 19)
    moving = max(changed_share(staging, at + step, at + step + 3) for step in (1, 4, 9))
    assert still < 0.01
    assert moving > max(still, 0.0005)


@pytest.mark.parametrize("scene", SCENES)
def test_nobody_comes_and_the_first_seconds_are_quiet(scene: Scene) -> None:
    labels = scene(np.random.default_rng(8), ROOM).labels("thing")
    assert labels.presence == ()
    assert all(one.start_s >= 12 for one in labels.disturbances)
