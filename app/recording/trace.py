"""The trace of an event: what was measured in its frames, for a plot of why it opened.

A trace has at most `MOST_POINTS` points, however long the event is. Where several frames share two
points, these are the frames with the least and the largest figure, so that a short peak is kept.
"""

import json
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Annotated, NamedTuple, TypeAlias

from annotated_types import Ge, Interval, Len
from pydantic import FiniteFloat, TypeAdapter

#: The most points of a trace, and bytes of its file.
MOST_POINTS, MOST_BYTES = 240, 8192
#: The seconds before an event that its trace has too.
BEFORE_S = 5.0
#: The seconds of the frames that share two points, as long as they are few enough.
_FINEST_S = 0.05
_MOST_BEFORE = 512

_Figure: TypeAlias = Annotated[FiniteFloat, Ge(0)]
_Share: TypeAlias = Annotated[FiniteFloat, Interval(ge=0, le=1)]
_MOST = Len(0, MOST_POINTS)


class Limits(NamedTuple):
    """The lowest figures that count; None where there is no such limit."""

    area_px: float | None = None
    hidden: float | None = None
    level: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class EventTrace:
    """The columns of a trace: each has a figure for each of the times *t_s*, or is empty.

    *t_s* is in seconds after the event's start, negative before it. *area_px* is the largest
    changed area, in pixels at `frame_width`, *hidden* the share of the texture behind it that it
    hides, *level* the brightness, 0 to 255, where light is the trigger, and *score* the best person
    score where a model looked. The *least_…* are the lowest figures that count, None where that is
    not known; *least_hidden* has exceptions.
    """

    t_s: Annotated[tuple[FiniteFloat, ...], _MOST]
    area_px: Annotated[tuple[_Figure | None, ...], _MOST] = ()
    hidden: Annotated[tuple[_Share | None, ...], _MOST] = ()
    level: Annotated[tuple[FiniteFloat | None, ...], _MOST] = ()
    score: Annotated[tuple[_Share | None, ...], _MOST] = ()
    least_area_px: _Figure | None = None
    least_hidden: _Share | None = None
    least_level: _Figure | None = None
    least_score: _Share | None = None

    def __post_init__(self) -> None:
        columns = (self.area_px, self.hidden, self.level, self.score)
        if any(column and len(column) != len(self.t_s) for column in columns):
            raise ValueError("the columns of a trace have different lengths")
        if any(later < earlier for earlier, later in zip(self.t_s, self.t_s[1:], strict=False)):
            raise ValueError("the times of a trace must increase")


def encode_trace(trace: EventTrace) -> bytes:
    """Return *trace* as JSON, without its empty columns."""
    # `asdict` would copy each figure, which takes most of the time.
    values = ((field.name, getattr(trace, field.name)) for field in fields(trace))
    known = {name: value for name, value in values if value not in (None, ())}
    return json.dumps(known, separators=(",", ":")).encode()


def decode_trace(stored: bytes) -> EventTrace:
    """Return the trace in *stored*; `ValueError` when there is none."""
    if len(stored) > MOST_BYTES:
        raise ValueError(f"a trace has at most {MOST_BYTES} bytes")
    return _adapter().validate_json(stored, strict=True)


@cache
def _adapter() -> TypeAdapter[EventTrace]:
    return TypeAdapter(EventTrace)


@dataclass(slots=True)
class TracePoint:
    """The figures of one frame, as in the columns of a `EventTrace`; *at_s* is its own time."""

    at_s: float
    area_px: float | None
    hidden: float | None
    level: float | None
    score: float | None = None

    @property
    def figure(self) -> float:
        """The figure whose extremes are kept."""
        return (self.level if self.area_px is None else self.area_px) or 0.0


class TraceRecorder:
    """Records the traces of one camera's events; the times are those of its frames."""

    def __init__(self) -> None:
        self._before: deque[TracePoint] = deque(maxlen=_MOST_BEFORE)
        self._points: _Points | None = None

    def add(self, point: TracePoint) -> None:
        """Add the next judged frame."""
        before = self._before
        before.append(point)
        while point.at_s - before[0].at_s > BEFORE_S:
            before.popleft()
        if self._points:
            self._points.add(point)

    def looked(self, at_s: float, score: float) -> None:
        """Add the best person *score* of a model in the frame of *at_s*; it may come later."""
        points = self._points.near(at_s) if self._points else self._before
        point = min(points, key=lambda one: abs(one.at_s - at_s), default=None)
        if point and abs(point.at_s - at_s) <= BEFORE_S:
            point.score = max(score, point.score or 0.0)

    def begin(self, started_at_s: float) -> None:
        """Begin the trace of an event that started at *started_at_s*, with the frames before."""
        self._points = _Points(started_at_s)
        for point in self._before:
            self._points.add(point)

    def end(self, limits: Limits) -> EventTrace | None:
        """Return the trace of the event, None without one; *limits* are those that apply."""
        points, self._points = self._points, None
        return points.trace(limits) if points else None


class _Points:
    """The points of an event that started at *zero_s*, in buckets of equal time."""

    def __init__(self, zero_s: float) -> None:
        self._zero_s = zero_s
        self._bucket_s = _FINEST_S
        self._buckets: dict[int, list[TracePoint]] = {}
        self._count = 0

    def add(self, point: TracePoint) -> None:
        self._put(point)
        while self._count > MOST_POINTS:
            points = [one for bucket in self._buckets.values() for one in bucket]
            self._bucket_s, self._buckets, self._count = 2 * self._bucket_s, {}, 0
            for one in points:
                self._put(one)

    def near(self, at_s: float) -> Sequence[TracePoint]:
        """Return the points of the frames around *at_s*."""
        return self._buckets.get(self._number(at_s), ())

    def trace(self, limits: Limits) -> EventTrace:
        points = sorted(
            (one for bucket in self._buckets.values() for one in bucket), key=lambda one: one.at_s
        )
        return EventTrace(
            tuple(round(one.at_s - self._zero_s, 2) for one in points),
            _column((one.area_px for one in points), 0),
            _column((_share(one.hidden) for one in points), 2),
            _column((one.level for one in points), 1),
            _column((_share(one.score) for one in points), 3),
            *(
                None if one is None else round(one, digits)
                for one, digits in zip(limits, (0, 2, 1, 3), strict=True)
            ),
        )

    def _number(self, at_s: float) -> int:
        return math.floor((at_s - self._zero_s) / self._bucket_s)

    def _put(self, point: TracePoint) -> None:
        number = self._number(point.at_s)
        bucket = self._buckets.get(number, [])
        self._buckets[number] = joined = _extremes([*bucket, point])
        self._count += len(joined) - len(bucket)


def _extremes(points: list[TracePoint]) -> list[TracePoint]:
    """Return the points with the least and the largest figure, the latter with the best shares."""
    if len(points) < 3:
        return points
    low = min(points, key=lambda one: one.figure)
    high = max(points, key=lambda one: one.figure)
    if high is low:  # all are alike
        low, high = points[0], points[-1]
    high = replace(
        high,
        hidden=_largest(one.hidden for one in points),
        score=_largest(one.score for one in points),
    )
    return sorted((low, high), key=lambda one: one.at_s)


def _largest(values: Iterable[float | None]) -> float | None:
    return max((one for one in values if one is not None), default=None)


def _share(value: float | None) -> float | None:
    return None if value is None else min(max(value, 0.0), 1.0)


def _column(values: Iterable[float | None], digits: int) -> tuple[float | None, ...]:
    """Return *values* rounded to so many *digits*; nothing when all are None."""
    column = tuple(None if one is None else round(one, digits or None) for one in values)
    return column if any(one is not None for one in column) else ()
