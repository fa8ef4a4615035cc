"""Local contrast, which light hardly changes."""

import numpy as np
import pytest

from app.frames import Image
from app.motion.contrast import Contrast, log_ratio, odd, unit_px
from tests.motion.scenes import room


def picture(gain: float = 1.0) -> Image:
    return np.asarray(np.clip(room() * gain, 0, 255), np.uint8)


def test_a_lamp_changes_the_luma_but_hardly_the_contrast() -> None:
    contrast = Contrast((90, 160), 255)
    contrast.take(picture())
    contrast.take(picture(0.6))
    change = np.abs(contrast.local - contrast.before)
    assert change.mean() < 0.1 * np.abs(contrast.before).mean()
    contrast.take(picture()[:, ::-1].copy())
    assert np.abs(contrast.local - contrast.before).mean() > np.abs(contrast.before).mean()


def test_video_levels_give_the_same_contrast_as_full_levels() -> None:
    full, video = Contrast((90, 160), 255), Contrast((90, 160), 219)
    full.take(picture())
    video.take((picture().astype(np.float32) * 219 / 255 + 16.5).astype(np.uint8))
    assert np.abs(full.local - video.local).mean() < 1.0


def test_clipped_pixels_have_no_weight() -> None:
    contrast = Contrast((90, 160), 255)
    contrast.weigh(np.full((90, 160), 252, np.uint8))
    assert contrast.weight.max() == 0
    contrast.weigh(np.full((90, 160), 100, np.uint8))
    assert contrast.weight[0, 0] == pytest.approx(1.0)


def test_lengths_follow_the_size_of_the_picture() -> None:
    assert unit_px((90, 160)) == pytest.approx(0.96)
    assert [odd(length) for length in (1, 4.8, 6.7, 7.75, 10.1)] == [3, 5, 7, 7, 11]
    assert log_ratio(108) == 1
