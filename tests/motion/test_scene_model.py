"""The learned background: what has changed, what is learned, what is left alone."""

import numpy as np
import pytest

from app.frames import Box
from app.motion.contrast import Contrast
from app.motion.scene_model import ModelParts, SceneModel, region_of
from tests.motion.scenes import room, shown, with_figure

SHAPE = (90, 160)


def learned(parts: ModelParts | None = None) -> tuple[Contrast, SceneModel]:
    """Return contrast and model after six quiet seconds."""
    contrast, model = Contrast(SHAPE, 255), SceneModel(SHAPE, parts)
    for at_s, picture in shown(lambda _: room(), 6):
        contrast.take(picture)
        contrast.weigh(picture)
        if at_s == 0:
            model.begin(contrast)
        model.compare(contrast)
        model.calibrate(contrast, at_s, 0.1, at_s)
    return contrast, model


def changed_by(contrast: Contrast, model: SceneModel, picture: np.ndarray) -> int:
    contrast.take(picture.astype(np.uint8))
    contrast.weigh(picture.astype(np.uint8))
    return model.compare(contrast)


def test_a_person_changes_pixels_and_a_lamp_does_not() -> None:
    contrast, model = learned()
    assert changed_by(contrast, model, room()) < 20
    assert changed_by(contrast, model, 0.7 * room()) < 20
    assert changed_by(contrast, model, with_figure(room(), 80)) > 200


def test_a_small_shift_changes_less_with_edge_tolerance() -> None:
    shifted = np.roll(room(), 1, axis=1)
    tolerant = changed_by(*learned(), shifted)
    strict = changed_by(*learned(ModelParts(edge_tolerance=False)), shifted)
    assert tolerant < strict / 2


def test_nothing_is_learned_in_regions_that_are_kept() -> None:
    contrast, model = learned()
    box = Box(60, 20, 40, 60)
    before = model.contrast.copy()
    changed_by(contrast, model, with_figure(room(), 80))
    with model.kept([region_of(box, SHAPE)]):
        model.learn(contrast, 0.5, 10.0)
    inside = region_of(box, SHAPE)
    assert np.array_equal(model.contrast[inside], before[inside])
    assert not np.array_equal(model.contrast, before)


def test_what_was_learned_too_early_is_put_back() -> None:
    contrast, model = learned()
    region = region_of(Box(60, 20, 40, 60), SHAPE)
    before = model.contrast[region].copy()
    changed_by(contrast, model, with_figure(room(), 80))
    model.absorb(contrast, region)
    assert np.abs(model.contrast[region] - before).mean() > 5
    model.put_back(region)
    assert np.abs(model.contrast[region] - before).mean() < 5


def test_a_pixel_that_always_varies_needs_a_larger_change() -> None:
    contrast, model = learned()
    quiet = model.noise.copy()
    for at_s, picture in shown(lambda _: room(), 5, noise=8):
        changed_by(contrast, model, picture)
        model.learn(contrast, 0.1, 6 + at_s)
    assert model.noise.mean() > 1.5 * quiet.mean()
    assert model.usual_noise() > 1.2


def test_the_quartile_shows_noise_of_the_whole_picture() -> None:
    contrast, model = learned()
    random = np.random.default_rng(2)
    changed_by(contrast, model, room() + random.normal(0, 1.5, SHAPE))
    assert model.quartile() == pytest.approx(0.88, abs=0.25)
    changed_by(contrast, model, np.clip(room() + random.normal(0, 9, SHAPE), 0, 255))
    assert model.quartile() > 1.8


def test_regions_are_cut_at_the_edges_of_the_picture() -> None:
    assert region_of(Box(0, 80, 10, 10), SHAPE, 3) == (slice(77, 90), slice(0, 13))
