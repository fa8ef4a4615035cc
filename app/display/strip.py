"""The strip of the last minute: what differed and was confirmed, the light, and the events."""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from app.detector import Verdict
from app.display.colours import AXIS, CHANGED, CONFIRMED, DAMAGED, EVENT, PANEL, SEEN, TEXT
from app.display.people import decision_text
from app.display.text import SMALLEST, capital_px, width_px, write
from app.frames import Frame, Image
from app.motion.base import Contour
from app.people.view import PeopleView

SHOWN_S = 60
#: Seconds that one column of the strip sums up.
_QUARTER_S = 0.25
#: One line and one column in so many are enough for the mean of a picture.
_STEP = 8
_VIDEO_BLACK = 16
_LABELS_PX, _RIGHT_PX = 128, 12
#: The lower edges of the three rows and of the axis' text, and the heights of the rows.
_EVIDENCE, _LIGHT, _EVENTS, _SCALE = (34, 28), (72, 34), (102, 26), 127
#: The share of the row of events that is a bar; above it is the decision, if there is room for it.
_EVENT_SHARE, _LEAST_TEXT_PX, _APART_PX = 0.25, 60, 12


@dataclass(slots=True)
class Quarter:
    """A quarter of a second, *number* quarters after the source's zero.

    *size* is the largest box's share of the picture, *level* the brightness, 0 to 255, or None
    where all pictures were damaged. *event* is the number of the event that is open.
    """

    number: int
    size: float = 0.0
    confirmed: bool = False
    level: float | None = None
    event: int | None = None
    damaged: bool = False


class Strip:
    """Remembers the last minute, and draws it."""

    def __init__(self) -> None:
        self._quarters: deque[Quarter] = deque()
        #: The decision about each event, by its number.
        self._decisions: dict[int, str] = {}

    def add(
        self,
        frame: Frame,
        verdict: Verdict,
        contours: tuple[Contour, ...],
        people: PeopleView | None = None,
    ) -> None:
        """Add *frame* with its *verdict*, what differed in it, and the decision of *people*."""
        quarter = self._quarter(int(frame.at_s / _QUARTER_S))
        event = verdict.event
        if event and verdict.changed != "closed":
            quarter.event = event.number
        if event and people and people.number == event.number:
            self._decisions[event.number] = decision_text(people)
        if frame.damaged:
            quarter.damaged = True
            return
        quarter.level = brightness(frame) if verdict.level is None else verdict.level
        rows, columns = frame.luma.shape
        for one in contours:
            if one.seen:
                share = one.box.width * one.box.height / (rows * columns)
                quarter.size = max(quarter.size, share)
        quarter.confirmed |= verdict.motion

    def _quarter(self, number: int) -> Quarter:
        quarters = self._quarters
        if quarters and number < quarters[-1].number:
            quarters.clear()  # the source began again
            self._decisions.clear()
        if not quarters or number > quarters[-1].number:
            quarters.append(Quarter(number))
        while quarters[0].number <= number - SHOWN_S / _QUARTER_S:
            quarters.popleft()
        return quarters[-1]

    def draw(self, picture: Image) -> None:
        """Draw the minute into *picture*, (rows, columns, BGR) uint8, in which the axes are."""
        if not self._quarters:
            return
        left, right = _sides(picture)
        last = self._quarters[-1].number
        width = (right - left) * _QUARTER_S / SHOWN_S
        line = []
        for one in self._quarters:
            x = right - (last - one.number + 1) * width
            span = (round(x), round(x + width) - 1)
            if one.size:
                colour = CONFIRMED if one.confirmed else CHANGED
                _bar(picture, span, _EVIDENCE, min(one.size, 1.0) ** 0.5, colour)
            if one.damaged:
                _bar(picture, span, _EVIDENCE, 0.25, DAMAGED)
            if one.event is not None:
                _bar(picture, span, _EVENTS, _EVENT_SHARE, EVENT)
            if one.level is not None:
                line.append((x + width / 2, _LIGHT[0] - _LIGHT[1] * one.level / 255))
        points = np.rint(np.array(line, np.float32).reshape(-1, 1, 2)).astype(np.int32)
        cv2.polylines(picture, [points], False, TEXT, 2, cv2.LINE_AA)
        self._write_decisions(picture)

    def _write_decisions(self, picture: Image) -> None:
        """Write the decision about each event above its bar, the newest first."""
        left, right = _sides(picture)
        last = self._quarters[-1].number
        ages = {one.event: last + 1 - one.number for one in reversed(self._quarters)}
        self._decisions = {one: text for one, text in self._decisions.items() if one in ages}
        base = _EVENTS[0] - round(_EVENTS[1] * _EVENT_SHARE) - 3
        limit = right
        for number, text in sorted(self._decisions.items(), reverse=True):
            start = right - round((right - left) * _QUARTER_S / SHOWN_S * ages[number])
            if limit == right:
                start = max(min(start, right - width_px(text, SMALLEST)), left)
            if limit - start >= _LEAST_TEXT_PX:
                write(picture, text, (start, base), limit - start, size=SMALLEST, colour=SEEN)
            limit = min(limit, start - _APART_PX)


def draw_axes(picture: Image) -> None:
    """Draw the empty strip into *picture*, (rows, columns, BGR) uint8, of 132 rows."""
    picture[:] = PANEL
    left, right = _sides(picture)
    for text, (bottom, height) in (("evidence", _EVIDENCE), ("light", _LIGHT), ("events", _EVENTS)):
        base = bottom - (height - capital_px(SMALLEST)) // 2
        write(picture, text, (10, base), left - 18, size=SMALLEST)
        cv2.line(picture, (left, bottom), (right, bottom), AXIS, 1)
    for ago_s in range(0, SHOWN_S + 1, 10):
        x = round(right - (right - left) * ago_s / SHOWN_S)
        cv2.line(picture, (x, _EVIDENCE[0] - _EVIDENCE[1]), (x, _EVENTS[0]), AXIS, 1)
        text = f"-{ago_s} s" if ago_s else "now"
        write(picture, text, (min(x + 30, right), _SCALE), 90, size=SMALLEST, right=True)


def _sides(picture: Image) -> tuple[int, int]:
    return _LABELS_PX, picture.shape[1] - _RIGHT_PX


def brightness(frame: Frame) -> float:
    """Return the mean of the picture, scaled to black 0 and white 255."""
    black = _VIDEO_BLACK if frame.luma_span < 255 else 0
    mean = float(frame.luma[::_STEP, ::_STEP].mean())
    return min(max((mean - black) * 255 / frame.luma_span, 0.0), 255.0)


def _bar(
    picture: Image,
    span: tuple[int, int],
    row: tuple[int, int],
    share: float,
    colour: tuple[int, int, int],
) -> None:
    """Fill the columns *span* of a *row*, (lower edge, height), from below up to *share*."""
    bottom, height = row
    top = bottom - max(round(height * share), 3)
    cv2.rectangle(picture, (span[0], top), (max(span), bottom - 1), colour, cv2.FILLED)
