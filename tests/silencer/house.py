"""Events of a small made-up house: a tree at one place, and people anywhere."""

from datetime import UTC, datetime, timedelta

import numpy as np

from app.protocol import Label
from app.silencer.numbers import NAMES, Example

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


def tree(number: int, label: Label | None = None) -> Example:
    """An event of the tree, in the afternoon of day *number* // 4."""
    rng = np.random.default_rng([1, number])
    hours = number // 4 * 24 + 15 + rng.normal(0, 0.7)
    values = _numbers(rng, hours, (0.2, 0.5), tall=0.0)
    return Example(f"tree{number}", _BEGIN + timedelta(hours=hours), values, label, 0.0)


def person(number: int, label: Label | None = None, *, sure: bool = True) -> Example:
    """Somebody, at any hour of day *number* // 8; the model is *sure* of him or not."""
    rng = np.random.default_rng([2, number])
    score = 0.95 if sure else 0.5
    hours = number // 8 * 24 + rng.uniform(0, 23.9)
    place = (rng.uniform(0, 1), rng.uniform(0.4, 1))
    values = _numbers(rng, hours, place, tall=0.9, score=score)
    return Example(f"person{number}", _BEGIN + timedelta(hours=hours), values, label, score)


def _numbers(
    rng: np.random.Generator,
    hours: float,
    place: tuple[float, float],
    *,
    tall: float,
    score: float = 0.0,
) -> tuple[float, ...]:
    turn = 2 * np.pi * hours / 24
    values = dict.fromkeys(NAMES, 0.0)
    values |= {
        "size": rng.normal(-1.8, 0.2),
        "height": rng.normal(0.3, 0.05),
        "slimness": rng.normal(tall, 0.25),
        "travelled": rng.normal(0.05 + 0.2 * tall, 0.03),
        "across": float(np.clip(rng.normal(place[0], 0.03), 0, 1)),
        "foot": float(np.clip(rng.normal(place[1], 0.03), 0, 1)),
        "hour_sine": np.sin(turn),
        "hour_cosine": np.cos(turn),
        "person_score": score,
    }
    return tuple(float(values[name]) for name in NAMES)


def tagged_house(people: int = 600) -> list[Example]:
    """60 tags, 25 of people of whom the model is not sure, and *people* without a tag."""
    return [
        *(tree(n, "unoccupied") for n in range(60)),
        *(tree(n) for n in range(60, 300)),
        *(person(n, "occupied", sure=False) for n in range(10_000, 10_025)),
        *(person(n) for n in range(people)),
    ]
