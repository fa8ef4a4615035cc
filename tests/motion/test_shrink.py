"""Pictures reduced in size."""

import cv2
import numpy as np
import pytest

from app.motion.shrink import Shrink


@pytest.mark.parametrize(
    ("shape", "small", "factor"),
    [
        ((480, 640), (120, 160), 4),
        ((432, 768), (108, 192), 4),
        ((1080, 1920), (135, 240), 8),
        ((720, 1280), (90, 160), 8),
        ((481, 643), (120, 160), 4),
        ((120, 160), (120, 160), 1),
        ((1, 1), (1, 1), 1),
        ((1, 640), (1, 640), 1),
        ((3, 4096), (1, 2048), 2),
    ],
)
def test_a_picture_becomes_128_to_255_wide_if_it_is_larger(
    shape: tuple[int, int], small: tuple[int, int], factor: int
) -> None:
    shrink = Shrink(shape)
    assert (shrink.shape, shrink.factor) == (small, factor)
    assert shrink(np.full(shape, 77, np.uint8)).shape == small


def test_a_small_pixel_is_the_mean_of_its_square() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (480, 640), np.uint8)
    exact = cv2.resize(picture.astype(np.float32), (160, 120), interpolation=cv2.INTER_AREA)
    assert np.abs(Shrink(picture.shape)(picture) - exact).max() <= 1


def test_less_than_one_small_pixel_is_left_out() -> None:
    picture = np.zeros((483, 643), np.uint8)
    picture[480:] = picture[:, 640:] = 255
    assert Shrink(picture.shape)(picture).max() == 0


def test_the_picture_itself_is_not_written_to() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (480, 640), np.uint8)
    before = picture.copy()
    picture.flags.writeable = False
    Shrink(picture.shape)(picture)
    assert np.array_equal(picture, before)
