"""Blobs, and whether they hide the background or only light it."""

import numpy as np
import pytest

from app.motion.blobs import BlobFinder, Traits, traits_of
from tests.motion.scenes import room, with_figure
from tests.motion.test_scene_model import SHAPE, changed_by, learned


def traits(picture: np.ndarray) -> Traits:
    """Return the traits of the largest blob in *picture*."""
    contrast, model = learned()
    changed_by(contrast, model, picture)
    blobs = BlobFinder(SHAPE, 40).find(model.changed)
    return traits_of(max(blobs, key=lambda blob: blob.area_px), contrast, model)


def test_a_blob_is_filled_and_has_a_box() -> None:
    changed = np.zeros(SHAPE, np.uint8)
    changed[20:60, 30:50] = 255
    changed[24:56, 34:46] = 0
    changed[80:83, 100:103] = 255
    (blob,) = BlobFinder(SHAPE, 40).find(changed)
    assert blob.box == (30, 20, 20, 40)
    assert 700 < blob.area_px < 900


def test_a_person_hides_texture_is_sharp_and_darker() -> None:
    person = traits(with_figure(room(), 80))
    assert person.kept_share < 0.35
    assert person.sharpness > 1
    assert person.darkest < -0.3


def test_a_bright_patch_keeps_texture_and_darkens_nothing() -> None:
    rows, columns = np.mgrid[0:90, 0:160]
    patch = 1 + 0.9 * (np.hypot(rows - 45, columns - 80) < 20)
    light = traits(np.clip(room() * patch, 0, 255))
    assert light.kept_share > 0.5
    assert light.darkest > -0.07


@pytest.mark.parametrize("gain", [0.4, 2.0])
def test_texture_is_kept_by_light_that_adds_haze_or_contrast(gain: float) -> None:
    rows, columns = np.mgrid[0:90, 0:160]
    inside = np.hypot(rows - 45, columns - 80) < 20
    stretched = 110 + gain * (room() - 110)
    light = traits(np.where(inside, stretched, room()))
    assert light.textured > 100
    assert light.kept_share > 0.7


def test_the_finest_texture_is_kept_beside_edges_of_light() -> None:
    bars = np.where(np.arange(160) // 5 % 2 == 0, 1.6, 1.0)
    inside = np.hypot(*np.mgrid[-45:45, -80:80]) < 25
    light = traits(np.clip(np.where(inside, room() * bars, room()), 0, 255))
    person = traits(with_figure(room(), 80))
    assert light.fine > 100
    assert light.fine_kept_share > 0.45
    assert person.fine > 30
    assert person.fine_kept_share < 0.35


def test_older_traits_fade() -> None:
    sum_of = Traits(textured=100, kept=50, darkest=-1)
    sum_of.fade(0.8)
    sum_of.add(Traits(textured=20, kept=0, darkest=0), 0.5)
    assert (sum_of.textured, sum_of.kept_share, sum_of.darkest) == (100, 0.4, -0.5)
    assert Traits().kept_share == Traits().sharpness == 0
