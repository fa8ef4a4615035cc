"""The synthetic camera and its ground truth."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.cameras.base import CameraSettings
from app.cameras.synthetic.camera import SCENES, SyntheticCamera
from app.clock import FakeClock
from app.frames import Frame

SETTINGS = CameraSettings(resolution=(320, 240), fps=5)
SMALL = CameraSettings(resolution=(160, 120), fps=5)
MINUTE = 60 * 5


def drawn(scene: str, seed: int = 0, settings: CameraSettings = SETTINGS) -> SyntheticCamera:
    camera = SyntheticCamera("drawn", settings, FakeClock(), "fast", scene=scene, seed=seed)
    camera.open()
    return camera


def frames(camera: SyntheticCamera, count: int) -> list[Frame]:
    return [camera.read() for _ in range(count)]


def unlike(one: Frame, other: Frame) -> float:
    return float(np.abs(one.luma.astype(int) - other.luma).mean())


@pytest.mark.parametrize("scene", SCENES)
def test_only_the_same_seed_gives_the_same_frames(scene: str) -> None:
    first, again, other = (frames(drawn(scene, seed, SMALL), 20)[-1] for seed in (3, 3, 4))
    assert np.array_equal(first.luma, again.luma)
    assert np.array_equal(first.bgr(), again.bgr())
    assert not np.array_equal(first.luma, other.luma)


@pytest.mark.parametrize("scene", ["empty", "noise", "lamp"])
def test_nobody_is_in_a_scene_without_people(scene: str) -> None:
    camera = drawn(scene, settings=SMALL)
    assert not any(camera.ground_truth(number).person for number in range(MINUTE))


@pytest.mark.parametrize(("scene", "seed"), [("demo", 0), ("person", 0), ("person", 1)])
def test_a_visitor_comes_after_3_s_and_then_every_20_s(scene: str, seed: int) -> None:
    camera = drawn(scene, seed, SMALL)
    visible = [camera.ground_truth(number).person is not None for number in range(2 * MINUTE)]
    came_s = [
        number / 5
        for number, (before, now) in enumerate(pairwise(visible), 1)
        if now and not any(visible[max(number - 15, 0) : number])
    ]
    assert 2 <= came_s[0] <= 4
    assert len(came_s) == 6
    assert all(15 < after - before < 25 for before, after in pairwise(came_s))


@pytest.mark.parametrize(("vflip", "hflip"), [(True, False), (False, True)])
def test_the_ground_truth_is_where_the_picture_changes(vflip: bool, hflip: bool) -> None:
    settings = replace(SETTINGS, vflip=vflip, hflip=hflip)
    person, empty = drawn("person", 1, settings), drawn("empty", 1, settings)
    seen = 0
    for one, other in zip(frames(person, 60), frames(empty, 60), strict=True):
        changed = np.abs(one.luma.astype(int) - other.luma) > 12
        box = person.ground_truth(one.number).person
        if box is None:
            assert changed.mean() < 0.005, "only a part of the shadow is visible"
        elif box.width > 30:
            inside = changed[box.y : box.y + box.height, box.x : box.x + box.width]
            assert inside.mean() > 0.15
            assert inside.sum() > 0.7 * changed.sum()
            seen += 1
    assert seen > 15


def test_the_ground_truth_says_when_the_lamp_is_lit() -> None:
    camera = drawn("lamp", settings=SMALL)
    shown = frames(camera, MINUTE // 2)
    lit = [camera.ground_truth(frame.number).lamp for frame in shown]
    assert {False, True} == set(lit)
    for (before, now), (frame, after) in zip(pairwise(lit), pairwise(shown), strict=True):
        assert (unlike(frame, after) > 3) == (before != now)


def test_the_demos_daylight_changes_slowly() -> None:
    camera = drawn("demo", settings=SMALL)
    light = [camera.ground_truth(number).sun for number in range(0, 5 * MINUTE, 5)]
    assert max(light) - min(light) > 0.9
    assert max(abs(after - before) for before, after in pairwise(light)) < 0.025


def test_only_the_noise_scene_has_strong_noise() -> None:
    noisy, calm = frames(drawn("noise"), 2), frames(drawn("empty"), 2)
    assert unlike(*noisy) > 12
    assert 0.5 < unlike(*calm) < 3


def test_aiming_turns_the_view_as_a_mount_would() -> None:
    camera = drawn("empty")
    straight = camera.read().luma.astype(int)
    camera.aim(10, 0)
    right = camera.read().luma.astype(int)
    camera.aim(0, 5)
    up = camera.read().luma.astype(int)
    focal_px = 0.8 * 320
    columns, rows = (round(focal_px * np.tan(np.radians(angle))) for angle in (10, 5))
    assert np.abs(right[:, :-columns] - straight[:, columns:]).mean() < 3
    assert np.abs(up[rows:] - straight[:-rows]).mean() < 3
    assert np.abs(right - straight).mean() > 8


def test_aiming_changes_the_ground_truth_too() -> None:
    camera = drawn("person")
    number = next(
        number
        for number in range(MINUTE)
        if (box := camera.ground_truth(number).person) and box.x < 40
    )
    before = camera.ground_truth(number).person
    camera.aim(17, 0)
    after = camera.ground_truth(number).person
    assert before is not None
    assert after is None or after.width < before.width


def test_the_view_stays_within_the_drawn_room() -> None:
    camera = drawn("empty")
    camera.aim(90, -90)
    assert camera.read().luma.shape == (240, 320)


def test_a_camera_at_its_own_pace_drops_late_frames() -> None:
    clock = FakeClock()
    camera = SyntheticCamera("drawn", SETTINGS, clock, scene="empty")
    camera.open()
    camera.read()
    clock.advance(2.1)
    assert camera.read().number == 10
    assert camera.dropped == 9
