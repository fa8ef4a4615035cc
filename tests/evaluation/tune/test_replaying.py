"""Replays with several settings, against the same detector frame by frame."""

import numpy as np

from app.config import CameraConfig, Config
from app.evaluation.tune.knobs import detector_knobs
from app.evaluation.tune.replaying import _opens, openings
from app.evaluation.yardstick.drawn import frames_of
from app.frames import Frame


def walk(height: int) -> list[Frame]:
    """Return a textured room through which something dark of this *height* goes."""
    rng = np.random.default_rng(1)
    room = rng.integers(60, 200, (45, 80, 1)).repeat(8, 0).repeat(8, 1).repeat(3, 2)
    pictures = []
    for number in range(70):
        picture = room.copy()
        left = 12 * (number - 40)
        if left >= 0:
            picture[300 - height : 300, left : left + height // 2] = 20
        pictures.append(np.clip(picture + rng.normal(0, 2, (360, 640, 1)), 0, 255).astype(np.uint8))
    return list(frames_of(pictures))


def test_the_classic_verdicts_are_those_of_the_detector_itself() -> None:
    frames, config, camera = walk(120), Config(), CameraConfig()
    tried = [one for one in detector_knobs(config) if dict(one)["motion.method"] != "structure"]
    found = openings(frames, config, camera, tried)
    assert set(found.values()) == {True, False}
    for knobs in tried[::11]:
        assert found[knobs] == _opens(frames, config, camera, knobs)


def test_a_larger_size_finds_only_larger_people() -> None:
    config, camera = Config(), CameraConfig()
    by_size = sorted(detector_knobs(config)[:8], key=lambda knobs: dict(knobs)["motion.min_size"])
    tried = [by_size[0], by_size[-1]]
    small, large = (openings(walk(height), config, camera, tried) for height in (50, 160))
    assert [large[knobs] for knobs in tried] == [True, True]
    assert [small[knobs] for knobs in tried] == [True, False]
