"""Scenes in which people come."""

from itertools import pairwise

import numpy as np
import pytest

from app.evaluation.yardstick import people
from app.evaluation.yardstick.footage import HEIGHT
from app.evaluation.yardstick.scenes import SCENES
from app.evaluation.yardstick.staging import Staging
from tests.evaluation.yardstick.scenery import footage

ROOM = footage()
RNG = np.random.default_rng


@pytest.mark.parametrize("name", [name for name in SCENES if name.startswith("person")])
def test_visits_come_one_after_another(name: str) -> None:
    labels = SCENES[name](RNG(4), ROOM).labels(name)
    assert len(labels.presence) == {"person_still": 1, "person_twice": 4}.get(name, 3)
    times_s = [at_s for visit in labels.presence for at_s in visit]
    assert times_s == sorted(times_s)
    assert 12 <= times_s[0] <= 15
    assert times_s[-1] <= labels.seconds <= 120


def shown(staging: Staging, step: int = 25) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Where the middle of the first visit differs from the clean room."""
    picture = staging.story.picture(staging.story.presence[0][0] + step)
    return np.asarray(np.abs(picture - ROOM.plate).max(axis=2), np.float32)


def test_somebody_in_the_colours_of_the_room_differs_less() -> None:
    clear, faint = (
        shown(scene(RNG(4), ROOM)) for scene in (people.plain((0, 1, 2)), people.low_contrast)
    )
    assert 0 < faint.mean() < 0.7 * clear.mean()


def test_somebody_far_away_is_small() -> None:
    rows = np.nonzero((shown(people.far((0.25, 0.4))(RNG(4), ROOM), 5) > 20).any(axis=1))[0]
    assert 0 < rows.max() - rows.min() < 0.3 * HEIGHT


def test_the_lamp_switches_as_somebody_comes() -> None:
    labels = people.with_lamp(RNG(4), ROOM).labels("lamp")
    pairs = zip(labels.presence, labels.disturbances, strict=True)
    assert all(0 <= lamp.start_s - entry_s < 0.4 for (entry_s, _), lamp in pairs)


def test_two_people_come_in_quick_succession() -> None:
    presence = people.twice(RNG(4), ROOM).labels("twice").presence
    gaps_s = [late[0] - early[1] for early, late in pairwise(presence)]
    assert [gap_s < 5 for gap_s in gaps_s] == [True, False, True]


def test_somebody_stands_still_for_a_minute() -> None:
    ((entry_s, exit_s),) = people.still(RNG(4), ROOM).labels("still").presence
    assert 65 <= exit_s - entry_s <= 80
