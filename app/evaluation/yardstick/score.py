"""Scores the events that a detector found in labelled scenes.

A visit is found by the first event that opens from `_EARLY_S` before somebody is in view until he
has left. If the visit before ended at most `_CARRY_S` earlier, an event that is still open from it
finds this one too, at once: the owner is already looking. An event that opens while nobody is there
is false, and does not find a visit that it happens to run into. An event that stays open in an
empty room is overhang.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.evaluation.yardstick.staging import Disturbance, Labels

#: The beginning and the end of an event in seconds, or of somebody's presence.
Span = tuple[float, float]
#: After somebody has left, his shadow and the end of the event take some time. His shadow may come
#: before him by two frames.
_MARGIN_S, _EARLY_S = 2.0, 0.2
#: Visits that are closer than this may share an event.
_CARRY_S = 5.0
#: A disturbance has tripped the detector when a false event opens so long after its end.
_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Score:
    """The counts of one scene, or the sum of several.

    *latencies_s* has the seconds until each visit was found, None where it was not. *present_s* and
    *covered_s* are the time with somebody in view, and the part of it under an event; *free_s* and
    *overhang_s* the same for the time with nobody there. *false_at_s* is when false events opened.
    """

    latencies_s: tuple[float | None, ...] = ()
    present_s: float = 0.0
    covered_s: float = 0.0
    free_s: float = 0.0
    overhang_s: float = 0.0
    disturbances: int = 0
    tripped: int = 0
    false_at_s: tuple[float, ...] = ()

    def recall(self, within_s: float) -> float | None:
        """Return the share of visits found *within_s*; None without visits."""
        if not self.latencies_s:
            return None
        found = [one for one in self._found() if one <= within_s + 1e-6]
        return len(found) / len(self.latencies_s)

    @property
    def median_latency_s(self) -> float | None:
        found = self._found()
        return statistics.median(found) if found else None

    @property
    def coverage(self) -> float | None:
        """The share of the time with somebody in view that is under an event."""
        return self.covered_s / self.present_s if self.present_s else None

    @property
    def overhang(self) -> float | None:
        """The share of the time with nobody there that is under an event."""
        return self.overhang_s / self.free_s if self.free_s else None

    def _found(self) -> list[float]:
        return [one for one in self.latencies_s if one is not None]


def score(labels: Labels, events: Iterable[Span]) -> Score:
    """Return how well *events* fit *labels*."""
    spans, visits = sorted(events), labels.presence
    settle_s, end_s = labels.settle_s, labels.seconds
    merged = _merged(spans)
    busy = _merged((first, min(end_s, last + _MARGIN_S)) for first, last in visits)
    false = tuple(
        first for first, _ in spans if first >= settle_s and _visit_at(visits, first) is None
    )
    present_s = sum(last - first for first, last in visits)
    under_s = sum(_overlap((settle_s, end_s), one) for one in merged)
    excused_s = sum(
        _overlap((max(first, settle_s), last), one) for first, last in busy for one in merged
    )
    return Score(
        latencies_s=tuple(_latency_s(visits, place, spans) for place in range(len(visits))),
        present_s=present_s,
        covered_s=sum(_overlap(visit, one) for visit in visits for one in merged),
        free_s=end_s - settle_s - sum(_overlap((settle_s, end_s), one) for one in busy),
        overhang_s=max(0.0, under_s - excused_s),
        disturbances=len(labels.disturbances),
        tripped=sum(_tripped(one, false) for one in labels.disturbances),
        false_at_s=false,
    )


def total(scores: Iterable[Score]) -> Score:
    """Return the sum of *scores*."""
    parts = list(scores)
    return Score(
        latencies_s=tuple(one for part in parts for one in part.latencies_s),
        present_s=sum(part.present_s for part in parts),
        covered_s=sum(part.covered_s for part in parts),
        free_s=sum(part.free_s for part in parts),
        overhang_s=sum(part.overhang_s for part in parts),
        disturbances=sum(part.disturbances for part in parts),
        tripped=sum(part.tripped for part in parts),
        false_at_s=tuple(one for part in parts for one in part.false_at_s),
    )


def _latency_s(visits: Sequence[Span], place: int, spans: Sequence[Span]) -> float | None:
    entry_s, exit_s = visits[place]
    follows = place > 0 and entry_s - visits[place - 1][1] <= _CARRY_S
    found = []
    for first, last in spans:
        opens = entry_s - _EARLY_S <= first <= exit_s
        lasts = follows and first < entry_s <= last and _visit_at(visits, first) is not None
        if opens or lasts:
            found.append(max(0.0, first - entry_s))
    return min(found, default=None)


def _visit_at(visits: Sequence[Span], at_s: float) -> int | None:
    """Return the place of the visit to which an event that opens at *at_s* belongs."""
    for place, (entry_s, exit_s) in enumerate(visits):
        if entry_s - _EARLY_S <= at_s <= exit_s + _MARGIN_S:
            return place
    return None


def _tripped(one: Disturbance, false: Iterable[float]) -> bool:
    return any(one.start_s - _EARLY_S <= at_s <= one.end_s + _AFTER_S for at_s in false)


def _overlap(one: Span, other: Span) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
