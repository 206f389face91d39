"""Kolmogorov and Smirnov's test: the greatest difference of two distribution functions."""

from __future__ import annotations

import math

import numpy as np

from garcom.records import IntArray
from garcom.stats.cells import Counts, both_counts
from garcom.stats.chi_square import chi_square
from garcom.stats.survival import kolmogorov_survival
from garcom.stats.tested import Tested

#: Up to so many rows on both sides together the p-value is exact (a few milliseconds).
EXACT_ROWS = 1_000


def kolmogorov_smirnov(reference: Counts, current: Counts) -> Tested:
    """The two-sided two-sample test, of cells in the order of their values.

    The statistic, from 0 to 1, is an effect size: it does not grow with the rows. Up to 1,000 rows on both sides
    together the p-value is exact, given the ties (a cell with several rows is a tie). Beyond, it is that of
    Kolmogorov's distribution at (√e + 0.12 + 0.11 / √e) · D with e = n · m / (n + m), which takes the values for
    continuous: ties make it conservative, the more the fewer the cells, and :func:`beside_a_mode` mends the worst.

    Counts are numbers of rows: scale weights so that they sum to the number of rows that they are worth,
    (Σw)² / Σw². NaN where a side has no rows.

    Bound: of bins instead of values, the statistic is never greater than the exact one, and smaller by at most the
    greatest share of one bin on either side.

    >>> result = kolmogorov_smirnov(np.array([1, 1, 1, 0]), np.array([0, 0, 1, 2]))
    >>> round(result.statistic, 4), round(result.p_value, 4)
    (0.6667, 0.6)

    Source: Stephens, Use of the Kolmogorov–Smirnov … without extensive tables (1970); Schröer and Trenkler, Exact and
    randomization distributions of Kolmogorov–Smirnov tests (1995).
    """
    left, right = both_counts(reference, current)
    n, m = float(left.sum()), float(right.sum())
    if not (n > 0 and m > 0):
        return Tested(np.nan, np.nan)
    lower, upper = np.cumsum(left), np.cumsum(right)
    statistic = min(float(np.abs(lower / n - upper / m).max()), 1.0)
    if n + m <= EXACT_ROWS and not (np.mod(left, 1).any() or np.mod(right, 1).any()):
        ends = (lower + upper).astype(np.int64)
        return Tested(statistic, _exact(int(min(n, m)), int(max(n, m)), int(np.abs(lower * m - upper * n).max()), ends))
    return Tested(statistic, beside_a_mode(_asymptotic(n * m / (n + m), statistic), left, right))


def beside_a_mode(p_value: float, reference: Counts, current: Counts) -> float:
    """A p-value that takes values for continuous, mended where one cell has at least half of all rows.

    Flags and amounts are such: a share that goes from 0.1 % to 12 % is nothing to a test that expects the differences
    of a half. The cell is tested against all others too (:func:`~garcom.stats.chi_square.chi_square`), and twice the
    smaller p-value is taken (Bonferroni); with no more than two cells it is the test of these alone. Which cell it is
    follows from the totals of both sides, so the p-value stays valid.
    """
    left, right = both_counts(reference, current)
    both = left + right
    mode = int(np.argmax(both))
    if 2 * both[mode] < both.sum():
        return p_value
    of_mode = chi_square(*(np.array([side[mode], np.delete(side, mode).sum()]) for side in (left, right))).p_value
    return of_mode if np.count_nonzero(both) <= 2 else min(1.0, 2 * min(p_value, of_mode))


def _asymptotic(rows: float, statistic: float) -> float:
    # One row on each side gives a half: weights worth less than that show nothing, and the correction would explode.
    if rows < 0.5:
        return 1.0
    root = math.sqrt(rows)
    return kolmogorov_survival((root + 0.12 + 0.11 / root) * statistic)


def _exact(n: int, m: int, furthest: int, ends: IntArray) -> float:
    """The share of all orders of n and m rows that get as far as ``furthest`` (n · m times the statistic).

    An order is a path from (0, 0) to (n, m); after i and j rows the sides are |i · m − j · n| apart. Only after
    a whole cell (``ends``, in rows) do the distribution functions stand for anything, so only there it is looked at.
    Numbers of rows are whole, and so is the distance: nothing is lost to rounding.
    """
    if furthest == 0:
        return 1.0
    looked_at = np.zeros(n + m + 1, bool)
    looked_at[ends] = True
    i = np.arange(n + 1, dtype=np.float64)
    # Of the paths to (i, k - i): the share that has been that far. No term is negative: small p-values are right.
    outside = np.zeros(n + 1)
    for k in range(1, n + m + 1):
        from_left = outside[:-1] * i[1:]
        outside *= k - i
        outside[1:] += from_left
        outside /= k
        if looked_at[k]:
            # i · m and (k − i) · n are that far apart up to the first i, and from the second one on.
            outside[: max((k * n - furthest) // (n + m) + 1, 0)] = 1.0
            outside[-((-k * n - furthest) // (n + m)) : k + 1] = 1.0
    return min(float(outside[n]), 1.0)
