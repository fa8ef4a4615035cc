"""Many events as columns of numbers, and how near they are to one another."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.silencer.logistic import Floats
from app.silencer.numbers import COLUMNS, HOURS, NAMES, ROWS, SCORES, Example, cell

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: How far a tag speaks for its neighbourhood: cells of the picture, and hours.
_CELLS, _HOURS = 0.7, 1.5


@dataclass(frozen=True, slots=True)
class Table:
    """Events as arrays with one row each.

    *numbers* are those of `NAMES`. *cells* are column and row. *days* are numbers of days in the
    house's time zone, *at_s* seconds since any moment. *people* says which events are people, and
    *tagged* which events have a tag.
    """

    numbers: Floats
    cells: Ints
    hours: Ints
    days: Ints
    at_s: Floats
    people: Bools
    tagged: Bools

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Self:
        """Return the table of *examples*; one of which nobody knows counts as no person."""
        return cls(
            np.array([one.numbers for one in examples], float).reshape(-1, len(NAMES)),
            np.array([cell(one.numbers) for one in examples], int).reshape(-1, 2),
            np.array([one.at.hour for one in examples], int),
            np.array([one.at.toordinal() for one in examples], int),
            np.array([one.at.timestamp() for one in examples], float),
            np.array([bool(one.is_person) for one in examples], bool),
            np.array([one.label is not None for one in examples], bool),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, rows: Bools | Ints) -> "Table":
        """Return the table of some *rows*."""
        return Table(*(getattr(self, field.name)[rows] for field in fields(self)))

    def with_borrowed_scores(self) -> "Table":
        """Return the table in which people without a tag have scores of people with one.

        They were chosen for their score, so it must not teach anything; each stands for somebody
        whom the model hardly saw.
        """
        lenders = self.numbers[self.people & self.tagged, SCORES:]
        borrow = np.flatnonzero(self.people & ~self.tagged)
        numbers = self.numbers.copy()
        numbers[borrow, SCORES:] = (
            lenders[np.arange(len(borrow)) % len(lenders)] if len(lenders) else 0.0
        )
        return Table(numbers, *(getattr(self, field.name) for field in fields(self)[1:]))


def neighbourhood(some: Table, others: Table) -> Floats:
    """Return how much each of *others* speaks for the place and hour of each of *some*, 0 to 1."""
    near = _fall(COLUMNS, _CELLS)[some.cells[:, 0, None], others.cells[None, :, 0]]
    near *= _fall(ROWS, _CELLS)[some.cells[:, 1, None], others.cells[None, :, 1]]
    near *= _fall(HOURS, _HOURS, is_circle=True)[some.hours[:, None], others.hours[None, :]]
    return near


def _fall(count: int, scale: float, *, is_circle: bool = False) -> Floats:
    """Return how much each of *count* steps speaks for each other, by a normal curve."""
    steps = np.arange(count)
    apart = np.abs(steps[:, None] - steps[None, :])
    if is_circle:
        apart = np.minimum(apart, count - apart)
    fall: Floats = np.exp(-0.5 * (apart / scale) ** 2)
    return fall


def distances(some: Floats, others: Floats) -> Floats:
    """Return the distance of each row of *some* to each of *others*, per root of a column."""
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1)[None, :] - 2 * some @ others.T
    far: Floats = np.sqrt(np.maximum(squares, 0.0) / some.shape[1])
    return far
