"""Pearson's chi-square test: whether two samples have the same shares of categories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray, IntArray
from garcom.stats.cells import Counts, both_counts
from garcom.stats.survival import chi_square_survival
from garcom.stats.tested import Tested

#: A cell with fewer expected rows on either side is rare (Cochran 1954).
LEAST_EXPECTED = 5.0


def chi_square(reference: Counts, current: Counts) -> Tested:
    """The test of homogeneity of a 2 × k table, without Yates's correction.

    Cells that both lack are dropped. Cells with fewer than 5 expected rows on either side are pooled into one; if the
    pool has fewer than 5 itself, the least of the other cells joins it. What is pooled follows from the totals of
    both sides alone, so the p-value stays valid.

    Counts are numbers of rows: scale weights so that they sum to the number of rows that they are worth,
    (Σw)² / Σw². The statistic grows with the rows: tell the total variation beside it. One category on both sides
    gives 0 with p = 1; NaN where a side has no rows, or where too few rows are expected to leave two cells.

    >>> result = chi_square(np.array([30, 70]), np.array([45, 55]))
    >>> round(result.statistic, 3), round(result.p_value, 4)
    (4.8, 0.0285)

    Source: Pearson (1900); Cochran, Some methods for strengthening the common χ² tests (1954).
    """
    left, right = both_counts(reference, current)
    n, m = left.sum(), right.sum()
    if not (n > 0 and m > 0):
        return Tested(np.nan, np.nan)
    used = (left > 0) | (right > 0)
    if np.count_nonzero(used) == 1:
        return Tested(0.0, 1.0)
    table = _pooled(np.stack([left[used], right[used]]), min(n, m) / (n + m))
    if table.shape[1] < 2:
        return Tested(np.nan, np.nan)
    expected = np.outer([n, m], table.sum(axis=0) / (n + m))
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Tested(statistic, chi_square_survival(table.shape[1] - 1, statistic))


def rare_cells(reference: IntArray, current: IntArray) -> npt.NDArray[np.bool_]:
    """Which cells of two samples are pooled at least: fewer than 5 rows are expected there of the smaller one."""
    both = reference + current
    share = min(int(reference.sum()), int(current.sum())) / max(1, int(both.sum()))
    rare: npt.NDArray[np.bool_] = both * share < LEAST_EXPECTED
    return rare


def _pooled(table: FloatArray, smaller: float) -> FloatArray:
    """``table`` [2, k] with its rare cells as one; ``smaller`` is the smaller side's share of all rows."""
    table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    expected = table.sum(axis=0) * smaller
    rare = int(np.searchsorted(expected, LEAST_EXPECTED))
    if rare == 0:
        return table
    # So many of the least cells that together they are not rare.
    pooled = max(rare, int(np.searchsorted(np.cumsum(expected), LEAST_EXPECTED)) + 1)
    return np.hstack([table[:, :pooled].sum(axis=1, keepdims=True), table[:, pooled:]])
