"""Transformers that map each number by itself, or a row by its norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.engines.arrays.ops.matrix import FUNCTION_NAMES
from garcom.model.lowering.builder import Builder, NotLowerable, Table, has_missing, width
from garcom.model.lowering.registry import transformer


@transformer("sklearn.StandardScaler")
def standard_scaler(b: Builder, model: Any, table: Table) -> Table:
    """``(X - mean) / scale``."""
    arrays = {}
    if model.with_mean:
        arrays["mean"] = model.mean_
    if model.with_std:
        arrays["scale"] = model.scale_
    return _same(b, b.emit("standardize", b.matrix(table), **arrays), table)


@transformer("sklearn.RobustScaler")
def robust_scaler(b: Builder, model: Any, table: Table) -> Table:
    """``(X - center) / scale``."""
    arrays = {}
    if model.with_centering:
        arrays["mean"] = model.center_
    if model.with_scaling:
        arrays["scale"] = model.scale_
    return _same(b, b.emit("standardize", b.matrix(table), **arrays), table)


@transformer("sklearn.MaxAbsScaler")
def max_abs_scaler(b: Builder, model: Any, table: Table) -> Table:
    """``X / scale``, clipped to ±1 where so configured."""
    scaled = b.emit("standardize", b.matrix(table), scale=model.scale_)
    if getattr(model, "clip", False):
        scaled = b.emit("clip", scaled, options={"low": -1.0, "high": 1.0})
    return _same(b, scaled, table)


@transformer("sklearn.MinMaxScaler")
def min_max_scaler(b: Builder, model: Any, table: Table) -> Table:
    """``X * scale + min``, clipped to the range where so configured."""
    low, high = (float(limit) for limit in model.feature_range)
    options = {"low": low, "high": high} if model.clip else {}
    return _same(b, b.emit("rescale", b.matrix(table), options=options, scale=model.scale_, offset=model.min_), table)


@transformer("sklearn.Normalizer")
def normalizer(b: Builder, model: Any, table: Table) -> Table:
    """Each row divided by its norm."""
    return _same(b, b.emit("normalize", b.numbers(table, model), options={"norm": model.norm}), table)


@transformer("sklearn.Binarizer")
def binarizer(b: Builder, model: Any, table: Table) -> Table:
    """1 above the threshold, else 0."""
    return _same(b, b.emit("binarize", b.numbers(table, model), threshold=float(model.threshold)), table)


@transformer("sklearn.FunctionTransformer")
def function_transformer(b: Builder, model: Any, table: Table) -> Table:
    """No function, or one of numpy's own that work element by element."""
    if model.func is None:
        return table
    name = getattr(model.func, "__name__", "")
    known = isinstance(model.func, np.ufunc) and name in FUNCTION_NAMES and model.func is getattr(np, name)
    if not known or model.kw_args:
        raise NotLowerable(
            f"FunctionTransformer calls {name or model.func!r}; only numpy's own functions of one argument can be "
            "carried as arrays (np.log1p, np.sqrt, …)."
        )
    value = b.emit("function", b.matrix(table), options={"name": name})
    # A logarithm or a root makes NaN of a number it has no answer for.
    return b.table(value, width(table), missing=True, names=_names(table))


def _same(b: Builder, value: int, table: Table) -> Table:
    return b.table(value, width(table), missing=has_missing(table), names=_names(table))


def _names(table: Table) -> list[str]:
    return [column.name for column in table for _ in range(column.width)]
