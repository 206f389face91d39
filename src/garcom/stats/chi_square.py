"""Pearson's chi-square test: whether two samples have the same shares of categories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray, IntArray
from garcom.stats.cells import Counts, both_counts
from garcom.stats.fisher_exact import fisher_exact
from garcom.stats.survival import chi_square_survival
from garcom.stats.tested import Tested

#: A cell with fewer expected rows on either side is rare (Cochran 1954).
LEAST_EXPECTED = 5.0
#: Of two cells, the chances are counted out where fewer rows are expected in one: far out, where many columns are
#: corrected for, the chi-square distribution is too certain by a third with a thousand rows and by far more with fewer.
EXACT_BELOW = 1_000.0


def chi_square(reference: Counts, current: Counts) -> Tested:
    """The test of homogeneity of a 2 × k table, without Yates's correction.

    Cells that both lack are dropped. Cells with fewer than 5 expected rows on either side are pooled into one. What is
    pooled follows from the totals of both sides alone, so the p-value stays valid. Two cells with fewer than 1,000
    expected rows have the p-value of :func:`~garcom.stats.fisher_exact.fisher_exact`. A pool that is rare itself is
    tested so against all other cells, these are tested without it, and the p-value is twice the smaller one
    (Bonferroni).

    Counts are numbers of rows: scale weights so that they sum to the number of rows that they are worth,
    (Σw)² / Σw². The statistic grows with the rows: tell the total variation beside it. One category on both sides
    gives 0 with p = 1; NaN where a side has no rows, or where more than two cells are all rare.

    >>> result = chi_square(np.array([30, 40, 30]), np.array([45, 30, 25]))
    >>> round(result.statistic, 3), round(result.p_value, 4)
    (4.883, 0.087)

    Source: Pearson (1900); Cochran, Some methods for strengthening the common χ² tests (1954).
    """
    left, right = both_counts(reference, current)
    n, m = left.sum(), right.sum()
    if not (n > 0 and m > 0):
        return Tested(np.nan, np.nan)
    used = (left > 0) | (right > 0)
    table = np.stack([left[used], right[used]])
    expected = table.sum(axis=0) * min(n, m) / (n + m)
    rare = expected < LEAST_EXPECTED
    if table.shape[1] <= 2 or not rare.any():
        return _tested(table)
    if rare.all():
        return Tested(np.nan, np.nan)
    common = table[:, ~rare]
    pool = table[:, rare].sum(axis=1, keepdims=True)
    pooled = np.hstack([pool, common])
    if expected[rare].sum() >= LEAST_EXPECTED or common.shape[1] < 2:
        return _tested(pooled)
    beside = _tested(np.hstack([pool, common.sum(axis=1, keepdims=True)]))
    return Tested(_statistic(pooled), min(1.0, 2 * min(beside.p_value, _tested(common).p_value)))


def _tested(table: FloatArray) -> Tested:
    """The test of a table [2, k] of which no cell is rare, or which has no more than two."""
    statistic, k = _statistic(table), table.shape[1]
    if k == 1:
        return Tested(0.0, 1.0)
    if k == 2 and _expected(table).min() < EXACT_BELOW:
        return Tested(statistic, fisher_exact(*table))
    return Tested(statistic, chi_square_survival(k - 1, statistic))


def _statistic(table: FloatArray) -> float:
    expected = _expected(table)
    # Nothing is expected where weights are too small for their product to be a number.
    return float(np.divide((table - expected) ** 2, expected, out=np.zeros_like(table), where=expected > 0).sum())


def _expected(table: FloatArray) -> FloatArray:
    """The rows that would be in each cell if both sides had the same shares, [2, k]."""
    expected: FloatArray = np.outer(table.sum(axis=1), table.sum(axis=0) / table.sum())
    return expected


def rare_cells(reference: IntArray, current: IntArray) -> npt.NDArray[np.bool_]:
    """Which cells of two samples are pooled: fewer than 5 rows are expected there of the smaller one."""
    both = reference + current
    share = min(int(reference.sum()), int(current.sum())) / max(1, int(both.sum()))
    rare: npt.NDArray[np.bool_] = both * share < LEAST_EXPECTED
    return rare
