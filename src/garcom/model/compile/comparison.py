"""When two sets of answers are the same: no other label, differences within tolerance, NaN where NaN stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from garcom.records import Batch, FloatArray, Outputs

PROBABILITY_ATOL = 1e-5
VALUE_RTOL = 1e-6

TOLERANCE = "0 label flips; |Δ| ≤ 1e-5 on probabilities; relative 1e-6 on values, and 1e-6 of their spread"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """Per row: whether the label flipped, and whether anything differs beyond tolerance (flips included).

    ``largest`` is the largest absolute difference of a number; infinite where NaN or infinity stands against
    another number.
    """

    flips: Mask
    differs: Mask
    largest: float


def spread(values: FloatArray | None) -> FloatArray | None:
    """The standard deviation of each column of finite values, 1 where a column does not vary."""
    if values is None or not len(values):
        return None
    finite = np.where(np.isfinite(values), values, np.nan)
    known = np.isfinite(values).sum(axis=0)
    mean = np.nansum(finite, axis=0) / np.maximum(known, 1)
    deviation: FloatArray = np.sqrt(np.nansum((finite - mean) ** 2, axis=0) / np.maximum(known, 1))
    return np.where(deviation > 0, deviation, 1.0)


def compare(expected: Outputs, got: Outputs, scale: FloatArray | None) -> Comparison:
    """Compare row by row; ``scale`` is the :func:`spread` of the original's values over all rows.

    Answers of another form (no probabilities where there should be, another shape) differ on every row.
    """
    n_rows = len(next(part for part in expected if part is not None))
    flips = np.zeros(n_rows, bool)
    differs = np.zeros(n_rows, bool)
    largest = 0.0
    for name in Outputs._fields:
        wanted, came = getattr(expected, name), getattr(got, name)
        if wanted is None and came is None:
            continue
        if wanted is None or came is None or wanted.shape != came.shape:
            return Comparison(np.full(n_rows, name == "labels"), np.ones(n_rows, bool), np.inf)
        if name == "labels":
            flips = wanted != came
            differs |= flips
            continue
        distance, beyond = _numbers(wanted, came, name, scale)
        differs |= beyond
        largest = max(largest, distance)
    return Comparison(flips, differs, largest)


def _numbers(wanted: FloatArray, came: FloatArray, name: str, scale: FloatArray | None) -> tuple[float, Mask]:
    with np.errstate(invalid="ignore"):
        distance = np.abs(wanted - came)
    same = (wanted == came) | (np.isnan(wanted) & np.isnan(came))
    distance = np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))
    if name == "probabilities":
        allowed: Any = PROBABILITY_ATOL
    else:
        magnitude = np.where(np.isfinite(wanted), np.abs(wanted), 0.0)
        allowed = VALUE_RTOL * (magnitude + (0.0 if scale is None else scale))
    beyond: Mask = (distance > allowed).any(axis=1)
    return float(distance.max(initial=0.0)), beyond


def concatenate(parts: list[Outputs]) -> Outputs:
    """The answers of several batches as those of one."""

    def joined(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        return None if columns[0] is None else np.concatenate(columns)

    return Outputs(joined("labels"), joined("probabilities"), joined("values"))


def stack(batches: list[Batch]) -> Batch:
    """Several batches as one."""
    return Batch(
        np.concatenate([batch.numbers for batch in batches]), np.concatenate([batch.texts for batch in batches])
    )
