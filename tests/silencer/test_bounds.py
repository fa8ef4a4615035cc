"""The bound of a share agrees with sums of the binomial and with published tables."""

from math import comb

import pytest

from app.silencer.bounds import at_most, upper_bound


@pytest.mark.parametrize(
    ("misses", "count", "share"),
    [(0, 5, 0.3), (2, 50, 0.05), (3, 299, 0.01), (10, 20, 0.5), (19, 20, 0.7), (5, 1000, 0.01)],
)
def test_the_tail_is_the_sum_of_the_binomial(misses: int, count: int, share: float) -> None:
    exact = sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(misses + 1))
    assert at_most(misses, count, share) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("misses", "count", "bound"),
    [(0, 299, 0.009969), (1, 473, 0.009990), (0, 20, 0.1391), (2, 50, 0.1206), (10, 20, 0.6980)],
)
def test_the_bound_is_that_of_clopper_and_pearson(misses: int, count: int, bound: float) -> None:
    assert upper_bound(misses, count) == pytest.approx(bound, rel=1e-3)


def test_298_people_without_a_miss_do_not_prove_1_percent() -> None:
    assert upper_bound(0, 298) > 0.01 > upper_bound(0, 299)


def test_a_fraction_of_a_miss_lies_between_whole_ones() -> None:
    assert upper_bound(0, 80.5) < upper_bound(0.4, 80.5) < upper_bound(1, 80.5)


def test_where_all_or_nothing_was_seen_nothing_is_known() -> None:
    assert upper_bound(7, 7) == 1.0
    assert upper_bound(0, 0) == 1.0
    assert at_most(0, 0, 0.01) == 1.0
