"""Counts of two samples on the same cells, as the two-sample statistics take them.

A cell is a bin, a category or one distinct value; with a cell for each distinct value the statistics are exact.
Missing values have no cell: whoever counts leaves them out, or gives them a cell of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray

#: Counts of rows or sums of weights, none of them negative or NaN, ``[n_cells]``.
Counts = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def both_counts(reference: Counts, current: Counts) -> tuple[FloatArray, FloatArray]:
    """Both sides as float64. Raises ValueError where they do not have the same cells."""
    left, right = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(f"Expected counts on the same cells, got the shapes {left.shape} and {right.shape}.")
    return left, right


def both_shares(reference: Counts, current: Counts) -> tuple[FloatArray, FloatArray] | None:
    """Both sides as shares that sum to 1, without the cells that both lack; None where a side has no rows."""
    left, right = both_counts(reference, current)
    n, m = left.sum(), right.sum()
    if not (n > 0 and m > 0):
        return None
    used = (left > 0) | (right > 0)
    return left[used] / n, right[used] / m
