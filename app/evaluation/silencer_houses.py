"""`silencer-houses`: tests the silencer's promise in simulated houses.

In each house an owner tags some events by himself and answers some of the questions; one tag in
twenty is wrong. After `LEARNING_DAYS` the silencer is on for `TEST_DAYS`, and learns nothing
more; then a new kind of false alarm comes.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from statistics import mean, median

import click
import numpy as np

from app.evaluation.simulated_house import KINDS, Events, House, Rng
from app.protocol import Label
from app.silencer.memory import Memory
from app.silencer.numbers import SURE_SCORE, Example
from app.silencer.promise import MAX_MISSED
from app.silencer.silencer import Silencer
from app.silencer.table import Bools

LEARNING_DAYS, TEST_DAYS, DRIFT_DAYS = 90, 150, 30
MOST_TAGS = 100
WRONG_TAGS = 0.05
#: It learns again once in so many days.
_LEARNS_EVERY = 15
_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HouseFigures:
    """The results of one house.

    *removed* is the share of false alarms that was silenced, *lost* the share of people. The
    promise allowed silence from *ready_day* on; None: never. With a new kind of false alarm,
    *lost_in_drift* of the people and *new_removed* of the new kind were silenced.
    """

    seed: int
    kinds: tuple[str, ...]
    tags: int
    tags_of_people: int
    ready_day: int | None
    removed: float
    lost: float
    lost_in_drift: float
    new_removed: float

    @property
    def is_kept(self) -> bool:
        """Return whether the promise was kept."""
        return self.lost <= MAX_MISSED


class _Owner:
    """An owner who tags some events by himself, and answers some questions."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._by_himself, self._answers = rng.uniform(0, 0.03), rng.uniform(0.5, 1)
        self.labels: dict[str, Label] = {}
        self.tags = 0

    def looks(self, events: Iterable[str], truth: dict[str, bool]) -> None:
        """Tag some of *events*."""
        for event in events:
            if self._rng.random() < self._by_himself:
                self._tag(event, truth[event])

    def is_asked(self, events: Iterable[str], truth: dict[str, bool]) -> None:
        """Answer some of the questions about *events*."""
        for event in events:
            if self._rng.random() < self._answers:
                self._tag(event, truth[event])

    def _tag(self, event: str, is_person: bool) -> None:
        if self.tags < MOST_TAGS:
            self.tags += 1
            is_wrong = self._rng.random() < WRONG_TAGS
            self.labels[event] = "occupied" if is_person != is_wrong else "unoccupied"


def simulate(seed: int) -> HouseFigures:
    """Return the figures of the house *seed*."""
    rng = np.random.default_rng(seed)
    house, owner = House(rng), _Owner(rng)
    silencer, ready_day = _learn(house, owner)
    test = house.days(LEARNING_DAYS, TEST_DAYS)
    new = str(rng.choice([kind for kind in KINDS if kind not in house.kinds]))
    drift = house.days(LEARNING_DAYS + TEST_DAYS, DRIFT_DAYS, (new,))
    removed, lost = _shares(silencer, test)
    silent = _silenced(silencer, drift)
    return HouseFigures(
        seed,
        tuple(house.kinds),
        owner.tags,
        silencer.people,
        ready_day,
        removed,
        lost,
        _shares(silencer, drift)[1],
        float(silent[np.array(drift.kinds) == new].mean()),
    )


def _learn(house: House, owner: _Owner) -> tuple[Silencer, int | None]:
    """Return what the silencer has learned at the end, and when it was ready."""
    events = house.days(0, LEARNING_DAYS)
    examples = _examples(events)
    truth = dict(zip((one.event for one in examples), events.table.people, strict=True))
    memory, silencer = Memory("front"), Silencer(())
    asked: set[str] = set()
    ready_day: int | None = None
    for day in range(LEARNING_DAYS):
        today = [examples[row] for row in np.flatnonzero(events.table.days == day)]
        owner.looks([one.event for one in today], truth)
        memory = memory.with_examples(today)
        if day % _LEARNS_EVERY == 0 or day == LEARNING_DAYS - 1:
            memory = memory.with_examples(_labelled(memory.examples, owner))
            silencer = Silencer(memory.examples)
            ready_day = None if not silencer.is_ready else day if ready_day is None else ready_day
        questions = silencer.questions(_labelled(today, owner), asked)
        asked.update(questions)
        owner.is_asked(questions, truth)
    return silencer, ready_day


def _labelled(examples: Sequence[Example], owner: _Owner) -> list[Example]:
    return [replace(one, label=owner.labels.get(one.event)) for one in examples]


def _examples(events: Events) -> list[Example]:
    """Return the examples of *events*, without labels."""
    return [
        Example(
            f"{row}",
            _BEGIN + timedelta(seconds=float(events.table.at_s[row])),
            tuple(map(float, events.table.numbers[row])),
            score=float(events.scores[row]),
        )
        for row in range(len(events))
    ]


def _silenced(silencer: Silencer, events: Events) -> Bools:
    silent: Bools = silencer.judge_all(events.table)[0] & (events.scores < SURE_SCORE)
    return silent


def _shares(silencer: Silencer, events: Events) -> tuple[float, float]:
    """Return the shares of false alarms and of people that are silenced."""
    silent, people = _silenced(silencer, events), events.table.people
    return float(silent[~people].mean()), float(silent[people].mean())


@click.command("silencer-houses")
@click.option("--houses", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--seed", default=0, show_default=True, help="The number of the first house.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; one for each core.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each house.")
def silencer_houses(houses: int, seed: int, jobs: int | None, as_json: bool) -> None:
    """Simulate houses, and print how well the silencer keeps its promise."""
    # More threads than one in each process would wait for one another.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        figures = list(pool.map(simulate, range(seed, seed + houses)))
    if as_json:
        for one in figures:
            click.echo(json.dumps(asdict(one)))
    else:
        click.echo(table(figures))


def table(figures: Sequence[HouseFigures]) -> str:
    """Return the figures as a table in Markdown."""
    rows = [
        (name, *(_shown(of(some)) if some else "-" for some in _groups(figures)))
        for name, of in _ROWS
    ]
    heading = ("", "all houses", *KINDS)
    return "\n".join(
        f"| {' | '.join(row)} |" for row in (heading, ("---", *["---:"] * (len(KINDS) + 1)), *rows)
    )


def _groups(figures: Sequence[HouseFigures]) -> list[list[HouseFigures]]:
    """Return all houses, and those with each kind of false alarm."""
    return [list(figures), *([one for one in figures if kind in one.kinds] for kind in KINDS)]


def _shown(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"


def _days(figures: Sequence[HouseFigures]) -> float:
    return median(LEARNING_DAYS if one.ready_day is None else one.ready_day for one in figures)


_ROWS: tuple[tuple[str, Callable[[Sequence[HouseFigures]], float]], ...] = (
    ("houses", len),
    ("tags, most", lambda of: max(one.tags for one in of)),
    ("houses in which it silences", lambda of: sum(one.ready_day is not None for one in of)),
    ("day on which it is ready, median", _days),
    ("% of false alarms removed, mean", lambda of: 100 * mean(one.removed for one in of)),
    ("% of false alarms removed, median", lambda of: 100 * median(one.removed for one in of)),
    ("% of people lost, mean", lambda of: 100 * mean(one.lost for one in of)),
    ("% of people lost, worst house", lambda of: 100 * max(one.lost for one in of)),
    ("houses in which the promise is kept", lambda of: sum(one.is_kept for one in of)),
    ("% of people lost after drift, mean", lambda of: 100 * mean(one.lost_in_drift for one in of)),
    ("% of the new kind removed, mean", lambda of: 100 * mean(one.new_removed for one in of)),
)
