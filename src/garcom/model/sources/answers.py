"""What a model's own predict returns, as arrays of :class:`~garcom.records.Outputs`."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.errors import EngineError
from garcom.model.signature import Class
from garcom.records import FloatArray, IntArray


class ClassIndex:
    """From predicted values to positions in ``classes``."""

    def __init__(self, classes: tuple[Class, ...]) -> None:
        self._position = {value: at for at, value in enumerate(classes)}

    def __call__(self, predicted: Any) -> IntArray:
        """int64 positions; raises :class:`~garcom.errors.EngineError` for a value that is no known class."""
        values = np.asarray(predicted)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise EngineError(
                f"The model predicted an array of shape {values.shape}, and one label per row was expected."
            )
        try:
            return np.fromiter((self._position[value] for value in values.tolist()), np.int64, len(values))
        except KeyError as error:
            raise EngineError(
                f"The model predicted {error.args[0]!r}, which is none of its classes {list(self._position)}."
            ) from error


def as_matrix(values: Any) -> FloatArray:
    """float64 ``[n, m]``, from ``[n]`` or ``[n, m]``."""
    matrix = np.asarray(values, dtype=np.float64)
    return np.ascontiguousarray(matrix[:, None] if matrix.ndim == 1 else matrix)
