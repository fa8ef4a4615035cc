"""A logistic regression with an L2 penalty, by Newton's method."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 50
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Fit:
    """The *weights* of the columns, and the *bias*; the logit of a row is its product plus it."""

    weights: Floats
    bias: float

    def logits(self, rows: Floats) -> Floats:
        """Return the logit of each of *rows*, (rows, columns)."""
        return rows @ self.weights + self.bias


def fit(rows: Floats, is_true: Floats, penalty: float, weights: Floats) -> Fit:
    """Return the fit of *is_true*, 0 or 1, to *rows*, (rows, columns), which have *weights*.

    It minimises the sum of the weighted log losses, plus half of *penalty* times the sum of the
    squares of the fit's weights; the bias has no penalty. With a penalty above 0 there is one
    minimum.
    """
    return refit(Fit(np.zeros(rows.shape[1]), 0.0), rows, is_true, penalty, weights, _STEPS)


def refit(  # noqa: PLR0917
    start: Fit, rows: Floats, is_true: Floats, penalty: float, weights: Floats, steps: int
) -> Fit:
    """Return the fit as by `fit`, at most so many *steps* from *start*, that of similar rows."""
    table = np.column_stack([rows, np.ones(len(rows))])
    ridge = np.full(table.shape[1], penalty)
    ridge[-1] = 0.0
    beta = np.append(start.weights, start.bias)
    loss = _loss(table, is_true, beta, ridge, weights)
    for _ in range(steps):
        step = _newton_step(table, is_true, beta, ridge, weights)
        size = 1.0
        while (new := _loss(table, is_true, beta - size * step, ridge, weights)) > loss:
            size /= 2
            if size < _TOLERANCE:
                return Fit(beta[:-1], float(beta[-1]))
        beta, loss = beta - size * step, new
        if np.abs(size * step).max() < _TOLERANCE:
            break
    return Fit(beta[:-1], float(beta[-1]))


def _newton_step(
    table: Floats, is_true: Floats, beta: Floats, ridge: Floats, weights: Floats
) -> Floats:
    chance = _chance(table @ beta)
    slope = table.T @ (weights * (chance - is_true)) + ridge * beta
    curve = (table.T * (weights * chance * (1 - chance))) @ table
    # The bias has no penalty, and a tiny one keeps the matrix regular when all rows are certain.
    return np.asarray(np.linalg.solve(curve + np.diag(ridge + 1e-9), slope), float)


def _loss(table: Floats, is_true: Floats, beta: Floats, ridge: Floats, weights: Floats) -> float:
    logits = table @ beta
    losses = np.logaddexp(0.0, logits) - is_true * logits
    return float(weights @ losses + 0.5 * (ridge * beta) @ beta)


def _chance(logits: Floats) -> Floats:
    # tanh does not overflow, whatever the logit.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), float)
