"""Changes of the light of the whole picture."""

import numpy as np

from app.motion.blobs import Blob, BlobFinder
from app.motion.light_change import LightChange
from tests.motion.scenes import room, with_figure
from tests.motion.test_scene_model import SHAPE, changed_by, learned


def changing(picture: np.ndarray, blobs: int | None = None) -> bool:
    """Return whether the light changes with *picture*, which follows the empty room."""
    contrast, model = learned()
    light = LightChange(SHAPE)
    for number in range(6):
        shown = room() if number < 5 else picture
        changed_by(contrast, model, shown)
        light.take(shown.astype(np.uint8), contrast, number / 10)
    found: list[Blob] = BlobFinder(SHAPE, 40).find(model.changed)
    return light.is_changing(0.5, found, contrast, model)


def test_a_lamp_whose_highlights_hide_texture_is_a_change() -> None:
    spots = np.ones(SHAPE, np.float32)
    for x in range(10, 150, 30):
        spots[30:50, x : x + 14] = 0.1
    assert changing(np.clip(0.5 * room() * spots, 0, 255))


def test_a_lamp_that_keeps_all_texture_needs_no_pause() -> None:
    assert not changing(0.6 * room())


def test_a_lamp_in_an_inverted_picture_keeps_all_texture_too() -> None:
    assert not changing(255 - 0.6 * (255 - room()))


def test_a_person_close_by_is_no_change_of_light() -> None:
    assert not changing(with_figure(room(), 80, height=1.2))
