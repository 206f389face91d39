"""Multi-layer perceptrons."""

from __future__ import annotations

from typing import Any

from garcom.model.lowering.answers import binary_labels, classes_of
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.registry import estimator

_ACTIVATIONS = {"relu": ("relu", {}), "tanh": ("function", {"name": "tanh"}), "logistic": ("expit", {})}


def _output(b: Builder, model: Any, table: Table) -> int:
    """The last layer's sums, before its own activation."""
    value, last = b.numbers(table, model), len(model.coefs_) - 1
    for number, (coef, intercept) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        value = b.emit("shift", b.emit("product", value, matrix=coef), constant=intercept)
        if number != last and model.activation != "identity":
            op, options = _ACTIVATIONS[model.activation]
            value = b.emit(op, value, options=options)
    return value


@estimator("sklearn.MLPClassifier")
def classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """Two classes: above a half. More: the largest output."""
    if model._label_binarizer.y_type_.startswith("multilabel"):
        raise NotLowerable("MLPClassifier of several labels per row cannot be carried as arrays.")
    classes, output = classes_of(model), _output(b, model, table)
    if len(classes) == 2:
        positive = b.emit("expit", output)
        return Prediction(classes, binary_labels(b, positive, threshold=0.5), b.emit("pair", positive))
    probabilities = b.emit("softmax", output)
    return Prediction(classes, b.emit("argmax", probabilities), probabilities)


@estimator("sklearn.MLPRegressor")
def regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The outputs themselves; the exponential for the Poisson loss."""
    output = _output(b, model, table)
    if model.out_activation_ not in ("identity", "exp"):
        raise NotLowerable(f"MLPRegressor has the unknown output {model.out_activation_}.")
    value = b.emit("exp", output) if model.out_activation_ == "exp" else output
    return Prediction(values=value, n_targets=model.n_outputs_)
