"""Events of a small made-up house: a tree at one place, and people anywhere."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from app.protocol import Evidence, Label
from app.silencer.numbers import NAMES, Example

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


def tree(number: int, label: Label | None = None, hour: float = 15) -> Example:
    """An event of the tree, at about *hour* of day *number* // 4."""
    rng = np.random.default_rng([1, number])
    hours = number // 4 * 24 + hour + rng.normal(0, 0.7)
    values = _numbers(rng, hours, (0.2, 0.5), tall=0.0, score=0.45)
    return Example(f"tree{number}", _BEGIN + timedelta(hours=hours), values, label, 0.45)


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
    score: float,
) -> tuple[float, ...]:
    turn = 2 * np.pi * hours / 24
    values = dict.fromkeys(NAMES, 0.0)
    values |= {
        "size": rng.normal(-1.8, 0.2),
        "height": rng.normal(0.3, 0.05),
        "slimness": rng.normal(tall, 0.25),
        "travelled": rng.normal(0.05 + 0.2 * tall, 0.03),
        "darker": 0.2,
        "across": float(np.clip(rng.normal(place[0], 0.03), 0, 1)),
        "foot": float(np.clip(rng.normal(place[1], 0.03), 0, 1)),
        "hour_sine": np.sin(turn),
        "hour_cosine": np.cos(turn),
        "person_score": rng.normal(score, 0.1),
    }
    return tuple(float(values[name]) for name in NAMES)


def evidence_of(one: Example) -> Evidence:
    """The evidence that has the numbers of *one*, in a picture of 640 x 480."""
    values = dict(zip(NAMES, one.numbers, strict=True))
    height = round(480 * values["height"])
    width = round(height / math.exp(values["slimness"]))
    left = round(640 * values["across"] - width / 2)
    box = (left, round(480 * values["foot"]) - height, width, height)
    size, darker = 10 ** values["size"], values["darker"]
    return Evidence(box, size, values["height"], 1.0, values["travelled"], None, darker)


def tagged_house(people: int = 600, hour: float = 15) -> list[Example]:
    """85 tags, 25 of people of whom the model is not sure, and *people* without a tag.

    The tree moves at about *hour*.
    """
    return [
        *(tree(n, "unoccupied", hour) for n in range(60)),
        *(tree(n, None, hour) for n in range(60, 300)),
        *(person(n, "occupied", sure=False) for n in range(10_000, 10_025)),
        *(person(n) for n in range(people)),
    ]
