"""The whole picture: how a scene is learned, and what noise and pushes of the camera do."""

import numpy as np
import pytest

from app.motion.base import MotionSettings
from app.motion.rules import Objection
from app.motion.structure import StructureMotion
from app.motion.whole_picture import CALIBRATION_S
from tests.motion.scenes import Picture, room, shown
from tests.motion.test_structure import times_seen, walk


@pytest.mark.parametrize(("begins_s", "learning_s"), [(8, 1.5), (0, CALIBRATION_S)])
def test_a_scene_is_learned_until_it_is_quiet(begins_s: float, learning_s: float) -> None:
    motion = StructureMotion(MotionSettings())
    pictures = shown(lambda at_s: walk(at_s % 3 + 8) if at_s >= begins_s else room(), 7)
    learning = [motion.judge(picture, 255, at_s).learning for at_s, picture in pictures]
    assert sum(learning) == pytest.approx(10 * learning_s, abs=2)


def test_a_push_of_the_camera_is_not_somebody() -> None:
    motion = StructureMotion(MotionSettings())
    pushed = lambda at_s: np.roll(room(), 3 if at_s >= 8 else 0, axis=1)  # noqa: E731
    assert times_seen(pushed, motion=motion) == []
    assert motion.objections()[Objection.SHAKE] > 0


def test_another_scene_is_learned_and_people_are_seen_in_it() -> None:
    other = room(seed=2)
    seen = times_seen(lambda at_s: room() if at_s < 5 else walk(at_s, scene=other))
    assert 8 <= seen[0] <= 9


def test_noise_that_rises_for_a_picture_is_nobody() -> None:
    motion, random = StructureMotion(MotionSettings()), np.random.default_rng(3)

    def pulses(at_s: float) -> Picture:
        burst = random.normal(0, 7, room().shape) if round(at_s * 10) % 25 == 0 else 0
        return np.asarray(room() + burst, np.float32)

    assert times_seen(pulses, motion=motion) == []
    assert motion.objections()[Objection.NOISE] > 0


def test_a_mask_hides_what_is_under_it() -> None:
    everything = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert times_seen(walk, motion=StructureMotion(MotionSettings(), (everything,))) == []
