"""Two windows against each other: whether the mean has changed, and by how much."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from garcom.records import FloatArray
from garcom.stats.fisher_exact import fisher_exact
from garcom.stats.performance.intervals import student_quantile, wilson

#: Where fewer are expected in a cell, the normal distribution is no longer near (Cochran 1954).
_MIN_EXPECTED = 5


class MeanChange(NamedTuple):
    """The mean of ``after`` less that of ``before`` with its 95 % interval, or ``why`` there is none.

    ``effect`` is in standard deviations: Cohen's d (the pooled one) of numbers, Cohen's h of rates. By his rule of
    thumb 0.2 is small, 0.5 is medium. It is None where neither window varies but their means differ.
    """

    n_before: int
    n_after: int
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    effect: float | None = None
    why: str | None = None


def welch(before: FloatArray, after: FloatArray, *, min_rows: int = 2) -> MeanChange:
    """Welch's t-test of two windows of numbers ``[n]``, ``[m]``; what is not finite is left out.

    Two windows that do not vary have the p-value 1 where they are equal, else 0.

    >>> found = welch(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0]))
    >>> found.difference, round(found.p_value, 4), round(found.low, 3), round(found.high, 3)
    (2.0, 0.071, -0.234, 4.234)

    Reference: B. L. Welch, «The generalization of "Student's" problem when several different population variances are
    involved», Biometrika 34 (1947), 28-35; effect: J. Cohen, «Statistical power analysis» (1988).
    """
    from scipy.special import stdtr  # takes longer to import than most processes have use for

    x, y = before[np.isfinite(before)], after[np.isfinite(after)]
    if why := _too_few(len(x), len(y), max(2, min_rows)):
        return MeanChange(len(x), len(y), why=why)
    (mean_x, var_x), (mean_y, var_y) = _moments(x), _moments(y)
    difference = mean_y - mean_x
    share_x, share_y = var_x / len(x), var_y / len(y)
    error = math.sqrt(share_x + share_y)
    pooled = math.sqrt(((len(x) - 1) * var_x + (len(y) - 1) * var_y) / (len(x) + len(y) - 2))
    effect = 0.0 if difference == 0 else difference / pooled if pooled > 0 else None
    if error == 0:
        half, p = 0.0, 1.0 if difference == 0 else 0.0
    else:
        # Divided by their sum first: squares of tiny variances would vanish.
        freedom = 1 / ((share_x / error**2) ** 2 / (len(x) - 1) + (share_y / error**2) ** 2 / (len(y) - 1))
        half = student_quantile(freedom) * error
        p = min(1.0, 2 * float(stdtr(freedom, -abs(difference) / error)))
    return MeanChange(len(x), len(y), mean_x, mean_y, difference, difference - half, difference + half, p, effect)


def two_proportions(before: FloatArray, after: FloatArray, *, min_rows: int = 1) -> MeanChange:
    """The same for two windows of 0 and 1 ``[n]``, ``[m]``, such as errors: whether their rates differ.

    The p-value is that of the pooled z-test, or of Fisher's exact test (1922) where fewer than 5 are expected in a
    cell; the interval is Newcombe's (1998, his tenth), from the two intervals of Wilson (1927).

    >>> found = two_proportions(np.repeat([0.0, 1.0], [90, 10]), np.repeat([0.0, 1.0], [80, 20]))
    >>> round(found.difference, 3), round(found.p_value, 4), round(found.low, 3), round(found.high, 3)
    (0.1, 0.0477, 0.0, 0.199)

    Reference: R. G. Newcombe, «Interval estimation for the difference between independent proportions», Statistics in
    Medicine 17 (1998), 873-890.
    """
    x, y = before[np.isfinite(before)], after[np.isfinite(after)]
    n, m = len(x), len(y)
    if why := _too_few(n, m, max(1, min_rows)):
        return MeanChange(n, m, why=why)
    ones_x, ones_y = int(x.sum()), int(y.sum())
    p, q = ones_x / n, ones_y / m
    (low_x, high_x), (low_y, high_y) = _interval(p, n), _interval(q, m)
    return MeanChange(
        n,
        m,
        p,
        q,
        q - p,
        q - p - math.hypot(q - low_y, high_x - p),
        q - p + math.hypot(high_y - q, p - low_x),
        _proportions_p(ones_x, n, ones_y, m),
        2 * math.asin(math.sqrt(q)) - 2 * math.asin(math.sqrt(p)),
    )


def _moments(x: FloatArray) -> tuple[float, float]:
    """The mean and the unbiased variance. Of values that are all the same, the rounding of their sum is neither."""
    if x.min() == x.max():
        return float(x[0]), 0.0
    return float(x.mean()), float(x.var(ddof=1))


def _too_few(n: int, m: int, least: int) -> str | None:
    return f"not enough rows: {min(n, m)} of {least}" if min(n, m) < least else None


def _interval(rate: float, n: int) -> tuple[float, float]:
    low, high = wilson(rate, n)
    return float(low), float(high)


def _proportions_p(ones_x: int, n: int, ones_y: int, m: int) -> float:
    ones, total = ones_x + ones_y, n + m
    if ones in (0, total):
        return 1.0
    if min(ones, total - ones) * min(n, m) / total < _MIN_EXPECTED:
        return fisher_exact(np.array([n - ones_x, ones_x]), np.array([m - ones_y, ones_y]))
    rate = ones / total
    z = (ones_y / m - ones_x / n) / math.sqrt(rate * (1 - rate) * (1 / n + 1 / m))
    return math.erfc(abs(z) / math.sqrt(2))
