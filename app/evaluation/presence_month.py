"""`presence-month`: a drawn month through the very household that runs, and beside it with a plain
wait of `consider_home_s`.
"""

import json
import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from statistics import median

import click

from app.evaluation.simulated_month import (
    DAY_S,
    HOUR_S,
    PEOPLE,
    PHONES,
    Month,
    Span,
    draw_month,
    merge,
    within,
    without,
)
from app.presence.base import PresenceSettings
from app.presence.habits import is_night
from app.presence.household import OUTAGE_POLLS, Change, Household
from app.presence.router_health import RouterWatch
from app.protocol import Habits, Presence

LEARNED = PresenceSettings(people=PEOPLE)
PLAIN = replace(LEARNED, max_consider_home_s=LEARNED.consider_home_s)
LEARNING_S = 3 * DAY_S
RESTARTS = 4
SAVE_EVERY_S = 900.0
#: Who is back so soon need not have found the house armed.
PATIENCE_S = 1_200.0
TIMEOUT_S, ANSWER_S = 5.0, 0.2
#: This share of polls gets no answer from a router that is well.
LOST = 0.002
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """What a month was like. Departures are told in s until the house was armed, arrivals in s
    until it was disarmed.

    A departure is hindered by an outage or a restart that came in between, an arrival by any poll
    that got no answer.
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
@click.option("--seed", default=0, show_default=True, help="Which month is drawn.")
@click.option(
    "--days", type=click.IntRange(min=4), default=30, show_default=True, help="How long it is."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def presence_month(seed: int, days: int, as_json: bool) -> None:
    """Live through a drawn month of two people. Their router is a troublesome one; once their
    phones' sleep is learned, and once not.
    """
    figures = {"learned": live(seed, days, LEARNED), "plain": live(seed, days, PLAIN)}
    click.echo(
        json.dumps({name: asdict(of) for name, of in figures.items()})
        if as_json
        else table(figures["learned"], figures["plain"])
    )


def live(seed: int, days: int, settings: PresenceSettings) -> Figures:
    """The figures of the month *seed* under *settings*."""
    month = draw_month(seed, days)
    run = _Run(month, settings, random.Random(seed))
    run.to_the_end()
    return _figures(month, run)


class _Run:
    """The daemon's part, on a clock that skips from poll to poll."""

    def __init__(self, month: Month, settings: PresenceSettings, rng: random.Random) -> None:
        self.story: list[tuple[float, Change]] = []
        self.misses: list[Span] = []
        self.outages: list[Span] = []
        self.restarts: list[Span] = []
        self._month = month
        self._settings = settings
        self._rng = rng
        self._midnight = (
            datetime(2026, 11, 2, 12, tzinfo=UTC).astimezone().replace(hour=0, minute=0)
        )
        self._down = _Moments(month.down)
        self._listed = [(device, _Moments(spans)) for device, spans in month.listed.items()]
        self._watch = RouterWatch(settings.router_silent_alert_s, None)
        self._known: dict[str, Presence] = {}
        self._habits: dict[str, Habits] = {}
        self._household = Household(settings, {}, {}, home=False)

    def to_the_end(self) -> None:
        """Poll until the month is over, with some restarts at no particular time."""
        at_s, save_s = 0.0, 0.0
        restarts = sorted(self._rng.uniform(0, self._month.end_s) for _ in range(RESTARTS))
        while at_s < self._month.end_s:
            next_s = at_s + self._poll(at_s) + self._pause_s()
            if at_s >= save_s or (self.story and self.story[-1][0] == at_s):
                self._save()
                save_s = at_s + SAVE_EVERY_S
            if self._watch.misses:
                (self.misses if self._watch.misses < OUTAGE_POLLS else self.outages).append(
                    (at_s, next_s)
                )
            at_s = next_s
            if restarts and at_s >= restarts[0]:
                self.restarts.append((restarts.pop(0), at_s))
                self._household = Household(
                    self._settings, self._known, self._habits, self._household.home
                )

    def _poll(self, at_s: float) -> float:
        """Ask the router at *at_s*; returns how long that took."""
        if self._down.hold(at_s) or self._rng.random() < LOST:
            self._household.missed()
            self._watch.misses += 1
            return TIMEOUT_S
        devices = [device for device, moments in self._listed if moments.hold(at_s)]
        changes = self._household.seen(devices, self._midnight + timedelta(seconds=at_s), at_s)
        self.story += [(at_s, change) for change in changes]
        self._watch.misses = 0
        return ANSWER_S

    def _pause_s(self) -> float:
        pause_s = self._watch.wait_s(self._household.poll_s(), self._household.home)
        return pause_s * self._rng.uniform(1 - JITTER, 1 + JITTER)

    def _save(self) -> None:
        self._known = {name: self._household.presence(name) for name in PEOPLE}
        self._habits = {name: self._household.habits(name) for name in PEOPLE}


class _Moments:
    """Tells of moments, asked in order, whether they are in one of *spans*."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._edges = [*chain.from_iterable(spans), float("inf")]
        self._passed = 0

    def hold(self, at_s: float) -> bool:
        while self._edges[self._passed] <= at_s:
            self._passed += 1
        return self._passed % 2 == 1


def _figures(month: Month, run: _Run) -> Figures:
    homes = merge(chain.from_iterable(month.home.values()))
    armed = [at_s for at_s, change in run.story if change.kind == "emptied"]
    disarmed = [at_s for at_s, change in run.story if change.kind == "occupied"]
    false = [at_s for at_s in armed if within(at_s, homes)]
    # The router may list somebody for a while who has just left.
    near = [(start, end + 60.0) for start, end in homes]
    # A house that was armed while somebody was home is not armed again when they leave.
    left = [
        span
        for span in without([(0.0, month.end_s)], homes)
        if bisect(armed, span[0]) < bisect(disarmed, span[0])
    ]
    departures = _departures(left, armed, [*run.outages, *run.restarts])
    listed = merge(chain.from_iterable(month.listed[phone] for phone in PHONES.values()))
    arrivals = _arrivals(listed, disarmed, [*run.misses, *run.outages, *run.restarts])
    return Figures(
        false_armings_while_learning=sum(at_s < LEARNING_S for at_s in false),
        false_armings=sum(at_s >= LEARNING_S for at_s in false),
        disarmings_by_strangers=sum(not within(at_s, near) for at_s in disarmed),
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
    """How long it took until the house was armed, by the sort of departure; who was back before
    that does not count.
    """
    took_s: dict[str, list[float]] = {"day": [], "night": [], "hindered": [], "missed": []}
    for left_s, back_s in empty:
        armed_s = next((at_s for at_s in armed if left_s <= at_s < back_s), None)
        until_s = armed_s or back_s
        if armed_s is None and back_s - left_s < PATIENCE_S:
            continue
        part = "night" if is_night(int(left_s % DAY_S // HOUR_S)) else "day"
        sort = (
            "hindered"
            if _touch(left_s, until_s, hindrances)
            else "missed"
            if armed_s is None
            else part
        )
        took_s[sort].append(round(until_s - left_s, 1))
    return took_s


def _arrivals(
    listed: Sequence[Span], disarmed: Sequence[float], hindrances: Sequence[Span]
) -> dict[str, list[float]]:
    """How long somebody was on the router's list until the house was disarmed."""
    took_s: dict[str, list[float]] = {"free": [], "hindered": []}
    for at_s in disarmed:
        seen_s = listed[bisect(listed, (at_s, float("inf"))) - 1][0]
        took_s["hindered" if _touch(seen_s, at_s, hindrances) else "free"].append(
            round(at_s - seen_s, 1)
        )
    return took_s


def _touch(start_s: float, end_s: float, spans: Sequence[Span]) -> bool:
    return any(start < end_s and end > start_s for start, end in spans)


def table(learned: Figures, plain: Figures) -> str:
    """The figures side by side, for people to read."""
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
