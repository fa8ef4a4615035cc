"""Seeing by structure, over drawn scenes."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import pytest

from app.motion.base import MotionSettings, Zone
from app.motion.parts import without
from app.motion.rules import Objection
from app.motion.structure import StructureMotion
from tests.motion.scenes import COLUMNS, ROWS, Picture, room, shown, with_figure


def times_seen(
    draw: Callable[[float], Picture],
    seconds: float = 16,
    *,
    fps: float = 10,
    motion: StructureMotion | None = None,
) -> list[float]:
    """Return the times at which somebody is seen."""
    motion = motion or StructureMotion(MotionSettings())
    return [
        at_s
        for at_s, picture in shown(draw, seconds, fps=fps)
        if motion.judge(picture, 255, at_s).motion
    ]


def walk(
    at_s: float, *, scene: Picture | None = None, luma: float = 40.0, height: float = 0.6
) -> Picture:
    """Somebody walks through from 8 to 13 s."""
    picture = room() if scene is None else scene
    if not 8 <= at_s < 13:
        return picture
    way = (at_s - 8) / 5
    return with_figure(picture, (1.2 * way - 0.1) * picture.shape[1], luma=luma, height=height)


@pytest.mark.parametrize("fps", [2, 5, 10, 15, 25])
def test_somebody_who_walks_through_is_seen_soon(fps: float) -> None:
    seen = times_seen(walk, fps=fps)
    assert 8 <= seen[0] <= 9.0 + (fps < 5)
    assert 12 < seen[-1] < 13.2


def approach(at_s: float) -> Picture:
    """Somebody comes into view at 8 s, 8 m away, and walks straight to the camera, up to 2.5 m."""
    if at_s < 8:
        return room()
    away_m = max(2.5, 8.0 - 1.2 * (at_s - 8))
    return with_figure(room(), 80, height=1.7 / away_m, feet=0.42 + 1.4 / away_m)


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_somebody_who_walks_straight_to_the_camera_is_seen(fps: float) -> None:
    seen = times_seen(approach, 11, fps=fps)
    assert 8.8 <= seen[0] <= 10.5


def test_nobody_walks_straight_to_the_camera_without_growth() -> None:
    assert not times_seen(
        approach, 11, motion=StructureMotion(MotionSettings(), parts=without("growth"))
    )


def test_whoever_waits_at_the_door_stays_seen() -> None:
    motion = StructureMotion(MotionSettings(absorb_s=60))
    assert times_seen(approach, 30, motion=motion)[-1] > 29


@pytest.mark.parametrize("lasts_s", [3, 8])
def test_what_only_becomes_visible_in_its_place_is_nobody(lasts_s: float) -> None:
    def poster(at_s: float) -> Picture:
        share = min(max((at_s - 8) / lasts_s, 0), 1)
        return (1 - share) * room() + share * with_figure(room(), 80)

    assert not times_seen(poster, 14)


@pytest.mark.parametrize("shape", [(120, 160), (240, 320), (480, 640), (640, 360), (720, 1280)])
def test_the_size_of_the_picture_does_not_matter(shape: tuple[int, int]) -> None:
    scene = room(shape)
    seen = times_seen(partial(walk, scene=scene), 9.4, fps=5)
    assert 8 <= seen[0] <= 9.2


def lamp(at_s: float) -> Picture:
    return room() * (0.5 if 8 <= at_s < 11 else 1.0)


def cloud(at_s: float) -> Picture:
    return room() * (1 - 0.3 * min(max((at_s - 8) / 3, 0), 1))


def headlight(at_s: float) -> Picture:
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    middle = (at_s - 8) / 3 * COLUMNS
    beam = np.exp(-(((columns - middle) / 25) ** 2) - ((rows - 45) / 20) ** 2)
    return np.asarray(0.6 * room() * (1 + beam), np.float32)


def flash(at_s: float) -> Picture:
    return np.asarray(np.minimum(0.6 * room() * (2.0 if 8 <= at_s < 8.2 else 1.0), 255))


def inverted(draw: Callable[[float], Picture]) -> Callable[[float], Picture]:
    return lambda at_s: 255 - draw(at_s)


@pytest.mark.parametrize("light", [lamp, cloud, headlight, flash])
def test_no_light_is_somebody(light: Callable[[float], Picture]) -> None:
    assert times_seen(light) == []
    assert times_seen(inverted(light)) == []


@pytest.mark.parametrize("light", [lambda _: room(), cloud, headlight, flash])
def test_somebody_is_seen_in_inverted_pictures(light: Callable[[float], Picture]) -> None:
    seen = times_seen(inverted(lambda at_s: walk(at_s, scene=light(at_s))))
    assert 8 <= seen[0] <= 9.0


@pytest.mark.parametrize("height", [0.3, 0.4, 0.5, 0.6])
def test_somebody_in_white_is_seen_soon_at_night(height: float) -> None:
    dark = np.asarray(0.35 * room(), np.float32)
    seen = times_seen(partial(walk, scene=dark, luma=150.0, height=height), 10)
    assert 8 <= seen[0] <= 8.6


def test_the_box_fits_the_person() -> None:
    motion = StructureMotion(MotionSettings())
    for at_s, picture in shown(walk, 10.55):
        sighting = motion.judge(picture, 255, at_s)
    (box,) = sighting.boxes
    middle = (1.2 * 0.5 - 0.1) * COLUMNS
    assert box.x < middle < box.x + box.width
    assert 14 <= box.width <= 30
    assert 44 <= box.height <= 60


def test_a_doze_skips_quiet_pictures_and_misses_nobody() -> None:
    awake = times_seen(walk, motion=StructureMotion(MotionSettings(), parts=without("doze")))
    assert times_seen(walk)[0] <= awake[0] + 0.1


def test_pictures_that_are_read_together_show_somebody_as_soon() -> None:
    motion, pictures = StructureMotion(MotionSettings()), list(shown(walk, 16))
    seen, together, judged = [], [], 0
    for at_s, picture in pictures:
        together.append((at_s, picture.copy()))
        if motion.rests and len(together) < 3:
            continue
        times_s = [one for one, _ in together]
        due = motion.worth_judging(times_s, together[-1][1]) if motion.rests else times_s
        for one_s, one in together:
            if one_s in due or one_s == at_s:
                judged += 1
                if motion.judge(one, 255, one_s).motion:
                    seen.append(one_s)
        together.clear()
    assert seen[0] == times_seen(walk)[0]
    assert seen[-1] == pytest.approx(times_seen(walk)[-1], abs=0.3)
    assert judged < 0.7 * len(pictures)


def test_relearning_begins_again() -> None:
    motion = StructureMotion(MotionSettings())
    times_seen(walk, 7, motion=motion)
    motion.relearn()
    assert motion.judge(np.zeros((ROWS, COLUMNS), np.uint8), 255, 9.0).learning
    assert motion.comparison() is None


def test_the_comparison_has_the_reasons_for_and_against() -> None:
    motion = StructureMotion(MotionSettings())
    objections = set()
    for at_s, picture in shown(walk, 10):
        motion.judge(picture, 255, at_s)
        compared = motion.comparison()
        for one in compared.contours if compared else ():
            assert one.evidence
            assert (one.objection is None) == one.confirmed
            objections.add(one.objection)
    assert one.number == 1
    assert one.seen
    assert one.confirmed
    assert {None, Objection.BRIEF} <= objections


def appears(at_s: float) -> Picture:
    """Somebody is suddenly there from 8 s on, and stands."""
    return with_figure(room(), 80) if at_s >= 8 else room()


@pytest.mark.parametrize(("then", "seen"), [(None, True), ("record", True), ("ignore", False)])
def test_what_a_person_model_knows_is_somebody(
    then: Literal["record", "ignore"] | None, seen: bool
) -> None:
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    zones = (Zone("all", whole, then=then),) if then else ()
    motion = StructureMotion(MotionSettings(), zones=zones)
    assert times_seen(appears, 9, motion=motion) == []
    [track] = motion.contours()
    assert (track.confirmed, track.seen, track.evidence) == (False, True, None)
    motion.confirm(track.number or 0)
    sighting = motion.judge(appears(9).astype(np.uint8), 255, 9.0)
    assert (sighting.motion, bool(sighting.evidence)) == (seen, seen)
    assert sighting.alert is (then != "record")


def test_a_lamp_is_counted_with_its_reason() -> None:
    motion = StructureMotion(MotionSettings())
    reasons = {motion.judge(one, 255, at_s).objection for at_s, one in shown(headlight, 12)}
    assert set(motion.objections()) == {str(reason) for reason in reasons if reason}


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (480, 1), (3, 257), (97, 131), (479, 641)])
def test_odd_and_tiny_pictures_are_judged(shape: tuple[int, int]) -> None:
    motion, random = StructureMotion(MotionSettings()), np.random.default_rng(1)
    for number in range(100):
        level = 40 if number % 30 < 25 else 220
        picture = np.clip(random.normal(level, 3, shape), 0, 255).astype(np.uint8)
        sighting = motion.judge(picture, 255, number / 10)
        assert all(box.x + box.width <= shape[1] for box in sighting.boxes)


def test_a_clock_that_jumps_back_does_not_stop_the_judging() -> None:
    motion = StructureMotion(MotionSettings())
    times = [at_s for at_s, _ in shown(walk, 16)]
    seen = [
        motion.judge(picture, 255, at_s + (1000 if at_s < 6 else 0)).motion
        for at_s, picture in shown(walk, 16)
    ]
    assert 8 <= times[seen.index(True)] <= 9
