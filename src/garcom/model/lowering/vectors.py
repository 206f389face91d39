"""Support vector machines (libsvm): kernels against the support vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.engines.arrays.program import Array
from garcom.model.lowering.answers import binary_labels, classes_of
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.registry import estimator


def _kernel(b: Builder, model: Any, table: Table) -> int:
    """The kernel between each row and each support vector, ``[n, n_vectors]``."""
    if callable(model.kernel) or model.kernel == "precomputed":
        raise NotLowerable(f"{type(model).__name__} with a kernel of the person's own cannot be carried as arrays.")
    if model._sparse:
        raise NotLowerable(f"{type(model).__name__} trained on a sparse matrix cannot be carried as arrays.")
    options = {
        "kernel": model.kernel,
        "gamma": float(model._gamma),
        "coef0": float(model.coef0),
        "degree": int(model.degree),
    }
    return b.emit("kernel", b.numbers(table, model), options=options, vectors=model.support_vectors_)


@estimator("sklearn.SVR", "sklearn.NuSVR")
def regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The weighted sum of kernels."""
    value = b.emit("linear", _kernel(b, model, table), coef=model.dual_coef_, intercept=model.intercept_)
    return Prediction(values=value)


@estimator("sklearn.OneClassSVM")
def one_class(b: Builder, model: Any, table: Table) -> Prediction:
    """Positive inside, and an outlier where it is not."""
    decision = b.emit("linear", _kernel(b, model, table), coef=model.dual_coef_, intercept=model.intercept_)
    return Prediction(classes=(-1, 1), labels=binary_labels(b, decision), decision=decision, values=decision)


@estimator("sklearn.SVC", "sklearn.NuSVC")
def classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """One decision per pair of classes; the label is the class with most wins, the first of equals."""
    classes, kernel = classes_of(model), _kernel(b, model, table)
    k = len(classes)
    if k == 2:
        decision = b.emit("linear", kernel, coef=model.dual_coef_, intercept=model.intercept_)
        # libsvm votes for the first class only where its own decision, the negative, is above 0.
        labels = binary_labels(b, decision, equal=True)
        negative = b.emit("multiply", decision, constant=-1.0)
        return Prediction(classes, labels, _platt(b, model, negative, k), decision)
    pairs = b.emit("linear", kernel, coef=_pair_weights(model), intercept=model._intercept_)
    over_rest = b.emit("pairs_over_rest", pairs, options={"n_classes": k})
    if model.break_ties and model.decision_function_shape == "ovr":
        labels = b.emit("argmax", over_rest)
    else:
        labels = b.emit("argmax", b.emit("pair_wins", pairs, options={"n_classes": k}))
    shown = over_rest if model.decision_function_shape == "ovr" else None
    return Prediction(classes, labels, _platt(b, model, pairs, k), shown)


def _platt(b: Builder, model: Any, pairs: int, k: int) -> int | None:
    # The public probA_ is deprecated, and warns.
    if not len(model._probA):
        return None
    return b.emit("platt", pairs, a=model._probA, b=model._probB, options={"n_classes": k})


def _pair_weights(model: Any) -> Array:
    """libsvm's coefficients as one row per pair of classes: it keeps, for each vector, one per other class."""
    coef, starts = model._dual_coef_, np.concatenate([[0], np.cumsum(model._n_support)])
    k = len(starts) - 1
    rows = []
    for i in range(k):
        for j in range(i + 1, k):
            row = np.zeros(coef.shape[1])
            row[starts[i] : starts[i + 1]] = coef[j - 1, starts[i] : starts[i + 1]]
            row[starts[j] : starts[j + 1]] = coef[i, starts[j] : starts[j + 1]]
            rows.append(row)
    return np.array(rows)
