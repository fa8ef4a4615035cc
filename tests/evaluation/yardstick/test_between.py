"""Pictures between those of a scene."""

from collections.abc import Callable

import numpy as np
import pytest

from app.evaluation.yardstick.between import at_rate
from app.evaluation.yardstick.drawn import frames_of
from app.evaluation.yardstick.footage import HEIGHT, WIDTH
from app.frames import Image
from tests.evaluation.yardstick.scenery import footage

ROOM = footage().frames[0]


def made(picture: Callable[[int], Image], fps: int = 20, count: int = 8) -> list[Image]:
    """Return the luma of a scene at the rate *fps*."""
    return [frame.luma for frame in at_rate(frames_of(map(picture, range(count))), fps)]


@pytest.mark.parametrize("fps", [15, 20, 25])
def test_pictures_come_at_the_new_rate(fps: int) -> None:
    frames = list(at_rate(frames_of([ROOM] * 11), fps))
    assert [frame.at_s for frame in frames] == pytest.approx([n / fps for n in range(fps)])
    assert [frame.number for frame in frames] == list(range(fps))
    assert (frames[-1].taken_at - frames[0].taken_at).total_seconds() == pytest.approx(
        (fps - 1) / fps, abs=1e-5
    )


def test_who_walks_is_halfway_and_not_half_there() -> None:
    visit = footage().frames[30:38]
    between = made(visit.__getitem__)[5]
    # The block is 60 wide, its edge moves 12 pixels a picture, and frame 20 has it at 0.
    left = 12 * 12 + 6
    assert between[150:300, left + 4 : left + 56].max() < 60
    outside = np.delete(between[150:300], slice(left - 4, left + 64), axis=1)
    there = np.delete(made(lambda _: ROOM)[1][150:300], slice(left - 4, left + 64), axis=1)
    assert np.abs(outside.astype(int) - there).mean() < 3


def test_light_changes_evenly_and_moves_nothing() -> None:
    luma = made(lambda number: (ROOM * (1.0 if number < 4 else 0.6)).astype(np.uint8))
    before, halfway, after = (luma[place].astype(float) for place in (6, 7, 8))
    assert np.abs(halfway - (before + after) / 2).max() < 2


def test_pictures_between_have_the_noise_of_the_others() -> None:
    rng = np.random.default_rng(2)
    noise = [rng.normal(120, 5, (HEIGHT, WIDTH)).astype(np.uint8) for _ in range(8)]
    luma = made(lambda number: np.repeat(noise[number][..., None], 3, axis=2))
    given, between = np.std(luma[::2]), np.std(luma[1::2])
    assert between == pytest.approx(given, rel=0.1)
