"""`presence-month`: tests the presence rules with a simulated month of two people.

The month runs through the same `Household` as in the daemon, and a second time with the plain wait
of `consider_home_s`.
"""

import json
import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import chain
from statistics import median

import click

from app.evaluation.simulated_month import (
    DAY_S,
    HOUR_S,
    PEOPLE,
    PHONES,
    SimulatedMonth,
    Span,
    draw_month,
    is_within,
    merge,
    subtract,
)
from app.presence.base import PresenceSettings
from app.presence.habits import is_night
from app.presence.household import OUTAGE_POLLS, Change, Household
from app.presence.router_health import RouterMonitor
from app.protocol import Habits, Presence

LEARNED = PresenceSettings(people=PEOPLE)
PLAIN = replace(LEARNED, max_consider_home_s=LEARNED.consider_home_s)
LEARNING_S = 3 * DAY_S
RESTARTS = 4
SAVE_EVERY_S = 900.0
#: For an absence shorter than this, the house need not be armed.
SHORT_ABSENCE_S = 1_200.0
#: The seconds until a poll fails, and until a poll is answered.
TIMEOUT_S, ANSWER_S = 5.0, 0.2
#: The fraction of polls that get no answer although the router works.
LOST = 0.002
#: The random part of the time between two polls.
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """The results of a month.

    Departures are the seconds until the house was armed, arrivals the seconds until it was
    disarmed. A departure is hindered by an outage or a restart in between; an arrival is hindered
    by any poll without an answer.
    """

    false_armings_while_learning: int
    false_armings: int
    disarmings_by_strangers: int
    departures_by_day: list[float]
    departures_by_night: list[float]
    departures_hindered: list[float]
    departures_missed: int
    arrivals: list[float]
    arrivals_hindered: list[float]


@click.command("presence-month")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="The number of the month: the same number gives the same month.",
)
@click.option(
    "--days",
    type=click.IntRange(min=4),
    default=30,
    show_default=True,
    help="The length of the month in days.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def presence_month(seed: int, days: int, as_json: bool) -> None:
    """Simulate a month of two people whose router often fails.

    The month runs twice: once the habits of their phones are learned, and once they are not.
    """
    learned, plain = simulate(seed, days, LEARNED), simulate(seed, days, PLAIN)
    if as_json:
        click.echo(json.dumps({"learned": asdict(learned), "plain": asdict(plain)}))
    else:
        click.echo(table(learned, plain))


def simulate(seed: int, days: int, settings: PresenceSettings) -> Figures:
    """Return the figures of the month *seed* with *settings*."""
    month = draw_month(seed, days)
    simulation = _Simulation(month, settings, random.Random(seed))
    simulation.run()
    return _figures(month, simulation)


class _Simulation:
    """Does the daemon's work for a month, with a clock that jumps from poll to poll."""

    def __init__(
        self, month: SimulatedMonth, settings: PresenceSettings, rng: random.Random
    ) -> None:
        self.changes: list[tuple[float, Change]] = []
        self.misses: list[Span] = []
        self.outages: list[Span] = []
        self.restarts: list[Span] = []
        self._month = month
        self._settings = settings
        self._rng = rng
        self._midnight = datetime.combine(date(2026, 11, 2), time()).astimezone()
        self._down = _SpanLookup(month.down)
        self._listed = [(device, _SpanLookup(spans)) for device, spans in month.listed.items()]
        self._monitor = RouterMonitor(None)
        self._known: dict[str, Presence] = {}
        self._habits: dict[str, Habits] = {}
        self._household = Household(settings, {}, {}, home=False)

    def run(self) -> None:
        """Poll until the month is over, with some restarts at random times."""
        at_s, save_s = 0.0, 0.0
        restarts = sorted(self._rng.uniform(0, self._month.end_s) for _ in range(RESTARTS))
        while at_s < self._month.end_s:
            next_s = at_s + self._poll(at_s) + self._pause_s()
            if at_s >= save_s or (self.changes and self.changes[-1][0] == at_s):
                self._save()
                save_s = at_s + SAVE_EVERY_S
            if self._monitor.misses >= OUTAGE_POLLS:
                self.outages.append((at_s, next_s))
            elif self._monitor.misses:
                self.misses.append((at_s, next_s))
            at_s = next_s
            if restarts and at_s >= restarts[0]:
                self.restarts.append((restarts.pop(0), at_s))
                self._restart()

    def _restart(self) -> None:
        """Continue with the last saved records, like the daemon after a restart."""
        home = self._household.home
        self._household = Household(self._settings, self._known, self._habits, home)

    def _poll(self, at_s: float) -> float:
        """Ask the router at *at_s*; returns the seconds of this poll."""
        if self._down.contains(at_s) or self._rng.random() < LOST:
            self._household.missed()
            self._monitor.misses += 1
            return TIMEOUT_S
        devices = [device for device, spans in self._listed if spans.contains(at_s)]
        changes = self._household.seen(devices, self._midnight + timedelta(seconds=at_s), at_s)
        self.changes += [(at_s, change) for change in changes]
        self._monitor.misses = 0
        return ANSWER_S

    def _pause_s(self) -> float:
        pause_s = self._monitor.wait_s(self._household.poll_s(), self._household.home)
        return pause_s * self._rng.uniform(1 - JITTER, 1 + JITTER)

    def _save(self) -> None:
        self._known = {name: self._household.presence(name) for name in PEOPLE}
        self._habits = {name: self._household.habits(name) for name in PEOPLE}


class _SpanLookup:
    """Finds out whether a time is in one of *spans*; times must be asked in order."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._edges = [*chain.from_iterable(spans), float("inf")]
        self._passed = 0

    def contains(self, at_s: float) -> bool:
        while self._edges[self._passed] <= at_s:
            self._passed += 1
        return self._passed % 2 == 1


def _figures(month: SimulatedMonth, simulation: _Simulation) -> Figures:
    homes = merge(chain.from_iterable(month.home.values()))
    armed = [at_s for at_s, change in simulation.changes if change.kind == "emptied"]
    disarmed = [at_s for at_s, change in simulation.changes if change.kind == "occupied"]
    false = [at_s for at_s in armed if is_within(at_s, homes)]
    # The router may list a phone for a while after it has left.
    near = [(start, end + 60.0) for start, end in homes]
    # A house that was armed while somebody was home is not armed again when they leave.
    left = [
        span
        for span in subtract([(0.0, month.end_s)], homes)
        if bisect(armed, span[0]) < bisect(disarmed, span[0])
    ]
    departures = _departures(left, armed, [*simulation.outages, *simulation.restarts])
    listed = merge(chain.from_iterable(month.listed[phone] for phone in PHONES.values()))
    interruptions = [*simulation.misses, *simulation.outages, *simulation.restarts]
    arrivals = _arrivals(listed, disarmed, interruptions)
    return Figures(
        false_armings_while_learning=sum(at_s < LEARNING_S for at_s in false),
        false_armings=sum(at_s >= LEARNING_S for at_s in false),
        disarmings_by_strangers=sum(not is_within(at_s, near) for at_s in disarmed),
        departures_by_day=departures["day"],
        departures_by_night=departures["night"],
        departures_hindered=departures["hindered"],
        departures_missed=len(departures["missed"]),
        arrivals=arrivals["free"],
        arrivals_hindered=arrivals["hindered"],
    )


def _departures(
    empty: Sequence[Span], armed: Sequence[float], hindrances: Sequence[Span]
) -> dict[str, list[float]]:
    """Return the seconds until the house was armed, by the kind of departure.

    A departure does not count if somebody was back before the house was armed.
    """
    took_s: dict[str, list[float]] = {"day": [], "night": [], "hindered": [], "missed": []}
    for left_s, back_s in empty:
        armed_s = next((at_s for at_s in armed if left_s <= at_s < back_s), None)
        until_s = armed_s or back_s
        if armed_s is None and back_s - left_s < SHORT_ABSENCE_S:
            continue
        if _overlaps(left_s, until_s, hindrances):
            kind = "hindered"
        elif armed_s is None:
            kind = "missed"
        else:
            kind = "night" if is_night(int(left_s % DAY_S // HOUR_S)) else "day"
        took_s[kind].append(round(until_s - left_s, 1))
    return took_s


def _arrivals(
    listed: Sequence[Span], disarmed: Sequence[float], hindrances: Sequence[Span]
) -> dict[str, list[float]]:
    """Return the seconds that somebody was on the router's list until the house was disarmed."""
    took_s: dict[str, list[float]] = {"free": [], "hindered": []}
    for at_s in disarmed:
        seen_s = listed[bisect(listed, (at_s, float("inf"))) - 1][0]
        kind = "hindered" if _overlaps(seen_s, at_s, hindrances) else "free"
        took_s[kind].append(round(at_s - seen_s, 1))
    return took_s


def _overlaps(start_s: float, end_s: float, spans: Sequence[Span]) -> bool:
    return any(start < end_s and end > start_s for start, end in spans)


def table(learned: Figures, plain: Figures) -> str:
    """Return the figures side by side, for people to read."""
    heading = f"{'':52}{'learned':>9}{'plain':>9}"
    rows = [f"{name:52}{_shown(of(learned)):>9}{_shown(of(plain)):>9}" for name, of in _ROWS]
    return "\n".join([heading, *rows])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _most(values: Sequence[float]) -> float | None:
    return max(values, default=None)


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


_ROWS: tuple[tuple[str, Callable[[Figures], float | None]], ...] = (
    ("armed while somebody was home, days 1 to 3", lambda of: of.false_armings_while_learning),
    ("armed while somebody was home, after that", lambda of: of.false_armings),
    ("disarmed while nobody was home", lambda of: of.disarmings_by_strangers),
    ("departures by day (8 to 21)", lambda of: len(of.departures_by_day)),
    ("  s until armed, median", lambda of: _median(of.departures_by_day)),
    ("  s until armed, worst", lambda of: _most(of.departures_by_day)),
    ("departures by night", lambda of: len(of.departures_by_night)),
    ("  s until armed, median", lambda of: _median(of.departures_by_night)),
    ("  s until armed, worst", lambda of: _most(of.departures_by_night)),
    ("departures with an outage or a restart in between", lambda of: len(of.departures_hindered)),
    ("  s until armed, worst", lambda of: _most(of.departures_hindered)),
    ("departures never noticed", lambda of: of.departures_missed),
    ("arrivals", lambda of: len(of.arrivals)),
    ("  s from the router's list to disarmed, worst", lambda of: _most(of.arrivals)),
    ("arrivals with an unanswered poll in between", lambda of: len(of.arrivals_hindered)),
    ("  s from the router's list to disarmed, worst", lambda of: _most(of.arrivals_hindered)),
)
