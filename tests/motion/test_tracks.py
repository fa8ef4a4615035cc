"""Tracks: what they have seen, and how far they have gone."""

import numpy as np
import pytest

from app.frames import Box
from app.motion.blobs import Blob, Traits
from app.motion.tracks import Track, overlap

SHAPE = (90, 160)
NO_OUTLINE = np.zeros((1, 1, 2), np.int32)


def followed(*boxes: Box, step_s: float = 0.1, filled: float | None = None) -> Track:
    """Return a track that was seen in each of *boxes*, of which it filled the share *filled*."""
    track = Track(1, boxes[0], 100.0, 0.0, Traits())
    for number, box in enumerate(boxes):
        area_px = 100.0 if filled is None else filled * box.width * box.height
        if number:
            track.see(Blob(box, area_px, NO_OUTLINE), number * step_s)
        track.move(SHAPE)
    return track


@pytest.mark.parametrize(
    ("first", "last", "travel_px"),
    [
        (Box(40, 20, 20, 40), Box(60, 20, 20, 40), 20),
        (Box(40, 20, 20, 40), Box(30, 20, 40, 40), 0),
        (Box(40, 20, 20, 40), Box(42, 20, 28, 40), 2),
        (Box(0, 20, 10, 40), Box(0, 20, 30, 40), 20),
        (Box(150, 20, 10, 40), Box(130, 20, 30, 40), 20),
        (Box(40, 60, 20, 30), Box(40, 40, 20, 50), 20),
        (Box(40, 0, 20, 30), Box(40, 0, 20, 50), 0),
    ],
    ids=["walks", "grows", "grows aslant", "from left", "from right", "from below", "from above"],
)
def test_travel_needs_both_sides_except_at_an_edge(first: Box, last: Box, travel_px: float) -> None:
    assert followed(first, last).travel_px == travel_px


def test_blobs_of_one_picture_are_one() -> None:
    track = followed(Box(40, 20, 20, 40), Box(41, 20, 10, 10))
    track.see(Blob(Box(60, 50, 10, 10), 50.0, NO_OUTLINE), track.seen_s)
    assert track.box == Box(41, 20, 29, 40)
    assert (track.area_px, track.sights) == (150, 2)


def test_the_gait_tells_straight_from_fluttering() -> None:
    straight = followed(*(Box(10 + 3 * k, 40, 10, 10) for k in range(15))).gait()
    assert straight.straightness == pytest.approx(1)
    assert straight.sizes_a_second == pytest.approx(3.0)
    flutters = followed(*(Box(60 + 8 * (-1) ** k + k, 40, 10, 10) for k in range(15))).gait()
    assert flutters.straightness < 0.3


@pytest.mark.parametrize(
    ("heights", "growth"),
    [
        ([20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32], 31.5 / 22.5),
        ([20, 20, 20, 20, 20, 20, 30, 30, 30, 30, 30, 30, 30], 0),
        ([20, 28] * 6, 0),
        ([30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18], 0),
        ([20, 30], 0),
    ],
    ids=["steady", "at once", "to and fro", "smaller", "too few"],
)
def test_only_steady_growth_counts(heights: list[int], growth: float) -> None:
    track = followed(*(Box(60, 40, 10, height) for height in heights), filled=0.7)
    assert track.growth() == pytest.approx(growth, abs=0.1)
    assert followed(*(Box(60, 40, 10, height) for height in heights)).growth() == 0


def test_a_restart_forgets_the_evidence_but_not_the_track() -> None:
    track = followed(Box(40, 20, 20, 40), Box(60, 20, 20, 40))
    track.restart(5.0)
    assert (track.sights, track.looks, track.travel_px) == (0, 0, 0)
    assert (track.born_s, track.first_s) == (5.0, 0.0)


def test_boxes_touch_within_their_reach() -> None:
    track = followed(Box(40, 20, 20, 40))
    assert track.touches(Box(62, 30, 5, 5), 3)
    assert not track.touches(Box(64, 30, 5, 5), 3)


def test_another_thing_goes_its_own_way() -> None:
    track = followed(Box(40, 40, 6, 6), Box(30, 20, 16, 40))
    track.begin_way()
    track.see(Blob(Box(35, 20, 16, 40), 300.0, NO_OUTLINE), 0.2)
    track.move(SHAPE)
    assert track.travel_px == 5


def test_the_overlap_is_the_share_of_both_boxes() -> None:
    one = Box(10, 10, 20, 40)
    assert overlap(one, one) == 1
    assert overlap(one, Box(20, 10, 20, 40)) == pytest.approx(1 / 3)
    assert overlap(one, Box(30, 60, 5, 5)) == 0
