"""The panels: camera, background, difference and verdict, and under them the last minute."""

from datetime import timedelta

import cv2
import numpy as np

from app.detector import Verdict
from app.display.colours import (
    CHANGED,
    CONFIRMED,
    DAMAGED,
    EVENT,
    GROUND,
    HEADING,
    PANEL,
    SEEN,
    TEXT,
)
from app.display.findings import COLUMNS, event_text, findings, headline, label, reason
from app.display.people import decision_text, detection_text
from app.display.strip import Strip, draw_axes
from app.display.text import LARGE, NORMAL, SMALL, Colour, capital_px, width_px, wrapped, write
from app.frames import Box, Frame, Image, resized
from app.motion.base import Comparison, Contour
from app.people.view import PeopleView

WIDTH, HEIGHT = 1280, 720
CAPTIONS = ("Camera", "Background", "Difference", "Verdict")
_GAP, _MARGIN, _STRIP_ROWS, _CAPTION_ROWS, _CAPTION_BASE = 4, 14, 132, 34, 26
_PANEL = ((WIDTH - _GAP) // 2, (HEIGHT - _STRIP_ROWS - 2 * _GAP) // 2)
#: The ink, 0 to 1, for a difference of 0 to 255 grey levels: noise is pale, half is at about 16.
_INK = 1 - np.exp(-((np.arange(256) / 20) ** 1.5))
_DIFFERENCES = np.rint(255 * (1 - _INK)).astype(np.uint8)
_LINE_ROWS = 29
_TAG_ROWS = capital_px(SMALL) + 8


class Panels:
    """Draws the frames of the camera *name* in order.

    A frame has its time of day where *live*, else its playing time.
    """

    def __init__(self, name: str, *, live: bool = False) -> None:
        self._name = name
        self._live = live
        self._strip = Strip()
        self._blank = _blank()

    def draw(
        self,
        frame: Frame,
        verdict: Verdict,
        comparison: Comparison | None,
        people: PeopleView | None = None,
    ) -> Image:
        """Return the picture of *frame*, (rows, columns, BGR) uint8: 1280 by 720 pixels.

        *people* is what a person model saw and decided, None without one.
        """
        people = people or PeopleView()
        contours = comparison.contours if comparison and not frame.damaged else ()
        self._strip.add(frame, verdict, contours, people)
        board = self._blank.copy()
        camera = _panel(board, 0, self._stamp(frame))
        draw_looks(draw_camera(camera, frame, verdict, contours), frame, people)
        background, difference = _panel(board, 1), _panel(board, 2)
        if comparison:
            draw_plane(background, comparison.background, frame, ())
            draw_plane(difference, darkened(comparison.delta), frame, contours)
        else:
            say_none(background, verdict)
            say_none(difference, verdict)
        event = event_text(verdict, frame.at_s)
        decision = event and decision_text(people)
        _draw_verdict(_panel(board, 3, event, EVENT), frame, verdict, contours, decision)
        self._strip.draw(board[HEIGHT - _STRIP_ROWS :])
        return board

    def message(self, text: str) -> Image:
        """Return a picture of the same size that only says *text*."""
        board = np.full_like(self._blank, PANEL[0])
        write(board, self._name, (60, 120), WIDTH - 120, size=LARGE)
        for row, line in enumerate(wrapped(text, LARGE, WIDTH - 120)):
            write(board, line, (60, 200 + 50 * row), WIDTH - 120, size=LARGE)
        return board

    def _stamp(self, frame: Frame) -> str:
        if self._live:
            return f"{self._name}  {frame.taken_at.astimezone():%H:%M:%S}"
        whole = timedelta(seconds=int(frame.at_s))
        return f"{self._name}  {whole}.{int(10 * frame.at_s) % 10}"


def _blank() -> Image:
    """Return the picture with the captions, the lines between the panels and the axes only."""
    board = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    board[:] = GROUND
    width, height = _PANEL
    for number, caption in enumerate(CAPTIONS):
        top, left = _corner(number)
        board[top : top + height, left : left + width] = PANEL
        write(board, caption, (left + _MARGIN, top + _CAPTION_BASE), width, size=NORMAL)
    draw_axes(board[HEIGHT - _STRIP_ROWS :])
    return board


def _corner(number: int) -> tuple[int, int]:
    """Return the upper left corner (row, column) of the panel *number*, 0 to 3."""
    row, column = divmod(number, 2)
    return row * (_PANEL[1] + _GAP), column * (_PANEL[0] + _GAP)


def _panel(board: Image, number: int, note: str = "", colour: Colour = TEXT) -> Image:
    """Write a *note* at the right of the caption of a panel; returns the part below them."""
    width, height = _PANEL
    top, left = _corner(number)
    room = width - 3 * _MARGIN - width_px(CAPTIONS[number], NORMAL)
    start = left + width - _MARGIN, top + _CAPTION_BASE
    write(board, note, start, room, colour=colour, right=True)
    return board[top + _CAPTION_ROWS : top + height, left : left + width]


def draw_camera(
    panel: Image, frame: Frame, verdict: Verdict, contours: tuple[Contour, ...]
) -> Image:
    """Draw *frame* with its boxes into *panel*; return its place."""
    shown = _placed(panel, frame.bgr())
    if frame.damaged:
        cv2.rectangle(shown, (0, 0), (shown.shape[1] - 1, shown.shape[0] - 1), DAMAGED, 8)
        _tag(shown, "damaged", (10, 10 + capital_px(SMALL)), DAMAGED)
        return shown
    boxes = contours or [Contour(box, 0.0, confirmed=True) for box in verdict.boxes]
    _draw_contours(shown, frame, boxes)
    return shown


def draw_looks(place: Image, frame: Frame, people: PeopleView) -> None:
    """Draw where the person model looked in the last second, and what it found there."""
    if frame.damaged:
        return
    for look in people.looks_at(frame.at_s):
        _draw_box(place, frame, look.crop, SEEN, 1)
        for one in look.things():
            box = _draw_box(place, frame, one.box, SEEN, 2)
            _tag(place, detection_text(one), (box.x, box.y + box.height + 6 + _TAG_ROWS), SEEN)


def draw_plane(panel: Image, plane: Image, frame: Frame, contours: tuple[Contour, ...]) -> None:
    rows, columns = frame.luma.shape
    shown = _placed(panel, np.repeat(plane[..., None], 3, axis=2), columns / rows)
    _draw_contours(shown, frame, contours, with_labels=False)


def say_none(panel: Image, verdict: Verdict) -> None:
    """Write why there is no background, and no difference from it."""
    text = "not known yet" if verdict.level is None else "not used: light is the trigger"
    write(panel, text, (_MARGIN, panel.shape[0] // 2), panel.shape[1] - 2 * _MARGIN)


def _placed(panel: Image, picture: Image, ratio: float | None = None) -> Image:
    """Put *picture*, with sides in *ratio*, into the middle of *panel*; returns its place."""
    rows, columns = panel.shape[:2]
    ratio = ratio or picture.shape[1] / picture.shape[0]
    width = min(columns, max(round(rows * ratio), 1))
    height = min(rows, max(round(width / ratio), 1))
    top, left = (rows - height) // 2, (columns - width) // 2
    place = panel[top : top + height, left : left + width]
    place[:] = resized(picture, width, height)
    return place


def _draw_contours(
    place: Image,
    frame: Frame,
    contours: tuple[Contour, ...] | list[Contour],
    *,
    with_labels: bool = True,
) -> None:
    for one in sorted(contours, key=lambda one: one.confirmed):
        colour = CONFIRMED if one.confirmed else CHANGED
        thickness = 4 if one.confirmed and one.seen else 2
        box = _draw_box(place, frame, one.box, colour, thickness)
        if with_labels and label(one):
            _tag(place, label(one), (box.x, box.y - 6), colour)


def _draw_box(place: Image, frame: Frame, box: Box, colour: Colour, thickness: int) -> Box:
    """Draw *box*, in the pixels of *frame*, into its *place*; return it in the pixels there."""
    rows, columns = frame.luma.shape
    box = _scaled(box, place.shape[1] / columns, place.shape[0] / rows)
    corner = box.x + box.width, box.y + box.height
    cv2.rectangle(place, (box.x, box.y), corner, colour, thickness)
    return box


def _scaled(box: Box, across: float, down: float) -> Box:
    return Box(*(round(side * scale) for side, scale in zip(box, (across, down) * 2, strict=True)))


def _tag(place: Image, text: str, start: tuple[int, int], colour: Colour) -> None:
    """Write *text* on a light ground, moved until it is inside *place*."""
    width, height = width_px(text, SMALL) + 8, _TAG_ROWS
    x = min(max(start[0], 0), max(place.shape[1] - width, 0))
    y = min(max(start[1], height), max(place.shape[0], height))
    cv2.rectangle(place, (x, y - height), (x + width, y), PANEL, cv2.FILLED)
    write(place, text, (x + 4, y - 4), width, colour=colour)


def _draw_verdict(
    panel: Image, frame: Frame, verdict: Verdict, contours: tuple[Contour, ...], decision: str
) -> None:
    width = panel.shape[1] - 2 * _MARGIN
    colour = DAMAGED if frame.damaged else CONFIRMED if verdict.motion else TEXT
    write(
        panel,
        headline(verdict, contours, damaged=frame.damaged),
        (_MARGIN, 34),
        width,
        size=LARGE,
        colour=colour,
    )
    base = 34 + _LINE_ROWS + 2
    if text := reason(verdict, contours):
        write(panel, text, (_MARGIN, base), width)
        base += _LINE_ROWS
    if decision:
        write(panel, decision, (_MARGIN, base), width, colour=SEEN)
        base += _LINE_ROWS
    _draw_findings(panel[base - _LINE_ROWS + 4 :], contours)


def _draw_findings(panel: Image, contours: tuple[Contour, ...]) -> None:
    """List *contours* with their figures, as many as there is room for."""
    rows = findings(contours)
    width = panel.shape[1] - 2 * _MARGIN
    with_figures = any(one.figures for one in rows)
    base = _LINE_ROWS
    if with_figures:
        _write_columns(panel, COLUMNS, base, HEADING)
        base += _LINE_ROWS
    for number, one in enumerate(rows):
        needed = 2 if one.figures else 1
        is_last = number == len(rows) - 1
        if base + _LINE_ROWS * (needed - 1 + (not is_last)) > panel.shape[0] - 6:
            write(panel, f"and {len(rows) - number} more", (_MARGIN, base), width)
            return
        write(
            panel, one.title, (_MARGIN, base), width, colour=CONFIRMED if one.confirmed else CHANGED
        )
        if one.figures:
            _write_columns(panel, one.figures, base + _LINE_ROWS)
        base += _LINE_ROWS * needed


def _write_columns(panel: Image, texts: tuple[str, ...], base: int, colour: Colour = TEXT) -> None:
    each = (panel.shape[1] - 2 * _MARGIN) // len(texts)
    for number, text in enumerate(texts):
        write(panel, text, (_MARGIN + number * each, base), each - 8, colour=colour)


def darkened(delta: Image) -> Image:
    """Return the difference *delta* in dark on white."""
    return np.asarray(cv2.LUT(delta, _DIFFERENCES), np.uint8)
