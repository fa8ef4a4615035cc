"""Areas of a camera drawn on its picture, with a grid of coordinates."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Image, Polygon

#: The colour of each kind of area, BGR.
COLOURS = {"mask": (80, 80, 255), "zone": (255, 220, 0), "privacy mask": (0, 220, 255)}
#: The kinds that show what is below them; a privacy mask is black there anyway.
_SHADED, _SHADE = ("mask", "zone"), 0.3
_GRID_STEPS = 10
_FONT = cv2.FONT_HERSHEY_SIMPLEX
#: A narrower picture is enlarged, so that the numbers can be read.
_LEAST_WIDTH_PX = 960


def with_areas(picture: Image, areas: Mapping[str, tuple[Polygon, ...]]) -> Image:
    """Return a copy of *picture*, (rows, columns, BGR) uint8, with *areas* by kind and a grid.

    The grid has a line at each tenth of the width and the height.
    """
    factor = max(-(-_LEAST_WIDTH_PX // picture.shape[1]), 1)
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    drawn = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    _draw_grid(drawn)
    for kind, polygons in areas.items():
        for number, polygon in enumerate(polygons, 1):
            if kind in _SHADED:
                _shade_area(drawn, polygon, COLOURS[kind])
            _draw_area(drawn, polygon, f"{kind} {number}", COLOURS[kind])
    return drawn


def _draw_grid(drawn: Image) -> None:
    rows, columns = drawn.shape[:2]
    lines = drawn.copy()
    for step in range(1, _GRID_STEPS):
        x, y = columns * step // _GRID_STEPS, rows * step // _GRID_STEPS
        cv2.line(lines, (x, 0), (x, rows), (255, 255, 255), 1)
        cv2.line(lines, (0, y), (columns, y), (255, 255, 255), 1)
    cv2.addWeighted(lines, 0.5, drawn, 0.5, 0, dst=drawn)
    for step in range(1, _GRID_STEPS):
        x, y = columns * step // _GRID_STEPS, rows * step // _GRID_STEPS
        _write(drawn, f"{step / _GRID_STEPS:.1f}", (x + 3, 16), (255, 255, 255))
        _write(drawn, f"{step / _GRID_STEPS:.1f}", (3, y - 4), (255, 255, 255))


def _shade_area(drawn: Image, polygon: Polygon, colour: tuple[int, int, int]) -> None:
    """Shade what the detector takes for *polygon*, which is not all of one that crosses itself."""
    shaded = cv2.fillPoly(drawn.copy(), [_corners(drawn, polygon)], colour)
    cv2.addWeighted(shaded, _SHADE, drawn, 1 - _SHADE, 0, dst=drawn)


def _corners(drawn: Image, polygon: Polygon) -> NDArray[np.int32]:
    rows, columns = drawn.shape[:2]
    return np.asarray(np.rint(np.array(polygon) * (columns - 1, rows - 1)), np.int32)


def _draw_area(drawn: Image, polygon: Polygon, name: str, colour: tuple[int, int, int]) -> None:
    columns = drawn.shape[1]
    corners = _corners(drawn, polygon)
    cv2.polylines(drawn, [corners], True, (0, 0, 0), 5, cv2.LINE_AA)
    cv2.polylines(drawn, [corners], True, colour, 2, cv2.LINE_AA)
    middle_x, middle_y = (int(value) for value in corners.mean(axis=0))
    (width, _), _ = cv2.getTextSize(name, _FONT, 0.5, 1)
    left = min(max(middle_x - width // 2, 2), max(columns - width - 2, 2))
    _write(drawn, name, (left, middle_y), colour)


def _write(drawn: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(drawn, text, at, _FONT, 0.5, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.putText(drawn, text, at, _FONT, 0.5, colour, 1, cv2.LINE_AA)
