"""The contact sheet, as somebody sees it."""

import numpy as np

from app.evaluation.evaluate.contact_sheet import Tile, contact_sheet
from app.frames import Box
from tests.evaluation.tagged import picture

LINES = ("missed person, score 0.12", "front 2026-11-20 12:00:00")


def test_pictures_stand_in_rows_of_four_with_their_text() -> None:
    red = np.full((480, 640, 3), (0, 0, 255), np.uint8)
    sheet = contact_sheet([Tile(red, [Box(100, 100, 200, 200)], LINES)] * 5)
    assert sheet.shape == (2 * 340, 4 * 392, 3)
    for column in range(4):
        assert tuple(sheet[20, 392 * column + 20]) == (0, 0, 255)
        assert sheet[290:330, 392 * column : 392 * column + 300].max() == 255
    assert tuple(sheet[60, 120]) == (64, 200, 64)
    assert sheet[350:, 400:].max() == 0


def test_pictures_of_any_form_fit() -> None:
    tiles = [
        Tile(None, (), LINES),
        Tile(picture(1), (), ("é", "")),
        Tile(picture(2)[:, :3], (), LINES),
    ]
    assert contact_sheet(tiles).shape == (340, 3 * 392, 3)
