"""The real clip and the drawn room as footage."""

from pathlib import Path

import numpy as np
import pytest

from app.evaluation.yardstick.footage import (
    CLIP,
    HEIGHT,
    WIDTH,
    Footage,
    clip_footage,
    drawn_footage,
    find_clip,
)


@pytest.fixture(scope="module")
def drawn() -> Footage:
    return drawn_footage(2, count=1)


def test_the_clip_is_found_where_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOS_THERE_DATA", str(tmp_path))
    assert find_clip() is None
    (tmp_path / CLIP).touch()
    assert find_clip() == tmp_path / CLIP


def test_the_seed_chooses_the_framing_of_the_clip(footage: Path) -> None:
    one, other = (clip_footage(footage / CLIP, seed, most=60) for seed in (1, 2))
    assert one.frames[0].shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(one.frames[0], other.frames[0])
    assert one.visits == ()


def test_visits_that_are_not_read_to_the_end_are_left_out(footage: Path) -> None:
    assert clip_footage(footage / CLIP, 1, most=221).visits == ((60, 199),)


def test_the_drawn_room_has_visits_that_leave_at_one_side(drawn: Footage) -> None:
    ((first, last),) = drawn.visits
    x = np.nonzero(drawn.matte(last - 5)[1].max(axis=(0, 2)))[0]
    assert (x.mean() < WIDTH / 2) == drawn.mirrored
    assert drawn.matte((first + last) // 2)[1].max() == 1
    assert len(drawn.frames) > last + 20


def test_the_mask_covers_the_visitor_only(drawn: Footage) -> None:
    ((first, last),) = drawn.visits
    assert not drawn.matte(drawn.empty[0])[1].any()
    frame, mask = drawn.matte((first + last) // 2)
    assert 0.01 < float(mask.mean()) < 0.2
    outside = np.abs(frame - drawn.plate)[mask[..., 0] == 0]
    assert float(np.percentile(outside, 99)) < 24
