"""Frames, verdicts and comparisons for the display."""

from datetime import UTC, datetime, timedelta

import numpy as np

from app.detector import Event, Verdict
from app.frames import Box, Frame
from app.motion.base import Comparison, Contour
from app.protocol import Evidence

SOMEBODY, OTHER = Box(40, 30, 30, 60), Box(100, 20, 20, 20)
START = datetime(2026, 11, 30, 12, tzinfo=UTC)


def frame(
    at_s: float = 0.0,
    shape: tuple[int, int] = (120, 160),
    *,
    damaged: bool = False,
    luma: int = 100,
) -> Frame:
    """A frame that is red all over."""
    picture = np.zeros((*shape, 3), np.uint8)
    picture[..., 2] = 200
    plane = np.full(shape, luma, np.uint8)
    taken_at = START + timedelta(seconds=at_s)
    return Frame(plane, at_s, taken_at, int(10 * at_s), lambda: picture, damaged=damaged)


def verdict(
    *,
    motion: bool = False,
    learning: bool = False,
    opened_at_s: float | None = None,
    level: float | None = None,
    objection: str | None = None,
) -> Verdict:
    event = None
    if opened_at_s is not None:
        event = Event(7, opened_at_s, None, 1234.0, (), alert=True)
    return Verdict(motion, 1234.0 * motion, (), learning, event, None, level, objection)


def evidence(size: float = 0.05, hidden: float | None = 0.64) -> Evidence:
    return Evidence(Box(0, 0, 9, 9), size, 0.5, 1.24, 0.12, hidden, 0.43, entered="left")


def somebody(box: Box = SOMEBODY, number: int = 3) -> Contour:
    return Contour(box, 5000.0, confirmed=True, number=number, evidence=evidence())


def other(box: Box = OTHER, number: int = 4, objection: str = "did not travel") -> Contour:
    return Contour(box, 900.0, objection=objection, number=number, evidence=evidence(0.01, None))


def comparison(*contours: Contour, delta: int = 0) -> Comparison:
    planes = np.full((98, 160), 90, np.uint8), np.full((98, 160), delta, np.uint8)
    return Comparison(*planes, contours)
