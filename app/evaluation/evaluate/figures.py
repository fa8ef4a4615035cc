"""The figures of an evaluation: the classic table, and how often each way to decide was right."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from app.evaluation.evaluate.judging import JudgedEvent
from app.evaluation.intervals import Counts, Interval, wilson

#: Returns whether an event counts as somebody; None where that is unknown.
Call = Callable[[JudgedEvent], bool | None]
Row = tuple[bool, bool, bool]


def _person(one: JudgedEvent) -> bool | None:
    return one.person


def _both(one: JudgedEvent) -> bool | None:
    return one.person if one.person is None else one.motion and one.person


def _with_memory(one: JudgedEvent) -> bool | None:
    if one.person is None and not one.remembered:
        return None
    return one.motion and (bool(one.person) or one.remembered)


#: The ways to decide, by name.
CALLS: dict[str, Call] = {
    "motion": lambda one: one.motion,
    "person": _person,
    "motion and person": _both,
    "motion and person, with the memory": _with_memory,
    "the rule in force": lambda one: one.sent,
}
IN_FORCE = "the rule in force"
#: The number of bands of the person score.
_BANDS = 10


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the events, called *name*, and how often the rule in force was right there."""

    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class ScoreBand:
    """The events with a person score from *low* to *high*, and how many were *occupied*."""

    low: float
    high: float
    events: int
    occupied: int

    @property
    def share(self) -> Interval | None:
        return wilson(self.occupied, self.events)


def classic_table(events: Iterable[JudgedEvent], call: Call) -> dict[Row, int]:
    """Return the number of events by motion, what *call* says, and whether it was occupied.

    Every row is there, also those of 0 events.
    """
    counted = Counter(
        (one.motion, bool(said), one.occupied) for one in events if (said := call(one)) is not None
    )
    yes_no = (True, False)
    return {row: counted[row] for row in product(yes_no, yes_no, yes_no)}


def person_or_memory(one: JudgedEvent) -> bool | None:
    """Return whether a person was in the last frames, or is remembered."""
    return True if one.remembered else one.person


def counts(events: Iterable[JudgedEvent], call: Call) -> Counts:
    """Return how often *call* was right about *events*."""
    counted = Counter((said, one.occupied) for one in events if (said := call(one)) is not None)
    return Counts(
        hits=counted[True, True],
        false=counted[True, False],
        missed=counted[False, True],
        right_no=counted[False, False],
    )


def by_hour(events: Sequence[JudgedEvent]) -> list[Group]:
    """Return the figures by hour of the day, in this machine's time zone."""
    return _groups(events, lambda one: f"{one.started_at.astimezone():%H}:00")


def by_camera(events: Sequence[JudgedEvent]) -> list[Group]:
    """Return the figures by camera."""
    return _groups(events, lambda one: one.camera)


def by_score(events: Iterable[JudgedEvent]) -> list[ScoreBand]:
    """Return the bands of the person score in which there are events."""
    placed = [
        (min(int(one.score * _BANDS), _BANDS - 1), one) for one in events if one.score is not None
    ]
    found = []
    for place in range(_BANDS):
        inside = [one for at, one in placed if at == place]
        if inside:
            occupied = sum(one.occupied for one in inside)
            found.append(ScoreBand(place / _BANDS, (place + 1) / _BANDS, len(inside), occupied))
    return found


def worst_mistakes(events: Iterable[JudgedEvent], most: int) -> list[JudgedEvent]:
    """Return at most so many mistakes of the rule in force, the worst first.

    A missed person is worse than a false alarm. Among missed people the worst have the lowest
    score, among false alarms the highest.
    """
    missed = [one for one in events if one.occupied and not one.sent]
    false = [one for one in events if not one.occupied and one.sent]
    missed.sort(key=lambda one: (one.score or 0.0, one.id))
    false.sort(key=lambda one: (-(one.score or 0.0), one.id))
    return [*missed, *false][:most]


def plain(events: Sequence[JudgedEvent]) -> dict[str, Any]:
    """Return all figures as plain values for JSON."""
    return {
        "classic_table": _plain_table(classic_table(events, _person)),
        "classic_table_with_memory": _plain_table(classic_table(events, person_or_memory)),
        "decisions": {name: _plain_counts(counts(events, call)) for name, call in CALLS.items()},
        "by_hour": {one.name: _plain_counts(one.counts) for one in by_hour(events)},
        "by_camera": {one.name: _plain_counts(one.counts) for one in by_camera(events)},
        "by_score": [
            {
                "from": one.low,
                "to": one.high,
                "events": one.events,
                "occupied": _plain_interval(one.share),
            }
            for one in by_score(events)
        ],
    }


def _groups(events: Sequence[JudgedEvent], name_of: Callable[[JudgedEvent], str]) -> list[Group]:
    names = sorted({name_of(one) for one in events})
    return [
        Group(name, counts([one for one in events if name_of(one) == name], CALLS[IN_FORCE]))
        for name in names
    ]


def _plain_table(table: dict[Row, int]) -> list[dict[str, Any]]:
    return [
        {"motion": motion, "person": person, "occupied": occupied, "events": events}
        for (motion, person, occupied), events in table.items()
    ]


def _plain_counts(one: Counts) -> dict[str, Any]:
    return {
        "hits": one.hits,
        "false": one.false,
        "missed": one.missed,
        "right_no": one.right_no,
        "precision": _plain_interval(one.precision),
        "recall": _plain_interval(one.recall),
        "f1": _plain_interval(one.f1),
    }


def _plain_interval(one: Interval | None) -> dict[str, float] | None:
    if one is None:
        return None
    return {"value": round(one.value, 4), "low": round(one.low, 4), "high": round(one.high, 4)}
