"""What a model gives becomes boxes inside the picture, however wrong its numbers are."""

import numpy as np
import pytest

from app.frames import Box, Detection
from app.people.pictures import Candidates, detections, in_colour, pairs

KINDS = {0: "person", 16: "dog"}
PICTURE = np.zeros((100, 200, 3), np.uint8)


def found(*rows: tuple[float, float, float, float, float, int]) -> list[Detection]:
    table = np.array(rows, np.float32)
    return detections(
        Candidates(table[:, :4], table[:, 4], table[:, 5].astype(int)), KINDS, PICTURE
    )


def test_the_better_of_two_boxes_that_overlap_stays() -> None:
    both = found((10, 10, 50, 90, 0.6, 0), (12, 10, 52, 92, 0.8, 0))
    assert [(one.box, round(one.score, 3)) for one in both] == [(Box(12, 10, 40, 82), 0.8)]


def test_two_classes_in_one_place_are_both_reported() -> None:
    both = found((10, 10, 50, 90, 0.6, 0), (12, 10, 52, 92, 0.8, 16))
    assert [one.kind for one in both] == ["dog", "person"]


def test_a_box_is_cut_at_the_edges() -> None:
    assert found((-30, 50, 900, 1e30, 0.9, 0))[0].box == Box(0, 50, 200, 50)
    assert found((199.6, 99.7, 300, 300, 0.9, 0)) == []
    assert found((199.2, 99.2, 300, 300, 0.9, 0))[0].box == Box(199, 99, 1, 1)


@pytest.mark.parametrize(
    "corners",
    [
        (np.nan, 0, 9, 9),
        (0, 0, np.inf, 9),
        (-np.inf, -np.inf, np.inf, np.inf),
        (50, 50, 50, 50),
        (90, 90, 10, 10),
        (-50, 0, -10, 100),
        (300, 0, 400, 100),
    ],
)
def test_a_box_without_sense_is_left_out(corners: tuple[float, float, float, float]) -> None:
    assert found((*corners, 0.9, 0)) == []


def test_a_score_is_at_most_one() -> None:
    assert found((0, 0, 9, 9, 1.7, 0))[0].score == 1


def test_a_row_counts_for_each_of_its_classes() -> None:
    scores = np.zeros((2, 80), np.float32)
    scores[1, [0, 16, 56]] = 0.4, 0.5, 0.9
    rows, classes = pairs(scores, KINDS, 0.3)
    assert (rows.tolist(), classes.tolist()) == ([1, 1], [0, 16])


def test_numbers_that_are_none_are_no_score() -> None:
    scores = np.full((2, 80), np.nan, np.float32)
    assert len(pairs(scores, KINDS, 0.3)[0]) == 0


def test_a_fourth_channel_is_dropped() -> None:
    assert in_colour(np.zeros((4, 5, 4), np.uint8)).shape == (4, 5, 3)


@pytest.mark.parametrize("shape", [(3,), (4, 5, 2), (1, 4, 5, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not a picture"):
        in_colour(np.zeros(shape, np.uint8))


def test_numbers_of_another_type_are_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        in_colour(np.zeros((4, 5, 3), np.float32))
