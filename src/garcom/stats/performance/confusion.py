"""Which labels were answered for which true labels, counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray


class Counts(NamedTuple):
    """A confusion matrix ``[n_classes + 1, n_classes]`` and the same of squared weights.

    ``matrix[i, j]`` is the weight of the rows of class ``i`` that were answered ``j``; the last row is for true labels
    that the model never answers. Without weights ``squares`` equals ``matrix``.
    """

    matrix: FloatArray
    squares: FloatArray

    @property
    def right(self) -> FloatArray:
        """The weight of right answers, by class ``[n_classes + 1]`` (0 for the other labels)."""
        return np.append(np.diagonal(self.matrix), 0.0)

    @property
    def actual(self) -> FloatArray:
        """The weight of each true class ``[n_classes + 1]``."""
        total: FloatArray = self.matrix.sum(axis=1)
        return total

    @property
    def answered(self) -> FloatArray:
        """The weight of each answered class ``[n_classes + 1]`` (0 for the other labels)."""
        return np.append(self.matrix.sum(axis=0), 0.0)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which classes are among the actuals or the answers ``[n_classes + 1]``."""
        return (self.actual > 0) | (self.answered > 0)


def confusion(
    y_true: IntArray, y_pred: IntArray, n_classes: int, sample_weight: FloatArray | None = None
) -> FloatArray:
    """The weight of the rows of each true class (row) that were answered each class (column).

    float64 ``[n_classes + 1, n_classes]``: the last row is for true labels that the model never answers (-1 in
    ``y_true``). All zeros for no rows. Raises InputError for other indices.
    """
    return count(y_true, y_pred, n_classes, sample_weight).matrix


def count(y_true: IntArray, y_pred: IntArray, n_classes: int, sample_weight: FloatArray | None = None) -> Counts:
    """The confusion matrix (see :func:`confusion`) with what its intervals need."""
    _require_indices("y_true", y_true, -1, n_classes)
    _require_indices("y_pred", y_pred, 0, n_classes)
    cells = np.where(y_true < 0, n_classes, y_true) * n_classes + y_pred
    shape, size = (n_classes + 1, n_classes), (n_classes + 1) * n_classes
    matrix = np.bincount(cells, sample_weight, size).astype(np.float64).reshape(shape)
    if sample_weight is None:
        return Counts(matrix, matrix)
    return Counts(matrix, np.bincount(cells, np.square(sample_weight), size).astype(np.float64).reshape(shape))


def _require_indices(name: str, indices: IntArray, least: int, n_classes: int) -> None:
    if len(indices) and (indices.min() < least or indices.max() >= n_classes):
        strange = indices[(indices < least) | (indices >= n_classes)][0]
        raise InputError(f"Expected positions from {least} to {n_classes - 1} in {name}, got {strange}.")
