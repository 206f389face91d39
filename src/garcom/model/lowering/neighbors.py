"""Nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.answers import classes_of
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.registry import estimator


def _nearest(b: Builder, model: Any, table: Table) -> int:
    """Distances and positions of the nearest training rows."""
    if model.weights not in ("uniform", "distance", None):
        raise NotLowerable(f"{type(model).__name__} with weights of the person's own cannot be carried as arrays.")
    metric = model.effective_metric_
    parameters = {name: value for name, value in (model.effective_metric_params_ or {}).items() if value is not None}
    powers = {"euclidean": 2.0, "l2": 2.0, "manhattan": 1.0, "l1": 1.0, "cityblock": 1.0}
    power = powers.get(metric, float(parameters.get("p", 2.0)) if metric == "minkowski" else None)
    if power is None or not np.isfinite(power) or set(parameters) - {"p"}:
        raise NotLowerable(f"{type(model).__name__} with the metric {metric} cannot be carried as arrays.")
    rows = model._fit_X
    if not isinstance(rows, np.ndarray):
        raise NotLowerable(f"{type(model).__name__} trained on a sparse matrix cannot be carried as arrays.")
    arrays: dict[str, Any] = {"rows": np.asarray(rows, dtype=np.float64)}
    method = model._fit_method
    if method == "kd_tree":
        _, order, nodes, bounds = model._tree.get_arrays()
        arrays |= {"order": order, "bounds": bounds, "leaves": nodes["is_leaf"]}
        arrays |= {"starts": nodes["idx_start"], "ends": nodes["idx_end"]}
    options = {"n_neighbors": int(model.n_neighbors), "power": power, "products": method == "brute" and power == 2.0}
    return b.emit("nearest", b.numbers(table, model), options=options, **arrays)


@estimator("sklearn.KNeighborsClassifier")
def classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The class with most weight among the neighbours, the first of equals."""
    classes = classes_of(model)
    options = {"n_classes": len(classes), "distance": model.weights == "distance"}
    votes = b.emit("neighbor_votes", _nearest(b, model, table), y=np.asarray(model._y).ravel(), options=options)
    return Prediction(classes, b.emit("argmax", votes), b.emit("share", votes))


@estimator("sklearn.KNeighborsRegressor")
def regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The mean of the neighbours' values, weighted by 1/distance where so configured."""
    y = np.asarray(model._y, dtype=np.float64).reshape(len(model._y), -1)
    options = {"distance": model.weights == "distance"}
    return Prediction(
        values=b.emit("neighbor_mean", _nearest(b, model, table), y=y, options=options), n_targets=y.shape[1]
    )
