"""Transformers that make new features of numbers: bins, polynomials, quantiles, powers, projections."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.builder import Builder, NotLowerable, Table, has_missing
from garcom.model.lowering.encoding import one_hot_encoder
from garcom.model.lowering.registry import transformer


@transformer("sklearn.KBinsDiscretizer")
def bins(b: Builder, model: Any, table: Table) -> Table:
    """The bin's number, or a column per bin."""
    inner = [np.asarray(edges)[1:-1] for edges in model.bin_edges_]
    sizes = [len(edges) for edges in inner]
    value = b.emit("bins", b.numbers(table, model), edges=np.concatenate(inner), sizes=sizes)
    numbered = b.table(value, len(table), names=[column.name for column in table])
    return numbered if model.encode == "ordinal" else one_hot_encoder(b, model._encoder, numbered)


@transformer("sklearn.PolynomialFeatures")
def polynomial(b: Builder, model: Any, table: Table) -> Table:
    """Products of columns, each one factor more than an earlier one: in the original's order of multiplication."""
    combinations = [
        combination
        for combination in model._combinations(
            n_features=model.n_features_in_,
            min_degree=0,
            max_degree=model._max_degree,
            interaction_only=model.interaction_only,
            include_bias=False,
        )
        if combination
    ]
    bias = int(model.include_bias)
    place = {combination: bias + number for number, combination in enumerate(combinations)}
    left = [place[combination[1:]] if len(combination) > 1 else -1 for combination in combinations]
    right = [combination[0] for combination in combinations]
    keep = [*range(bias), *(place[c] for c in combinations if len(c) >= model._min_degree)]
    value = b.emit(
        "polynomial", b.numbers(table, model), left=left, right=right, keep=keep, options={"bias": bool(bias)}
    )
    return b.table(value, len(keep))


@transformer("sklearn.SplineTransformer")
def splines(b: Builder, model: Any, table: Table) -> Table:
    """B-splines, constant outside the knots or going on."""
    if model.extrapolation not in ("constant", "continue") or getattr(model, "handle_missing", "error") != "error":
        raise NotLowerable(
            f"SplineTransformer with extrapolation={model.extrapolation!r} or missing values cannot be carried."
        )
    options = {"degree": int(model.degree), "clip": model.extrapolation == "constant"}
    knots = np.stack([spline.t for spline in model.bsplines_])
    basis = b.emit("splines", b.numbers(table, model), options=options, knots=knots)
    n_splines = knots.shape[1] - model.degree - 1
    columns = b.table(basis, len(table) * n_splines)
    if model.include_bias:
        return columns
    return tuple(column for number, column in enumerate(columns) if (number + 1) % n_splines)


@transformer("sklearn.PowerTransformer")
def power(b: Builder, model: Any, table: Table) -> Table:
    """Yeo-Johnson or Box-Cox, then standardized."""
    op = "yeo_johnson" if model.method == "yeo-johnson" else "box_cox"
    value = b.emit(op, b.matrix(table), lambdas=model.lambdas_)
    if model.standardize:
        value = b.emit("standardize", value, mean=model._scaler.mean_, scale=model._scaler.scale_)
    # Box-Cox has no answer for a number that is not positive.
    return b.table(value, len(table), missing=has_missing(table) or op == "box_cox")


@transformer("sklearn.QuantileTransformer")
def quantiles(b: Builder, model: Any, table: Table) -> Table:
    """The place among the training quantiles, uniform or normal."""
    options = {"normal": model.output_distribution == "normal"}
    value = b.emit(
        "quantiles", b.matrix(table), quantiles=model.quantiles_, references=model.references_, options=options
    )
    return b.table(value, len(table), missing=has_missing(table))


@transformer("sklearn.PCA", "sklearn.IncrementalPCA")
def pca(b: Builder, model: Any, table: Table) -> Table:
    """The centred rows on the components."""
    components = np.asarray(model.components_)
    mean = np.zeros(components.shape[1]) if model.mean_ is None else np.asarray(model.mean_)
    value = b.linear(table, components, -(mean.reshape(1, -1) @ components.T)[0], model)
    if model.whiten:
        scale = np.sqrt(model.explained_variance_)
        value = b.emit("divide", value, constant=np.maximum(scale, np.finfo(scale.dtype).eps))
    return b.table(value, len(components))


@transformer("sklearn.TruncatedSVD")
def truncated_svd(b: Builder, model: Any, table: Table) -> Table:
    """The rows on the components, not centred; texts stay sparse."""
    components = np.asarray(model.components_)
    return b.table(b.linear(table, components, 0.0, model), len(components))


@transformer("sklearn.GaussianRandomProjection")
def random_projection(b: Builder, model: Any, table: Table) -> Table:
    """The rows on the random components."""
    components = np.asarray(model.components_)
    return b.table(b.linear(table, components, 0.0, model), len(components))
