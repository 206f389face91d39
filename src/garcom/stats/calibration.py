"""Whether a probability of 0.8 comes true 8 times in 10, and the curve that makes it so.

Isotonic regression (Ayer et al. 1955; pool adjacent violators) finds the rising step function nearest to the outcomes
in weighted squares; Zadrozny and Elkan (2002) use it to calibrate probabilities. It assumes no shape, needs some
hundred rows, and keeps the ranking up to ties.
"""

from __future__ import annotations

import msgspec
import numpy as np

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray

BINS = 10
"""Of equal width, in the calibration error."""


class Isotonic(msgspec.Struct, frozen=True):
    """A rising function as blocks: from ``first[b]`` to ``last[b]`` it is ``values[b]``, in between it is a line.

    ``rows`` is the weight of the rows in each block, from which the uncertainty of its value follows.
    """

    first: tuple[float, ...]
    last: tuple[float, ...]
    values: tuple[float, ...]
    rows: tuple[float, ...]

    def predict(self, x: FloatArray) -> FloatArray:
        """The function at each ``x``; outside the blocks the nearest value. NaN stays NaN."""
        ends = np.column_stack([self.first, self.last]).ravel()
        return np.asarray(np.interp(x, ends, np.repeat(self.values, 2)), np.float64)

    def blocks(self, x: FloatArray) -> IntArray:
        """The block nearest to each ``x`` (positions; of two that are equally near the lower one)."""
        borders = (np.asarray(self.last[:-1]) + np.asarray(self.first[1:])) / 2
        return np.searchsorted(borders, x, side="left")


def fit_isotonic(x: FloatArray, y: FloatArray, sample_weight: FloatArray | None = None) -> Isotonic:
    """The rising function of ``x`` with the least weighted squared distance to ``y``; equal ``x`` are one point.

    Rows with NaN or without weight are left out. Equal to ``sklearn.isotonic.IsotonicRegression`` with
    ``out_of_bounds="clip"``. Raises InputError where no row is left.
    """
    weight = np.ones(len(x)) if sample_weight is None else sample_weight
    kept = np.isfinite(x) & np.isfinite(y) & (weight > 0)
    if not kept.any():
        raise InputError(f"Expected rows to fit a rising function to, got {len(x)} without values or weight.")
    points, at = np.unique(x[kept], return_inverse=True)
    weights = np.bincount(at, weight[kept])
    means = np.bincount(at, weight[kept] * y[kept]) / weights
    starts, values, rows = _pooled(means.tolist(), weights.tolist())
    ends = [*(start - 1 for start in starts[1:]), len(points) - 1]
    return Isotonic(tuple(points[starts].tolist()), tuple(points[ends].tolist()), tuple(values), tuple(rows))


def _pooled(means: list[float], weights: list[float]) -> tuple[list[int], list[float], list[float]]:
    """Neighbours that do not rise are pooled until all do: where blocks start, their means and their weights."""
    starts: list[int] = []
    values: list[float] = []
    rows: list[float] = []
    for at, (mean, weight) in enumerate(zip(means, weights, strict=True)):
        start = at
        while values and values[-1] >= mean:
            before = rows.pop()
            mean = (values.pop() * before + mean * weight) / (before + weight)
            weight += before
            start = starts.pop()
        starts.append(start)
        values.append(mean)
        rows.append(weight)
    return starts, values, rows


def bins_of(probability: FloatArray, n_bins: int = BINS) -> IntArray:
    """The bin of equal width (upper border included) of each probability."""
    return np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], probability, side="left")
