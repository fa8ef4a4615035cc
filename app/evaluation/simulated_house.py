"""A random house in which false alarms have something in common and people have not.

A house has two or three of these kinds of false alarms, each with its own place, hours and shape:

* a tree that moves in the afternoon on windy days;
* headlights that sweep over one place in the evening;
* a cat that goes anywhere, low and small, mostly by night;
* insects near a lamp by night;
* the reflection of a door, in the shape of a person.

One false alarm in twenty is like nothing else. People come at any hour, mostly by day; most of them
use the house's paths, and some go anywhere. A path may lead under the tree. A small or dark person
gets a low score from the person model.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.silencer.logistic import Floats
from app.silencer.numbers import COLUMNS, HOURS, NAMES, ROWS
from app.silencer.table import Bools, Ints, Table

DAY_S, HOUR_S = 86_400.0, 3_600.0
ASPECT = 16 / 9
PERSON, ODD = "person", "odd"
_ODD_SHARE = 0.05
Rng = np.random.Generator


class Shape(NamedTuple):
    """The look of one kind of false alarm; pairs are a mean and how far it spreads.

    *across* and *foot* are how far the place spreads, unless it is *anywhere*. *hours* are the
    middle of its hours and how far that differs among houses, *lasts_h* how far its hours spread.
    It comes on the share *busy* of all days.
    """

    hours: tuple[float, float]
    lasts_h: float
    across: float
    foot: float
    height: tuple[float, float]
    slimness: tuple[float, float]
    travelled: tuple[float, float]
    lasted_s: float
    hidden: float
    darker: tuple[float, float]
    entered: float
    other: float = 0.0
    anywhere: bool = False
    least_foot: float = 0.0
    busy: float = 0.9


SHAPES = {
    "tree": Shape(
        (15, 1), 1.6, 0.04, 0.04, (0.3, 0.3), (0.0, 0.3), (0.05, 0.02), 1.5, 0.66, (0.2, 0.07), 0,
        busy=0.45,
    ),
    "headlights": Shape(
        (20, 1.5), 1.8, 0.15, 0.05, (0.3, 0.25), (-0.5, 0.3), (0.45, 0.15), 0.5, 0.63, (0.09, 0.04),
        0.5,
    ),
    "cat": Shape(
        (1, 3), 3.5, 0.0, 0.1, (0.1, 0.2), (-0.35, 0.2), (0.3, 0.12), 1.2, 0.75, (0.3, 0.1), 0.7,
        other=0.3, anywhere=True, least_foot=0.6,
    ),
    "insects": Shape(
        (23, 1), 2.0, 0.12, 0.12, (0.18, 0.4), (0.05, 0.3), (0.25, 0.12), 1.0, 0.66, (0.1, 0.04),
        0.3,
    ),
    "reflection": Shape(
        (14, 3), 3.5, 0.03, 0.03, (0.35, 0.15), (0.6, 0.2), (0.07, 0.03), 0.8, 0.64, (0.13, 0.05),
        0,
    ),
}  # fmt: skip
KINDS = tuple(SHAPES)


@dataclass(frozen=True, slots=True)
class Events:
    """The events of some days, in order, by the time of each: the truth, and the best scores."""

    table: Table
    kinds: list[str]
    scores: Floats

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class Appearance:
    """Something in the picture, one row each: the place of the feet, and its shape.

    All are shares, but *hours* (0 to 24), *slimness* (the logarithm of height over width) and
    *lasted_s*.
    """

    hours: Floats
    across: Floats
    foot: Floats
    height: Floats
    slimness: Floats
    travelled: Floats
    lasted_s: Floats
    hidden: Floats
    darker: Floats
    entered: Floats
    other: Floats


class House:
    """One house, drawn from *rng*."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        count = int(rng.integers(2, 4))
        self.kinds = [str(kind) for kind in rng.choice(KINDS, size=count, replace=False)]
        self.visits_a_day = rng.uniform(5, 16)
        self.rate = {kind: rng.uniform(3, 12) for kind in KINDS}
        self._paths = rng.uniform([0.1, 0.35], [0.9, 0.95], size=(int(rng.integers(2, 4)), 2))
        self._place = {kind: rng.uniform([0.1, 0.35], [0.9, 0.95]) for kind in KINDS}
        self._peak = {kind: rng.normal(*shape.hours) for kind, shape in SHAPES.items()}

    def days(self, first: int, count: int, extra: tuple[str, ...] = ()) -> Events:
        """Draw the events of *count* days; also of *extra* kinds of false alarms."""
        drawn = [self._people(first, count)]
        for kind in (*self.kinds, *extra):
            drawn.append(self._false(kind, first, count))
        number = sum(len(part[1].hours) for part in drawn[1:])
        drawn.append(self._odd(first, count, int(number * _ODD_SHARE / (1 - _ODD_SHARE))))
        return self._events(drawn)

    def _people(self, first: int, count: int) -> tuple[str, Appearance, Floats]:
        rng = self._rng
        visits = np.sort(rng.uniform(first, first + count, rng.poisson(self.visits_a_day * count)))
        by_day = rng.random(len(visits)) < 0.8
        hours = np.where(by_day, rng.normal(14, 4, len(visits)), rng.uniform(0, 24, len(visits)))
        of_visit = np.repeat(np.arange(len(visits)), 1 + rng.poisson(0.6, len(visits)))
        n = len(of_visit)
        hours = hours[of_visit] % 24 + rng.uniform(0, 0.15, n)
        walks = rng.random(n) < 0.7
        path = self._paths[rng.integers(0, len(self._paths), n)]
        anywhere = rng.uniform([0, 0.3], [1, 1], size=(n, 2))
        place = np.where(walks[:, None], path + rng.normal(0, 0.12, (n, 2)), anywhere)
        look = self._person(hours, place)
        return PERSON, look, np.floor(visits[of_visit])

    def _person(self, hours: Floats, place: Floats) -> Appearance:
        rng, n = self._rng, len(hours)
        foot = np.clip(place[:, 1], 0.25, 1.0)
        dark = _is_dark(hours)
        return Appearance(
            hours,
            np.clip(place[:, 0], 0, 1),
            foot,
            (0.05 + 0.5 * foot) * np.exp(rng.normal(-0.1, 0.25, n)),
            rng.normal(0.85, 0.3, n),
            rng.gamma(2.0, 0.1, n),
            np.exp(rng.normal(0.0, 0.6, n)),
            np.clip(rng.normal(0.78, 0.12, n) - 0.08 * dark, 0.58, 1),
            np.clip(rng.normal(0.38, 0.15, n) - 0.12 * dark, 0, 1),
            (rng.random(n) < 0.6).astype(float),
            np.where(rng.random(n) < 0.03, rng.uniform(0.3, 0.6, n), 0.0),
        )

    def _false(self, kind: str, first: int, count: int) -> tuple[str, Appearance, Floats]:
        rng, shape = self._rng, SHAPES[kind]
        busy = rng.random(count) < shape.busy
        times = rng.poisson(self.rate[kind] * 0.9 / shape.busy, count) * busy
        days = np.repeat(np.arange(first, first + count), times).astype(float)
        hours = rng.normal(self._peak[kind], shape.lasts_h, len(days)) % 24
        return kind, _look(rng, shape, hours, self._place[kind]), days

    def _odd(self, first: int, count: int, number: int) -> tuple[str, Appearance, Floats]:
        rng, n = self._rng, number
        look = Appearance(
            rng.uniform(0, 24, n),
            rng.uniform(0, 1, n),
            rng.uniform(0.3, 1, n),
            rng.uniform(0.05, 0.7, n),
            rng.uniform(-1, 1, n),
            rng.uniform(0.02, 0.5, n),
            np.exp(rng.normal(0, 0.8, n)),
            rng.uniform(0.58, 1, n),
            rng.uniform(0, 0.6, n),
            (rng.random(n) < 0.5).astype(float),
            np.zeros(n),
        )
        return ODD, look, np.floor(rng.uniform(first, first + count, n))

    def _events(self, drawn: list[tuple[str, Appearance, Floats]]) -> Events:
        rng = self._rng
        tables, kinds, scores = [], [], []
        for kind, look, days in drawn:
            score = _person_scores(rng, kind, look)
            tables.append(_numbers(rng, look, score))
            kinds += [kind] * len(days)
            scores.append(score)
        numbers, score = np.concatenate(tables), np.concatenate(scores)
        days = np.concatenate([part[2] for part in drawn])
        hours = np.concatenate([part[1].hours for part in drawn])
        order = np.argsort(days * DAY_S + hours * HOUR_S, kind="stable")
        table = _table(numbers, hours, days, np.array([kind == PERSON for kind in kinds]))
        return Events(table.only(order), [kinds[row] for row in order], score[order])


def _is_dark(hours: Floats) -> Bools:
    dark: Bools = (hours < 7) | (hours > 20)
    return dark


def _look(rng: Rng, shape: Shape, hours: Floats, place: Floats) -> Appearance:
    n = len(hours)
    across = rng.uniform(0, 1, n) if shape.anywhere else rng.normal(place[0], shape.across, n)
    return Appearance(
        hours,
        np.clip(across, 0, 1),
        np.clip(rng.normal(max(place[1], shape.least_foot), shape.foot, n), 0.2, 1),
        np.maximum(shape.height[0] * np.exp(rng.normal(0, shape.height[1], n)), 0.02),
        rng.normal(*shape.slimness, n),
        np.maximum(rng.normal(*shape.travelled, n), 0.01),
        shape.lasted_s * np.exp(rng.normal(0, 0.4, n)),
        np.clip(rng.normal(shape.hidden, 0.07, n), 0.58, 1),
        np.maximum(rng.normal(*shape.darker, n), 0.0),
        (rng.random(n) < shape.entered).astype(float),
        np.where(rng.random(n) < shape.other, rng.uniform(0.3, 0.8, n), 0.0),
    )


def _person_scores(rng: Rng, kind: str, look: Appearance) -> Floats:
    """Return the best person scores: a large person in good light is seen well."""
    n = len(look.hours)
    if kind == PERSON:
        easy = 8 * (look.height - 0.25) + 4 * (look.hidden - 0.75) - 1.2 * _is_dark(look.hours)
        logits = 2.4 + easy + rng.normal(0, 0.8, n)
    else:
        logits = rng.normal(-0.8, 1.0, n)
    scores: Floats = 1 / (1 + np.exp(-logits))
    return scores


def _numbers(rng: Rng, look: Appearance, scores: Floats) -> Floats:
    """Return the numbers of `NAMES`."""
    n = len(look.hours)
    height = np.clip(look.height, 0.02, 1.0)
    size = np.minimum(height**2 * np.exp(-look.slimness) / ASPECT * rng.uniform(0.5, 0.8, n), 1)
    known = (rng.random(n) < 0.9).astype(float)
    turn = 2 * np.pi * look.hours / HOURS
    columns = {
        "size": np.log10(size),
        "height": height,
        "slimness": look.slimness,
        "travelled": look.travelled,
        "lasted": np.log10(np.maximum(look.lasted_s, 0.1)),
        "hidden": look.hidden * known,
        "hidden_known": known,
        "darker": look.darker,
        "lighter_only": (look.darker < 0.07).astype(float),
        "across": look.across,
        "foot": look.foot,
        "entered": look.entered,
        "hour_sine": np.sin(turn),
        "hour_cosine": np.cos(turn),
        "person_score": scores,
        "other_score": look.other,
    }
    return np.column_stack([columns[name] for name in NAMES])


def _table(numbers: Floats, hours: Floats, days: Floats, people: Bools) -> Table:
    across, foot = (numbers[:, NAMES.index(name)] for name in ("across", "foot"))
    columns = np.minimum((across * COLUMNS).astype(int), COLUMNS - 1)
    rows = np.minimum((foot * ROWS).astype(int), ROWS - 1)
    clock: Ints = np.floor(hours).astype(int) % HOURS
    at_s = days * DAY_S + hours * HOUR_S
    unknown = np.zeros(len(people), bool)
    return Table(
        numbers, np.column_stack([columns, rows]), clock, days.astype(int), at_s, people, unknown
    )
