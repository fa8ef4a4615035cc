"""The upper bound of a share, by Clopper and Pearson.

Weighted samples have fractions of misses, so the binomial is summed by the regularised incomplete
beta function, as a continued fraction (Lentz's method) over logarithms of the gamma function. That
needs the standard library alone, and neither overflows nor cancels.

Sources: Clopper and Pearson, Biometrika 26 (1934); Kish, Survey Sampling (1965), for the effective
size of a weighted sample; Press and others, Numerical Recipes, 6.4.
"""

from math import exp, lgamma, log, log1p

#: The bound holds in 95 of 100 samples.
CONFIDENCE = 0.95
_HALVINGS = 50
_TERMS = 300
_TINY = 1e-30


def upper_bound(misses: float, count: float) -> float:
    """Return the one-sided upper bound of a share of which *misses* of *count* were seen.

    Both may be fractions, where a weighted sample is worth *count* others.
    """
    if misses >= count:
        return 1.0
    low, high = misses / count, 1.0
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        if at_most(misses, count, share) > 1 - CONFIDENCE:
            low = share
        else:
            high = share
    return high


def at_most(misses: float, count: float, share: float) -> float:
    """Return the probability of at most *misses* of *count*, each with the probability *share*."""
    return 1.0 if misses >= count else _beta(count - misses, misses + 1, 1 - share)


def _beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function of *x* with *a* and *b*."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below
        return 1 - _beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front / _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    value = c = 1.0
    d = 0.0
    for term in range(1, _TERMS):
        m = term // 2
        if term % 2:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + part * d) or _TINY)
        c = (1 + part / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return value
