"""Frames of drawn and of kept scenes."""

from pathlib import Path

import numpy as np

from app.evaluation.yardstick.drawn import (
    encode,
    frames_of,
    read_frames,
    read_labels,
    write_labels,
)
from app.evaluation.yardstick.staging import Disturbance, Labels
from tests.evaluation.yardstick.scenery import footage

PICTURES = footage().frames[15:25]


def test_luma_is_the_same_drawn_and_encoded(tmp_path: Path) -> None:
    encode(tmp_path / "scene.mp4", PICTURES)
    drawn, read = list(frames_of(PICTURES)), list(read_frames(tmp_path / "scene.mp4"))
    assert [one.at_s for one in drawn] == [one.at_s for one in read]
    assert {one.luma_span for one in (*drawn, *read)} == {219}
    for one, other in zip(drawn, read, strict=True):
        assert float(np.abs(one.luma.astype(int) - other.luma).mean()) < 4
    assert np.array_equal(drawn[3].bgr(), PICTURES[3])


def test_a_starved_scene_is_smaller(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noisy = [one + rng.integers(0, 20, one.shape, np.uint8) for one in PICTURES]
    encode(tmp_path / "good.mp4", noisy)
    encode(tmp_path / "starved.mp4", noisy, 60_000)
    good, poor = ((tmp_path / f"{name}.mp4").stat().st_size for name in ("good", "starved"))
    assert poor < good / 2
    assert {one.name for one in tmp_path.iterdir()} == {"good.mp4", "starved.mp4"}


def test_labels_are_read_as_they_were_written(tmp_path: Path) -> None:
    lamp = Disturbance("lamp", 3.0, 5.0)
    written = [Labels("one", 60.0, ((12.0, 20.0),), (lamp,)), Labels("two", 90.0)]
    assert read_labels(tmp_path) == {}
    write_labels(tmp_path, written)
    assert list(read_labels(tmp_path).values()) == written
