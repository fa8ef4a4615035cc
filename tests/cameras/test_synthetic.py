"""The drawn room, and the truth about it."""

from itertools import pairwise

import numpy as np
import pytest

from app.cameras.base import CameraSettings
from app.cameras.synthetic.camera import SCENES, SyntheticCamera
from app.clock import FakeClock
from app.frames import Frame

SETTINGS = CameraSettings(resolution=(320, 240), fps=5)
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
def test_the_same_seed_gives_the_same_frames_and_another_seed_others(scene: str) -> None:
    first, again, other = (frames(drawn(scene, seed), 25)[-1] for seed in (3, 3, 4))
    assert np.array_equal(first.luma, again.luma)
    assert np.array_equal(first.bgr(), again.bgr())
    assert not np.array_equal(first.luma, other.luma)


@pytest.mark.parametrize("scene", ["empty", "noise", "lamp"])
def test_nobody_is_in_a_scene_without_people(scene: str) -> None:
    camera = drawn(scene)
    assert not any(camera.truth(number).person for number in range(3 * MINUTE))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scene", ["demo", "person"])
def test_somebody_comes_after_three_seconds_and_again_every_twenty_with_an_empty_room_between(
    scene: str, seed: int
) -> None:
    camera = drawn(scene, seed)
    there = [camera.truth(number).person is not None for number in range(5 * MINUTE)]
    came_s = [
        number / 5
        for number, (before, now) in enumerate(pairwise(there), 1)
        if now and not any(there[max(number - 15, 0) : number])
    ]
    assert 2 <= came_s[0] <= 4
    assert len(came_s) == 15
    assert all(15 < after - before < 25 for before, after in pairwise(came_s))


@pytest.mark.parametrize(
    ("vflip", "hflip"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_the_truth_is_where_the_picture_changes(vflip: bool, hflip: bool) -> None:
    settings = CameraSettings(resolution=(320, 240), fps=5, vflip=vflip, hflip=hflip)
    person, empty = drawn("person", 1, settings), drawn("empty", 1, settings)
    seen = 0
    for one, other in zip(frames(person, 60), frames(empty, 60), strict=True):
        changed = np.abs(one.luma.astype(int) - other.luma) > 12
        box = person.truth(one.number).person
        if box is None:
            assert changed.mean() < 0.005, "nothing but a bit of shadow"
        elif box.width > 30:
            inside = changed[box.y : box.y + box.height, box.x : box.x + box.width]
            assert inside.mean() > 0.15
            assert inside.sum() > 0.7 * changed.sum()
            seen += 1
    assert seen > 15


def test_the_lamp_changes_the_light_and_the_truth_says_when() -> None:
    camera = drawn("lamp")
    shown = frames(camera, MINUTE)
    lit = [camera.truth(frame.number).lamp for frame in shown]
    assert {False, True} == set(lit)
    for (before, now), (frame, after) in zip(pairwise(lit), pairwise(shown), strict=True):
        assert (unlike(frame, after) > 3) == (before != now)


def test_the_demos_daylight_changes_slowly() -> None:
    camera = drawn("demo")
    light = [camera.truth(number).sun for number in range(5 * MINUTE)]
    assert max(light) - min(light) > 0.9
    assert max(abs(after - before) for before, after in pairwise(light)) < 0.005


def test_noise_is_strong_in_the_noise_scene_and_mild_elsewhere() -> None:
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
    columns, rows = (
        round(focal_px * np.tan(np.radians(10))),
        round(focal_px * np.tan(np.radians(5))),
    )
    assert np.abs(right[:, :-columns] - straight[:, columns:]).mean() < 3
    assert np.abs(up[rows:] - straight[:-rows]).mean() < 3
    assert np.abs(right - straight).mean() > 8


def test_aiming_takes_the_person_out_of_sight_and_the_truth_with_it() -> None:
    camera = drawn("person")
    number = next(
        number for number in range(MINUTE) if (box := camera.truth(number).person) and box.x < 40
    )
    before = camera.truth(number).person
    camera.aim(17, 0)
    after = camera.truth(number).person
    assert before is not None
    assert after is None or after.width < before.width


def test_aiming_beyond_what_is_drawn_stays_within_it() -> None:
    camera = drawn("empty")
    camera.aim(90, -90)
    assert camera.read().luma.shape == (240, 320)


def test_a_camera_at_its_own_pace_drops_frames_rather_than_fall_behind() -> None:
    clock = FakeClock()
    camera = SyntheticCamera("drawn", SETTINGS, clock, scene="empty")
    camera.open()
    camera.read()
    clock.advance(2.1)
    assert camera.read().number == 10
    assert camera.dropped == 9
