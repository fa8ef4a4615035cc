"""Converts the time stamps of a stream to the clock of the frames."""

import math
from collections import deque
from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

#: The clock is measured by the last 20 seconds. Growth counts after 6 seconds, when it has reached
#: 0.3 s and is three times as large as all else that varies.
_MOST_SECONDS, _LEAST_SECONDS, _LEAST_RISE_S = 20, 6, 0.3


class _Least(NamedTuple):
    """The smallest offset of a second: *offset_s*, of the picture stamped *stamp_s*."""

    stamp_s: float
    offset_s: float


class StampClock:
    """Converts the stamps of a stream to the clock of its frames.

    A frame's time is when it was ready, which is a little late, and sometimes more. The offset
    between the clocks is therefore the smallest of the last 20 seconds. Where the stamps advance
    more slowly than time, because a camera does not keep the rate that it stamps, the offset grows,
    and earlier offsets are corrected by this growth. Stamps that stand still or run backwards are
    ignored, and pictures have the time at which they were ready.
    """

    def __init__(self) -> None:
        self._began_s = -math.inf
        self._least: deque[_Least] = deque(maxlen=_MOST_SECONDS)
        #: The growth of the offset for each second of the stamps, and the offset at the stamp 0.
        self._growth, self._zero_s = 0.0, math.inf
        #: When the last picture was ready, and whether that is the best that is known.
        self._at_s, self._by_arrival = -math.inf, False

    def record_frame(self, stamp_s: float, at_s: float) -> None:
        """Record that the picture stamped *stamp_s* was ready at *at_s*."""
        now, self._at_s = _Least(stamp_s, at_s - stamp_s), at_s
        if at_s - self._began_s >= 1:
            self._began_s = at_s
            self._growth, self._by_arrival = _growth(self._least), _stands_still(self._least)
            self._least.append(now)
            self._zero_s = min(map(self._zero_of, self._least))
        elif self._zero_of(now) < self._zero_of(self._least[-1]):
            self._least[-1] = now
            self._zero_s = min(self._zero_s, self._zero_of(now))

    def time_of(self, stamp_s: float) -> float | None:
        """Return when the picture stamped *stamp_s* was taken; None before the first frame."""
        if not self._least:
            return None
        if self._by_arrival:
            return self._at_s
        return stamp_s + self._growth * stamp_s + self._zero_s

    def _zero_of(self, least: _Least) -> float:
        return least.offset_s - self._growth * least.stamp_s


def _growth(least: Sequence[_Least]) -> float:
    """Return how much the offset grows for each second of the stamps; 0 where that is not clear."""
    if len(least) < _LEAST_SECONDS:
        return 0.0
    slopes = (
        (later.offset_s - before.offset_s) / (later.stamp_s - before.stamp_s)
        for before, later in combinations(least, 2)
        if later.stamp_s > before.stamp_s
    )
    growth = median([0.0, *slopes])
    began = least[0]
    rise_s = growth * (least[-1].stamp_s - began.stamp_s)
    errors = [one.offset_s - growth * (one.stamp_s - began.stamp_s) for one in least]
    if rise_s < _LEAST_RISE_S or max(errors) - min(errors) > rise_s / 3:
        return 0.0
    return growth


def _stands_still(least: Sequence[_Least]) -> bool:
    """Return whether the stamps have advanced by less than a fifth of the time."""
    if len(least) < _LEAST_SECONDS:
        return False
    stamps_s = least[-1].stamp_s - least[0].stamp_s
    return stamps_s < (stamps_s + least[-1].offset_s - least[0].offset_s) / 5
