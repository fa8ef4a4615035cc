"""The settings of a camera, and flipped pictures."""

import numpy as np
import pytest

from app.cameras.base import CameraSettings, flipped
from app.frames import Image

LUMA: Image = np.array([[1, 2], [3, 4]], np.uint8)


@pytest.mark.parametrize(
    ("vflip", "hflip", "expected"),
    [
        (True, False, [[3, 4], [1, 2]]),
        (False, True, [[2, 1], [4, 3]]),
        (True, True, [[4, 3], [2, 1]]),
    ],
)
def test_a_picture_is_flipped(vflip: bool, hflip: bool, expected: list[list[int]]) -> None:
    settings = CameraSettings(vflip=vflip, hflip=hflip)
    assert flipped(LUMA, settings).tolist() == expected
    assert flipped(np.dstack([LUMA] * 3), settings)[:, :, 2].tolist() == expected


def test_a_picture_without_flips_is_not_copied() -> None:
    assert flipped(LUMA, CameraSettings()) is LUMA
