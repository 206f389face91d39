"""Wasserstein's distance: how far values have moved, in the unit of the column."""

from __future__ import annotations

import numpy as np

from garcom.records import FloatArray
from garcom.stats.cells import Counts, both_counts


def wasserstein_distance(positions: FloatArray, reference: Counts, current: Counts) -> float:
    """The 1-Wasserstein distance (earth mover's): the area between the two distribution functions.

    ``positions`` are the values of the cells, finite, in any order; counts may be weights. It has the unit of the
    column: divide by the reference's standard deviation before columns are compared. NaN where a side has no rows;
    infinite where positions are further apart than float64 reaches.

    Bound: with bins instead of values and ``positions`` at the middles of the bins, it is off by at most the mean
    width of a bin, each weighted with the mean of both shares; with positions anywhere in their bins, by twice that.

    >>> wasserstein_distance(np.array([0.0, 1.0, 3.0]), np.array([1, 1, 0]), np.array([0, 1, 1]))
    1.5

    Source: Vallender, Calculation of the Wasserstein distance between probability distributions on the line (1974).
    """
    left, right = both_counts(reference, current)
    n, m = left.sum(), right.sum()
    if not (n > 0 and m > 0):
        return np.nan
    order = np.argsort(positions, kind="stable")
    where = np.asarray(positions, np.float64)[order]
    height = np.abs(np.cumsum(left[order] / n) - np.cumsum(right[order] / m))[:-1]
    with np.errstate(over="ignore"):
        width = np.diff(where)
        # An infinite width where the functions do not differ adds nothing, rather than NaN.
        return float((height[height > 0] * width[height > 0]).sum())
