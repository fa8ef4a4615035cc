"""The list of scenes, and a small part of the yardstick with figures that must hold.

The whole of it is `scripts/yardstick.sh`, which takes minutes.
"""

from pathlib import Path

import numpy as np
import pytest

from app.evaluation.yardstick import light
from app.evaluation.yardstick.drawn import frames_of
from app.evaluation.yardstick.footage import CLIP, Footage, Pixels, clip_footage
from app.evaluation.yardstick.run import Plan, find_events
from app.evaluation.yardstick.scenes import SCENES, stage
from app.evaluation.yardstick.score import score
from app.evaluation.yardstick.staging import Staging, Story, disturbances
from tests.evaluation.yardstick.scenery import footage as small_footage

STRUCTURE = Plan(seed=1, method="structure")
#: The frames at which visitors come, and their frames of the clip, there and back.
ENTRIES, VISITORS = (70, 165, 260), (range(60, 73), range(227, 240), range(60, 73))
#: The frames of a lamp that is switched, of a flash, and of a cloud: while nobody is there.
LAMP, FLASH, CLOUD = 122, 217, 312


@pytest.fixture(scope="module")
def clip(footage: Path) -> Footage:
    return clip_footage(footage / CLIP, seed=1, most=300)


def test_only_the_same_seed_gives_the_same_scene() -> None:
    room = small_footage()
    one, again, other = (stage("lamp_half", seed, room)[0].labels("x") for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert len(SCENES) == 25


def small_part(clip: Footage) -> Staging:
    story = Story(clip, 34.5)
    for at, frames in zip(ENTRIES, VISITORS, strict=True):
        story.show(at, [*frames, *reversed(frames)])
    rng = np.random.default_rng(5)
    lamp, cloud = light.lamp(rng, [LAMP], "half"), light.clouds(rng, story.length, [CLOUD])

    def effect(number: int, picture: Pixels) -> Pixels:
        flash = 1.8 if 0 <= number - FLASH < 2 else 1.0
        return cloud(number, lamp(number, picture)) * flash

    happens = [*disturbances([LAMP, CLOUD], "lamp or cloud"), *disturbances([FLASH], "flash")]
    return Staging(story, effect, 2.0, happens)


def test_people_are_found_at_once_and_light_trips_nothing(clip: Footage) -> None:
    staging = small_part(clip)
    frames = frames_of(staging.draw(np.random.default_rng(1)))
    result = score(staging.labels("small"), find_events(STRUCTURE, frames))
    assert (len(result.latencies_s), result.disturbances) == (3, 3)
    assert result.recall(1) == 1
    assert (result.tripped, result.false_at_s) == (0, ())
    assert (result.overhang or 0) < 0.01
    assert (result.coverage or 0) > 0.85
