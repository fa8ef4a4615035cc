"""The frames of a recorded event, after those that only show the scene."""

from pathlib import Path

import numpy as np
import pytest

from app.evaluation.archive.files import FolderFiles
from app.evaluation.archive.index import read_archive
from app.evaluation.archive.sample import SampleError
from app.evaluation.tune.footage import WARM_S, read_footage
from app.frames import Frame, Image
from tests.evaluation.tagged import NOON, TaggedHouse
from tests.evaluation.videos import video_of_a_visit


def grey(level: int) -> Image:
    return np.full((48, 160, 3), level, np.uint8)


def footage_of(house: TaggedHouse) -> list[Frame]:
    archive = read_archive(FolderFiles(house.data_dir))
    return read_footage(archive.files, archive.events[0], 10)


def levels(frames: list[Frame]) -> list[int]:
    return [round(float(one.luma.mean())) for one in frames]


def test_the_first_second_is_shown_there_and_back_before(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    house.add_sample(NOON, [grey(100 + 2 * number) for number in range(31)])
    frames = footage_of(house)
    assert len(frames) == 71
    shown = levels(frames)
    assert np.allclose(shown[40:], [100 + 2 * number for number in range(31)], atol=1)
    assert shown[29:40] == shown[40:51][::-1]
    assert np.abs(np.diff(shown)).max() <= 5
    times = [one.at_s for one in frames]
    assert np.allclose(np.diff(times), 0.1)
    assert times[40] == pytest.approx(WARM_S)


def test_a_clip_is_preferred_because_it_goes_on(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    event = house.add(NOON)
    house.add_sample(NOON, [grey(50)] * 31)
    video_of_a_visit(house.folder(event, NOON) / "clip.mp4", 30, 30, 240)
    frames = footage_of(house)
    assert len(frames) == 40 + 201
    assert levels(frames)[40] == pytest.approx(90, abs=8)
    assert frames[0].luma.shape == (120, 160)


def test_large_pictures_are_kept_small(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    house.add_sample(NOON, [np.full((720, 1280, 3), 90, np.uint8)] * 12)
    assert footage_of(house)[0].luma.shape == (90, 160)


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda house: house.add(NOON), "neither"),
        (lambda house: house.add_sample(NOON, [grey(9)] * 3), "only 3 frames"),
        (lambda house: house.add_sample(NOON, [grey(9)] * 31, "quiet"), "quiet"),
        (lambda house: house.add_sample(NOON, [grey(9)] * 31).write_bytes(b"x"), "no whole tar"),
    ],
)
def test_what_cannot_be_replayed_says_why(tmp_path: Path, prepare, why: str) -> None:  # type: ignore[no-untyped-def]
    house = TaggedHouse(tmp_path)
    prepare(house)
    with pytest.raises(SampleError, match=why):
        footage_of(house)


def test_a_damaged_clip_says_so(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    event = house.add(NOON)
    (house.folder(event, NOON) / "clip.mp4").write_bytes(b"no clip")
    with pytest.raises(OSError, match=r"clip\.mp4"):
        footage_of(house)
