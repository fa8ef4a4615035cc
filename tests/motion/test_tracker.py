"""Tracks of a scene: what is found out of them, and when they end."""

import numpy as np
import pytest

from app.motion.base import MotionSettings
from app.motion.structure import StructureMotion
from tests.motion.scenes import COLUMNS, ROWS, Picture, room, shown, with_figure
from tests.motion.test_structure import times_seen, walk


def test_the_evidence_says_why_somebody_was_seen() -> None:
    motion = StructureMotion(MotionSettings())
    found = None
    for at_s, picture in shown(walk, 10):
        found = found or motion.judge(picture, 255, at_s).evidence
    assert found
    assert found.entered == "left"
    assert 0.4 < found.height < 0.75
    assert found.hidden
    assert found.hidden > 0.5
    assert found.darker > 0.3


def test_two_people_are_two_tracks_that_keep_their_numbers() -> None:
    motion = StructureMotion(MotionSettings())

    def two(at_s: float) -> Picture:
        return with_figure(walk(at_s), 130 - 8 * (at_s - 8)) if at_s >= 8 else room()

    numbers = [
        {one.number for one in compared.contours if one.confirmed and one.seen}
        for at_s, picture in shown(two, 10.5)
        if motion.judge(picture, 255, at_s).motion and (compared := motion.comparison())
    ]
    assert set().union(*numbers) == numbers[-1]
    assert len(numbers[-1]) == 2


def test_a_track_ends_when_nothing_is_left_of_it() -> None:
    motion = StructureMotion(MotionSettings())
    times_seen(walk, 16, motion=motion)
    compared = motion.comparison()
    assert compared
    assert compared.contours == ()


@pytest.mark.parametrize("light", [0.6, 1.5])
def test_nobody_is_left_where_the_light_changed_under_somebody(light: float) -> None:
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    spot = 1 + (light - 1) * np.exp(-(((columns - 80) / 30) ** 2) - ((rows - 60) / 25) ** 2)

    def draw(at_s: float) -> Picture:
        scene = np.asarray(np.minimum(room() * (spot if at_s > 10 else 1), 250), np.float32)
        return walk(at_s, scene=scene)

    seen = times_seen(draw, 24)
    assert 12 < seen[-1] < 18


@pytest.mark.parametrize("column", [16, 24])
def test_a_patch_of_light_hides_no_one_who_comes_over_it(column: int) -> None:
    def draw(at_s: float) -> Picture:
        scene = room()
        if at_s >= 8:
            scene[45:56, column : column + 5] *= 1.4
        return walk(at_s, scene=scene)

    assert 8 <= times_seen(draw, 10, fps=5)[0] <= 9
