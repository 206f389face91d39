"""Operations that make features: imputation, bins, polynomials, power and quantile maps."""

from __future__ import annotations

import numpy as np

from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Array, Step
from garcom.records import FloatArray, TextArray


@operation("impute")
def impute(step: Step) -> Call:
    """Missing numbers (NaN, or ``missing`` where given) replaced by each column's ``fill``."""
    fill, missing = step.arrays["fill"], step.arrays.get("missing")
    if missing is None:
        return lambda X: np.where(np.isnan(X), fill, X)
    return lambda x: np.where(x == missing, fill, x)


@operation("impute_texts")
def impute_texts(step: Step) -> Call:
    """Missing texts (``missing``, None by default) of the columns ``index`` replaced by each column's ``fill``."""
    index, missing, fill = step.arrays["index"], step.options["missing"], step.options["fill"]

    def call(texts: TextArray) -> TextArray:
        result = texts.take(index, axis=1)
        for column, value in enumerate(fill):
            found = result[:, column]
            found[np.equal(found, missing)] = value
        return result

    return call


@operation("missing")
def missing(step: Step) -> Call:
    """1 where a number is missing (NaN, or ``missing`` where given), else 0."""
    value = step.arrays.get("missing")
    if value is None:
        return lambda X: np.isnan(X).astype(np.float64)
    return lambda x: (x == value).astype(np.float64)


@operation("missing_texts")
def missing_texts(step: Step) -> Call:
    """1 where a text of the columns ``index`` is missing, else 0."""
    index, value = step.arrays["index"], step.options["missing"]
    return lambda texts: np.equal(texts.take(index, axis=1), value).astype(np.float64)


@operation("normalize")
def normalize(step: Step) -> Call:
    """Rows divided by their norm, ``l1``, ``l2`` or ``max``; a row of zeros stays."""
    norm = step.options["norm"]

    def call(X: FloatArray) -> FloatArray:
        if norm == "l1":
            size = np.abs(X).sum(axis=1)
        elif norm == "l2":
            size = np.sqrt(np.einsum("ij,ij->i", X, X))
        else:
            size = np.max(np.abs(X), axis=1)
        # As the original, norms below ten times the smallest step from 1 count as zero.
        size[size < 10 * np.finfo(np.float64).eps] = 1.0
        result: FloatArray = X / size[:, np.newaxis]
        return result

    return call


@operation("binarize")
def binarize(step: Step) -> Call:
    """1 where a number is greater than ``threshold``, else 0."""
    threshold = step.arrays["threshold"]
    return lambda x: (x > threshold).astype(np.float64)


@operation("bins")
def bins(step: Step) -> Call:
    """Each column's bin number; ``edges`` are the inner edges of all columns, ``sizes`` how many each has."""
    edges = np.split(step.arrays["edges"], np.cumsum(step.arrays["sizes"])[:-1])

    def call(X: FloatArray) -> FloatArray:
        result = np.empty_like(X)
        for column, inner in enumerate(edges):
            result[:, column] = inner.searchsorted(X[:, column], side="right")
        return result

    return call


@operation("polynomial")
def polynomial(step: Step) -> Call:
    """Products of columns: product ``i`` is product ``left[i]`` times column ``right[i]``.

    Where ``left`` is -1, it is the column itself. With ``bias``, a column of ones stands first and counts as product 0.
    """
    left, right, bias = step.arrays["left"].tolist(), step.arrays["right"].tolist(), step.options["bias"]
    keep = step.arrays["keep"]
    plan = list(enumerate(zip(left, right, strict=True), start=int(bias)))

    def call(X: FloatArray) -> FloatArray:
        result = np.empty((len(X), len(plan) + bias))
        if bias:
            result[:, 0] = 1.0
        for position, (before, column) in plan:
            result[:, position] = X[:, column] if before < 0 else result[:, before] * X[:, column]
        return result if len(keep) == result.shape[1] else result.take(keep, axis=1)

    return call


@operation("yeo_johnson")
def yeo_johnson(step: Step) -> Call:
    """The Yeo-Johnson power map of every column with its ``lambdas``, as scipy.stats.yeojohnson computes it."""
    lambdas = step.arrays["lambdas"].tolist()
    eps = float(np.spacing(1.0))

    def column(x: FloatArray, power: float) -> FloatArray:
        result = np.empty_like(x)
        positive = x >= 0
        up, down = x[positive], x[~positive]
        if abs(power) < eps:
            result[positive] = np.log1p(up)
        else:
            result[positive] = np.expm1(power * np.log1p(up)) / power
        if abs(power - 2) > eps:
            result[~positive] = -np.expm1((2 - power) * np.log1p(-down)) / (2 - power)
        else:
            result[~positive] = -np.log1p(-down)
        return result

    return lambda X: np.stack([column(X[:, i], power) for i, power in enumerate(lambdas)], axis=1)


@operation("box_cox")
def box_cox(step: Step) -> Call:
    """The Box-Cox power map of every column with its ``lambdas``; a number not above 0 gives NaN."""
    lambdas = step.arrays["lambdas"].tolist()

    def column(x: FloatArray, power: float) -> FloatArray:
        logarithm = np.log(np.where(x > 0, x, np.nan))
        # As scipy.special.boxcox: so small a power is a logarithm already.
        return logarithm if abs(power) < 1e-19 else np.expm1(power * logarithm) / power

    return lambda X: np.stack([column(X[:, i], power) for i, power in enumerate(lambdas)], axis=1)


@operation("quantiles")
def quantiles(step: Step) -> Call:
    """Each number's place among the training ``quantiles`` of its column, uniform or as a normal deviate."""
    table, references = step.arrays["quantiles"], step.arrays["references"]
    normal = step.options["normal"]
    # As the original: numbers this near to the ends of the range are mapped to the ends.
    threshold = 1e-7
    if normal:
        # The only use of scipy in a server: not loaded for other models.
        from scipy.special import ndtri

        low_clip = float(ndtri(threshold - np.spacing(1)))
        high_clip = float(ndtri(1 - (threshold - np.spacing(1))))

    def column(x: FloatArray, values: Array) -> FloatArray:
        lowest, highest = values[0], values[-1]
        if normal:
            low, high = x - threshold < lowest, x + threshold > highest
        else:
            low, high = x == lowest, x == highest
        result = np.full_like(x, np.nan)
        finite = ~np.isnan(x)
        inner = x[finite]
        forward = np.interp(inner, values, references)
        backward = np.interp(-inner, -values[::-1], -references[::-1])
        result[finite] = 0.5 * (forward - backward)
        result[high] = 1.0
        result[low] = 0.0
        if normal:
            result[finite] = np.clip(ndtri(result[finite]), low_clip, high_clip)
        return result

    return lambda X: np.stack([column(X[:, i], table[:, i]) for i in range(table.shape[1])], axis=1)


@operation("zero_is_missing")
def zero_is_missing(step: Step) -> Call:
    """NaN where a number is within ``threshold`` of zero."""
    threshold = step.options["threshold"]
    return lambda X: np.where(np.abs(X) <= threshold, np.nan, X)


@operation("signed_square")
def signed_square(step: Step) -> Call:
    """``sign(x) * x * x``."""
    return lambda X: np.sign(X) * X * X


@operation("splines")
def splines(step: Step) -> Call:
    """The B-spline basis of each column, ``[n, n_columns * n_splines]``; ``knots`` is ``[n_columns, n_knots]``.

    Numbers outside the base interval are moved to its ends with ``clip``; without, the end pieces go on.
    """
    degree, clip = step.options["degree"], step.options["clip"]
    knots = list(step.arrays["knots"])

    def call(X: FloatArray) -> FloatArray:
        parts = []
        for column, t in enumerate(knots):
            x = X[:, column]
            parts.append(_basis(x.clip(t[degree], t[-degree - 1]) if clip else x, t, degree))
        return np.concatenate(parts, axis=1)

    return call


def _basis(x: FloatArray, t: Array, degree: int) -> FloatArray:
    """Cox and de Boor's recursion, in the order of scipy's ``BSpline`` (de Boor 2001, chapter X)."""
    n_splines = len(t) - degree - 1
    piece = np.clip(t.searchsorted(x, side="right") - 1, degree, n_splines - 1)
    h = np.zeros((degree + 1, len(x)))
    h[0] = 1.0
    for j in range(1, degree + 1):
        before = h[:j].copy()
        h[0] = 0.0
        for n in range(1, j + 1):
            right, left = t[piece + n], t[piece + n - j]
            share = np.divide(before[n - 1], right - left, out=np.zeros_like(x), where=right != left)
            h[n - 1] += share * (right - x)
            h[n] = share * (x - left)
    result = np.zeros((len(x), n_splines))
    rows = np.arange(len(x))
    for n in range(degree + 1):
        result[rows, piece - degree + n] = h[n]
    return result
