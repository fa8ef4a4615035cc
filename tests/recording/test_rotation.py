"""Pictures are flipped as asked, one after another."""

from fractions import Fraction

import av
import numpy as np
import pytest

from app.recording.rotation import Rotation


def picture(number: int) -> av.VideoFrame:
    """Black, with a light left upper corner that grows with *number*."""
    grey = np.zeros((48, 64, 3), np.uint8)
    grey[: 8 + number, : 16 + number] = 255
    made = av.VideoFrame.from_ndarray(grey, format="bgr24")
    made.pts, made.time_base = number, Fraction(1, 10)
    return made


@pytest.mark.parametrize(
    ("hflip", "vflip", "corner"),
    [(True, False, (0, -1)), (False, True, (-1, 0)), (True, True, (-1, -1))],
)
def test_the_corner_moves(hflip: bool, vflip: bool, corner: tuple[int, int]) -> None:
    rotation = Rotation(hflip, vflip)
    for number in range(3):
        flipped = rotation.apply(picture(number)).to_ndarray(format="bgr24")
        assert flipped[corner].min() == 255
        expected = picture(number).to_ndarray(format="bgr24")
        assert np.array_equal(flipped, expected[:: -1 if vflip else 1, :: -1 if hflip else 1])


def test_without_a_flip_the_picture_is_the_same_object() -> None:
    given = picture(0)
    assert Rotation(False, False).apply(given) is given
