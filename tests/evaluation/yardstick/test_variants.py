"""Kept scenes, changed on the way to the detector."""

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from app.evaluation.yardstick.drawn import encode, read_frames
from app.evaluation.yardstick.variants import VARIANTS
from app.frames import Frame, Image
from tests.evaluation.yardstick.scenery import footage


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a visit, with noise."""
    rng, path = np.random.default_rng(1), tmp_path_factory.mktemp("scenes") / "visit.mp4"
    visit = footage().frames[30:50]
    encode(path, [np.asarray(one + rng.integers(0, 12, one.shape), np.uint8) for one in visit])
    return path


def shown(scene: Path, variant: str) -> list[Frame]:
    return list(VARIANTS[variant].frames(scene))


def luma(scene: Path, variant: str) -> tuple[Image, Image]:
    """Return a picture of the scene, and the same one in the variant."""
    return list(read_frames(scene))[10].luma, shown(scene, variant)[10].luma


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_a_variant_has_its_rate_and_lasts_as_long(scene: Path, variant: str) -> None:
    frames = shown(scene, variant)
    gaps_s = {round(later.at_s - one.at_s, 3) for one, later in pairwise(frames)}
    assert gaps_s == {round(1 / VARIANTS[variant].fps, 3)}
    assert 1.4 < frames[-1].at_s <= 1.9
    assert {frame.luma_span for frame in frames} == {219}


def test_pictures_are_mirrored(scene: Path) -> None:
    given, mirrored = luma(scene, "mirrored")
    assert np.array_equal(mirrored, given[:, ::-1])
    assert mirrored.flags.c_contiguous


def test_pictures_are_half_as_large(scene: Path) -> None:
    given, small = luma(scene, "half-size")
    assert small.shape == (given.shape[0] // 2, given.shape[1] // 2)
    assert float(small.mean()) == pytest.approx(float(given.mean()), abs=0.5)


def test_inverted_pictures_have_black_where_white_was(scene: Path) -> None:
    given, inverted = luma(scene, "inverted")
    assert np.array_equal(inverted, 251 - np.clip(given, 16, 235).astype(int))


@pytest.mark.parametrize(("variant", "share"), [("contrast-60", 0.6), ("contrast-140", 1.4)])
def test_contrast_changes_around_the_mean(scene: Path, variant: str, share: float) -> None:
    given, other = luma(scene, variant)
    assert float(other.mean()) == pytest.approx(float(given.mean()), abs=2)
    assert float(other.std()) == pytest.approx(share * float(given.std()), rel=0.1)


def test_with_a_third_of_the_bits_detail_is_lost(scene: Path) -> None:
    given, poor = luma(scene, "third-of-bits")
    difference = np.abs(given.astype(int) - poor)
    assert 1 < difference.mean() < 10


@pytest.mark.parametrize("variant", ["25fps", "half-size", "inverted", "contrast-60"])
def test_a_changed_picture_is_grey_for_others_too(scene: Path, variant: str) -> None:
    frame = next(islice(VARIANTS[variant].frames(scene), 1, None))
    assert np.array_equal(frame.bgr()[..., 1], frame.luma)
