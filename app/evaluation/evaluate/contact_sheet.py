"""A contact sheet: small pictures with a line of text below each."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from app.frames import Box, Image

_WIDTH, _HEIGHT, _TEXT, _GAP, _COLUMNS = 384, 288, 44, 8, 4
_WHITE, _GREY, _GREEN = (255, 255, 255), (60, 60, 60), (64, 200, 64)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Tile(NamedTuple):
    """A *picture*, (rows, columns, BGR) uint8, or None where it is missing.

    *boxes* are drawn in, and the two *lines* of text stand below.
    """

    picture: "Image | None"
    boxes: Sequence[Box]
    lines: Sequence[str]


def contact_sheet(tiles: Sequence[Tile]) -> Image:
    """Return *tiles*, one at least, in rows of four, (rows, columns, BGR) uint8."""
    columns = min(len(tiles), _COLUMNS)
    drawn = [_draw(*tile) for tile in tiles]
    blank = np.zeros_like(drawn[0])
    drawn += [blank] * (-len(drawn) % columns)
    rows = [np.hstack(drawn[at : at + columns]) for at in range(0, len(drawn), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def _draw(picture: "Image | None", boxes: Sequence[Box], lines: Sequence[str]) -> Image:
    tile = np.zeros((_HEIGHT + _TEXT + _GAP, _WIDTH + _GAP, 3), np.uint8)
    shown = tile[:_HEIGHT, :_WIDTH]
    shown[:] = _GREY
    if picture is None:
        cv2.putText(shown, "no picture", (130, _HEIGHT // 2), _FONT, 0.7, _WHITE, 1, cv2.LINE_AA)
    else:
        _put(shown, picture, boxes)
    for number, line in enumerate(lines[:2]):
        place = (4, _HEIGHT + 17 + 20 * number)
        plain = line.encode("ascii", "replace").decode()
        cv2.putText(tile, plain, place, _FONT, 0.48, _WHITE, 1, cv2.LINE_AA)
    return tile


def _put(shown: Image, picture: Image, boxes: Sequence[Box]) -> None:
    """Put *picture* into the middle of *shown*, as large as it fits, with its *boxes*."""
    rows, columns = picture.shape[:2]
    scale = min(_WIDTH / columns, _HEIGHT / rows)
    width, height = max(1, int(columns * scale)), max(1, int(rows * scale))
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    for box in boxes:
        corners = [
            int(side * scale) for side in (box.x, box.y, box.x + box.width, box.y + box.height)
        ]
        cv2.rectangle(small, tuple(corners[:2]), tuple(corners[2:]), _GREEN, 1)
    x, y = (_WIDTH - width) // 2, (_HEIGHT - height) // 2
    shown[y : y + height, x : x + width] = small
