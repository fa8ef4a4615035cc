"""The logistic regression finds the one minimum of its loss."""

import numpy as np
import pytest

from app.silencer.logistic import Fit, fit, refit


def test_two_groups_without_columns_give_the_log_odds() -> None:
    is_true = np.array([1.0] * 30 + [0.0] * 10)
    found = fit(np.zeros((40, 1)), is_true, 1.0, np.ones(40))
    assert found.bias == pytest.approx(np.log(3), abs=1e-6)
    assert found.weights == pytest.approx([0.0], abs=1e-9)


def test_a_binary_column_gives_the_log_odds_ratio() -> None:
    """A 2 x 2 table has an exact solution without a penalty: the logarithm of its cross ratio."""
    column = np.array([0.0] * 50 + [1.0] * 50)[:, None]
    is_true = np.array([1.0] * 10 + [0.0] * 40 + [1.0] * 30 + [0.0] * 20)
    found = fit(column, is_true, 1e-9, np.ones(100))
    assert found.bias == pytest.approx(np.log(10 / 40), abs=1e-5)
    assert found.weights == pytest.approx([np.log((30 / 20) / (10 / 40))], abs=1e-5)


def test_the_slope_of_the_loss_is_zero_at_the_fit() -> None:
    rng = np.random.default_rng(1)
    rows, weights = rng.normal(size=(200, 5)), rng.uniform(0.1, 2, 200)
    is_true = (rng.random(200) < 1 / (1 + np.exp(-2 * rows[:, 0]))).astype(float)
    found = fit(rows, is_true, 3.0, weights)
    over = weights * (1 / (1 + np.exp(-found.logits(rows))) - is_true)
    assert rows.T @ over + 3.0 * found.weights == pytest.approx(np.zeros(5), abs=1e-4)
    assert over.sum() == pytest.approx(0.0, abs=1e-4)


def test_a_weight_of_two_is_the_same_row_twice() -> None:
    rng = np.random.default_rng(2)
    rows, is_true = rng.normal(size=(40, 3)), (np.arange(40) % 3 == 0).astype(float)
    twice = fit(np.vstack([rows, rows[:5]]), np.append(is_true, is_true[:5]), 1.0, np.ones(45))
    weighted = fit(rows, is_true, 1.0, np.where(np.arange(40) < 5, 2.0, 1.0))
    assert weighted.weights == pytest.approx(twice.weights, abs=1e-6)


def test_rows_that_can_be_told_apart_give_finite_weights() -> None:
    rows = np.array([[-1e6], [-1.0], [1.0], [1e6]])
    found = fit(rows, np.array([0.0, 0.0, 1.0, 1.0]), 1.0, np.ones(4))
    assert np.isfinite(found.logits(rows)).all()
    assert (found.logits(rows) > 0).tolist() == [False, False, True, True]


def test_two_steps_from_a_near_fit_are_enough() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 4))
    is_true = (rows[:, 0] + rng.normal(size=300) > 0).astype(float)
    start = fit(rows, is_true, 1.0, np.ones(300))
    whole = fit(rows[20:], is_true[20:], 1.0, np.ones(280))
    quick = refit(start, rows[20:], is_true[20:], 1.0, np.ones(280), 2)
    assert quick.weights == pytest.approx(whole.weights, abs=1e-4)
    assert isinstance(quick, Fit)
