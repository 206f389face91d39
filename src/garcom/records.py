"""The typed records that pass between the parts: rows in, answers out.

``Batch`` is what every engine receives and ``Outputs`` what it returns; nothing else crosses that line.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
TextArray = npt.NDArray[np.object_]


class Batch(NamedTuple):
    """Rows that fit a signature, split by how the machine holds them.

    ``numbers``: float64 ``[n_rows, n_numbers]``, the float, integer, boolean and datetime fields in the
    signature's order. NaN is a missing value; booleans are 0 and 1; integers lie within ±2**53, so they
    are exact; datetimes are microseconds since 1970-01-01 UTC.

    ``texts``: object ``[n_rows, n_texts]``, the string and category fields in the signature's order. Each
    element is a ``str`` (an ``int`` for a category of integers); ``None`` is a missing value.
    """

    numbers: FloatArray
    texts: TextArray

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    def rows(self, index: slice | npt.NDArray[Any]) -> Batch:
        """The rows that ``index`` (a slice, a mask or positions) selects."""
        return Batch(self.numbers[index], self.texts[index])


class Outputs(NamedTuple):
    """What a model says of ``n`` rows.

    ============== ======================================= ================================= ==============
    task           labels: int64 ``[n]``                   probabilities: float64 ``[n, k]``  values: float64 ``[n, m]``
    ============== ======================================= ================================= ==============
    classification index into the output's ``classes``     where the model gives them        None
    regression     None                                    None                              one column per target
    clustering     index into the output's ``classes``     None                              None
    outlier        index into ``classes``, here (-1, 1)    None                              the score, m = 1
    ============== ======================================= ================================= ==============
    """

    labels: IntArray | None
    probabilities: FloatArray | None
    values: FloatArray | None

    def rows(self, index: slice | npt.NDArray[Any]) -> Outputs:
        """The answers for the rows that ``index`` selects."""
        labels, probabilities, values = self
        return Outputs(
            None if labels is None else labels[index],
            None if probabilities is None else probabilities[index],
            None if values is None else values[index],
        )
