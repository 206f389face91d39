"""What the answers were worth, by a matrix of gains and costs."""

from __future__ import annotations

import numpy as np

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray
from garcom.stats.performance.intervals import mean_score
from garcom.stats.performance.score import Score, undefined


def business_value(y_true: IntArray, y_pred: IntArray, cost: FloatArray, sample_weight: FloatArray) -> Score:
    """The mean over the rows of ``cost[y_true, y_pred]``: gains are positive, costs negative; Student's interval.

    ``cost`` is ``[k, k]``, or ``[k + 1, k]`` with a last row for true labels that the model never answers. A cell that
    is needed and is not there (or NaN) leaves the value undefined. Raises InputError for another shape, and for values
    beyond 1e100.
    """
    n, n_classes = len(y_true), cost.shape[-1]
    if cost.ndim != 2 or cost.shape[0] - n_classes not in (0, 1):
        raise InputError(
            f"Expected a cost matrix with a row for each true class and a column for each answer, got {cost.shape}."
        )
    if (np.abs(cost) > 1e100).any():
        raise InputError(f"Expected values of at most 1e100 in the cost matrix, got {np.nanmax(np.abs(cost))}.")
    if len(cost) == n_classes and (others := int((y_true < 0).sum())):
        return undefined(f"the cost matrix has no row for labels that the model never answers; {others} have one", n)
    values = cost[np.where(y_true < 0, n_classes, y_true), y_pred]
    if unknown := int(np.isnan(values).sum()):
        return undefined(f"the cost matrix has no value for {unknown} of {n} rows", n)
    return mean_score(values, sample_weight)
