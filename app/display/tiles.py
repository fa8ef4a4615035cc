"""The tiles: camera, background and difference side by side, with the words of the verdict.

Unlike the panels, they leave the words to whoever shows the tiles, such as a page.
"""

from typing import Any

import numpy as np

from app.detector import Verdict
from app.display.colours import PANEL
from app.display.findings import COLUMNS, event_text, findings, headline, reason
from app.display.panels import darkened, draw_camera, draw_looks, draw_plane, say_none
from app.display.people import decision_text
from app.frames import Frame, Image
from app.motion.base import Comparison, Contour
from app.people.view import PeopleView

NAMES = ("camera", "background", "difference")
#: The longer side of a tile, and the space between two, in pixels.
SIDE, _GAP = 480, 4


def draw_tiles(
    frame: Frame, verdict: Verdict, comparison: Comparison | None, people: PeopleView | None = None
) -> Image:
    """Return the tiles of *frame* in a row, (rows, columns, BGR) uint8."""
    width, height = _size(frame)
    board = np.full((height, 3 * width + 2 * _GAP, 3), PANEL, np.uint8)
    camera, background, difference = (
        board[:, left : left + width] for left in (n * (width + _GAP) for n in range(3))
    )
    contours = _contours(frame, comparison)
    draw_looks(draw_camera(camera, frame, verdict, contours), frame, people or PeopleView())
    if comparison:
        draw_plane(background, comparison.background, frame, ())
        draw_plane(difference, darkened(comparison.delta), frame, contours)
    else:
        say_none(background, verdict)
        say_none(difference, verdict)
    return board


def describe(
    frame: Frame, verdict: Verdict, comparison: Comparison | None, people: PeopleView | None = None
) -> dict[str, Any]:
    """Return the words about *frame*, and the place of each of its tiles, as plain values.

    `figures` are texts under the `columns`, or none. Places are x, y, width, height in pixels.
    """
    contours = _contours(frame, comparison)
    width, height = _size(frame)
    event = event_text(verdict, frame.at_s)
    return {
        "headline": headline(verdict, contours, damaged=frame.damaged),
        "reason": reason(verdict, contours),
        "columns": COLUMNS,
        "findings": [
            {"title": one.title, "figures": one.figures, "confirmed": one.confirmed}
            for one in findings(contours)
        ],
        "event": event,
        "decision": decision_text(people) if event and people else "",
        "tiles": {name: (n * (width + _GAP), 0, width, height) for n, name in enumerate(NAMES)},
    }


def _contours(frame: Frame, comparison: Comparison | None) -> tuple[Contour, ...]:
    return comparison.contours if comparison and not frame.damaged else ()


def _size(frame: Frame) -> tuple[int, int]:
    """Return width and height of a tile, with the sides of *frame* in their ratio."""
    rows, columns = frame.luma.shape
    scale = SIDE / max(rows, columns)
    return max(round(columns * scale), 1), max(round(rows * scale), 1)
