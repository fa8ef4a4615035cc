"""A random month of a house with two people: their absences, their phones, and their router.

All times are in seconds since the first midnight; a span is (from, to). The first day is a Monday.

* While people sleep, their phones leave the Wi-Fi about every hour for 2 to 15 minutes; at weekends
  people sleep longer. By day the phones leave it sometimes, for up to 90 s.
* The router reboots each day at any hour, and hangs once a week. The phones come back to it one by
  one; a sleeping phone comes back when it wakes.
* People leave for work, for an evening, for a quarter of an hour nearby, and sometimes together in
  the middle of the night. Each travels for some days, and the other is then alone at night.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.presence.base import Device, PersonSettings

Span = tuple[float, float]
HOUR_S, DAY_S = 3_600.0, 86_400.0

PEOPLE = {
    "anna": PersonSettings(("02:00:00:00:00:0a",), ("iphone",)),
    "ben": PersonSettings(("02:00:00:00:00:0b",), ("bens-iphone",)),
}
PHONES = {name: Device(person.macs[0], person.hosts[0]) for name, person in PEOPLE.items()}
#: A guest's phone, with the same host name as Anna's. It visits whether or not somebody is home.
VISITOR = Device("02:00:00:00:00:0f", "iphone")
TELEVISION = Device("02:00:00:00:00:01", "television")


@dataclass(frozen=True, slots=True)
class SimulatedMonth:
    """The spans, in order, of a month that ends at *end_s*.

    *home* has the spans of each person at home, *listed* the spans in which the router lists each
    device, and *down* the spans in which the router does not work.
    """

    end_s: float
    home: dict[str, list[Span]]
    listed: dict[Device, list[Span]]
    down: list[Span]


def draw_month(seed: int, days: int) -> SimulatedMonth:
    """Return the month of *seed*; the same seed gives the same month."""
    rng = random.Random(seed)
    whole = [(0.0, days * DAY_S)]
    down = _outages(rng, days)
    together = [span for day in range(days) for span in _together(rng, day)]
    home: dict[str, list[Span]] = {}
    listed: dict[Device, list[Span]] = {}
    for name, phone in PHONES.items():
        works = [_weekday(day) and rng.random() < 0.95 for day in range(days + 1)]
        alone = [span for day in range(days) for span in _alone(rng, day, works[day])]
        home[name] = subtract(whole, merge([*alone, *together, *_travels(rng, days)], 600.0))
        listed[phone] = _phone(
            rng, home[name], down, [_night(rng, day, works[day + 1]) for day in range(-1, days)]
        )
    listed[VISITOR] = subtract(merge(_visit(rng, day) for day in range(days)), down)
    listed[TELEVISION] = subtract(
        whole, [(start, end + rng.uniform(20, 60)) for start, end in down]
    )
    return SimulatedMonth(days * DAY_S, home, listed, down)


def merge(spans: Iterable[Span], apart_s: float = 0.0) -> list[Span]:
    """Return *spans* in order; those that are at most *apart_s* apart become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + apart_s:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def subtract(spans: Iterable[Span], holes: Sequence[Span]) -> list[Span]:
    """Return the rest of *spans* outside the *holes*, both in order."""
    left = []
    for start, end in spans:
        from_s = start
        for hole_start, hole_end in holes:
            if hole_end <= from_s or hole_start >= end:
                continue
            if hole_start > from_s:
                left.append((from_s, hole_start))
            from_s = hole_end
        if from_s < end:
            left.append((from_s, end))
    return left


def is_within(at_s: float, spans: Iterable[Span]) -> bool:
    """Return whether *at_s* is in one of *spans*."""
    return any(start <= at_s < end for start, end in spans)


def _at(day: int, hour: float) -> float:
    return day * DAY_S + hour * HOUR_S


def _weekday(day: int) -> bool:
    return day % 7 < 5


def _outages(rng: random.Random, days: int) -> list[Span]:
    """Return a reboot of 2 to 4 minutes each day, and a hang of 1 to 2 hours each week."""
    reboots = [
        (at_s, at_s + rng.uniform(120, 240))
        for day in range(days)
        for at_s in [_at(day, rng.uniform(0.2, 23.8))]
    ]
    hangs = [
        (at_s, at_s + rng.uniform(1, 2) * HOUR_S)
        for day in range(3, days, 7)
        for at_s in [_at(day, rng.uniform(-72, 72))]
    ]
    return merge([*reboots, *hangs], 600.0)


def _alone(rng: random.Random, day: int, works: bool) -> list[Span]:
    """Return one person's absences: work, an evening, a short trip."""
    spans = []
    if works and rng.random() < 0.8:
        leaves_h = rng.gauss(8.4, 0.3)
        spans.append((_at(day, leaves_h), _at(day, leaves_h + rng.gauss(8.5, 0.5))))
    if rng.random() < 0.25:
        leaves_h = rng.uniform(18, 20.5)
        spans.append((_at(day, leaves_h), _at(day, leaves_h + rng.uniform(0.7, 3))))
    if rng.random() < 0.35:
        spans.append(_short_trip(rng, day))
    return spans


def _together(rng: random.Random, day: int) -> list[Span]:
    """Return the absences of both together: an outing, a short trip, sometimes a night out."""
    spans = []
    if rng.random() < (0.3 if _weekday(day) else 0.8):
        leaves_h = rng.uniform(17.5, 19.5) if _weekday(day) else rng.uniform(10.5, 15)
        spans.append((_at(day, leaves_h), _at(day, leaves_h + rng.uniform(0.6, 4))))
    if rng.random() < 0.15:
        spans.append(_short_trip(rng, day))
    if rng.random() < 0.12:
        leaves_h = rng.uniform(22, 30)
        spans.append((_at(day, leaves_h), _at(day, leaves_h + rng.uniform(1, 6))))
    return spans


def _short_trip(rng: random.Random, day: int) -> Span:
    leaves_s = _at(day, rng.uniform(9, 21))
    return leaves_s, leaves_s + rng.uniform(600, 1200)


def _travels(rng: random.Random, days: int) -> list[Span]:
    """Return the travels: a few days away, three times a month."""
    first = rng.randint(1, 7)
    return [
        (_at(day, rng.uniform(6, 18)), _at(day + rng.randint(1, 3), rng.uniform(9, 23)))
        for day in range(first, days - 3, 10)
    ]


def _night(rng: random.Random, day: int, works: bool) -> Span:
    """Return the sleep of somebody who goes to bed on *day*, and *works* on the next day."""
    if works:
        return _at(day, rng.gauss(22.9, 0.5)), _at(day + 1, rng.gauss(6.8, 0.2))
    return _at(day, rng.gauss(23.9, 0.5)), _at(day + 1, rng.gauss(9.0, 0.5))


def _phone(
    rng: random.Random, home: Sequence[Span], down: Sequence[Span], nights: Sequence[Span]
) -> list[Span]:
    """Return the time for which the router lists the phone of somebody who is at *home*.

    The router notices up to 30 s late that a phone has left.
    """
    near = [(start, end + rng.uniform(0, 30)) for start, end in home]
    back = [
        (start, end + rng.uniform(10, 600 if is_within(end, nights) else 150))
        for start, end in down
    ]
    asleep = [span for span in _sleeps(rng, near, nights) if not is_within(span[0], back)]
    return subtract(near, merge([*back, *asleep]))


def _sleeps(rng: random.Random, near: Iterable[Span], nights: Sequence[Span]) -> list[Span]:
    """Return the time for which a phone that is *near* the router leaves the Wi-Fi by itself."""
    gaps = []
    for start, end in near:
        at_s = start + rng.expovariate(1 / 900)
        while at_s < end:
            night = is_within(at_s, nights)
            gap_s = min(rng.uniform(120, 1000), 900.0) if night else rng.uniform(30, 90)
            gaps.append((at_s, at_s + gap_s))
            at_s += gap_s + (rng.uniform(2700, 3600) if night else rng.expovariate(1 / 900))
    return gaps


def _visit(rng: random.Random, day: int) -> Span:
    comes_s = _at(day, rng.uniform(9, 22))
    return comes_s, comes_s + rng.uniform(0.3, 3) * HOUR_S
