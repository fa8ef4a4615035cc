"""Small things are offered to a person model, and are somebody once it saw a person in one."""

import numpy as np
import pytest

from app.frames import Box
from app.motion.base import MotionSettings
from app.motion.blobs import Blob, Traits
from app.motion.rules import Objection
from app.motion.specks import Specks
from app.motion.structure import StructureMotion
from app.motion.tracks import Track
from tests.motion.scenes import Picture, room, shown


def blob(x: int, *, area_px: float = 20.0) -> Blob:
    return Blob(Box(x, 40, 3, 7), area_px, np.zeros((1, 1, 2), np.int32))


def test_a_speck_is_offered_when_it_is_seen_again() -> None:
    specks = Specks(3)
    offered = []
    for step, x in enumerate((10, 12, 14)):
        specks.follow([blob(x)], [], step / 10)
        offered.append([(one.number, one.blob.box.x) for one in specks.offered(step / 10)])
    assert offered == [[], [(-1, 12)], [(-1, 14)]]
    assert specks.any
    specks.follow([], [], 1.0)
    assert not specks.any


def test_what_is_beside_a_track_is_a_part_of_it() -> None:
    specks = Specks(3)
    track = Track(1, Box(20, 20, 20, 40), 500.0, 0.0, Traits())
    for step in range(3):
        specks.follow([blob(15), blob(80)], [track], step / 10)
    assert [one.blob.box.x for one in specks.offered(0.2)] == [80]


def test_only_the_largest_are_offered() -> None:
    specks = Specks(3)
    for step in range(2):
        specks.follow([blob(20 * n, area_px=n) for n in range(8)], [], step / 10)
    assert [one.blob.area_px for one in specks.offered(0.1)] == [7, 6, 5]
    assert specks.take(-1)
    assert specks.take(-1) is None


def far_away(at_s: float) -> Picture:
    """Somebody 4 of 90 rows high, and not much darker than the room, walks from 8 s on."""
    scene = room()
    if at_s >= 8:
        scene[40:44, round(20 + 3 * (at_s - 8))] = 60
    return scene


@pytest.mark.parametrize("assisted", [False, True])
def test_somebody_far_away_is_found_with_a_person_model(assisted: bool) -> None:
    motion = StructureMotion(MotionSettings())
    if assisted:
        motion.assist()
    offered, seen = [], []
    for at_s, picture in shown(far_away, 11):
        seen.append(motion.judge(picture, 255, at_s).motion)
        small = [one for one in motion.contours() if one.objection == Objection.TOO_SMALL]
        offered += [at_s for _ in small]
        for one in small:
            if at_s > 9 and one.number is not None:
                motion.confirm(one.number)
    if not assisted:
        assert not offered
        assert not any(seen)
        return
    assert 8 < offered[0] < 9
    assert not any(seen[:90])
    assert any(seen[90:])
