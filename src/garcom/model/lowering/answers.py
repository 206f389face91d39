"""From what an estimator gives to what the signature promises, and the links that many estimators share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from garcom.model.engines.arrays.program import Result
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction


def classes_of(model: Any) -> tuple[Any, ...]:
    """The model's classes as Python values. Raises :class:`NotLowerable` for several targets."""
    classes = model.classes_
    if isinstance(classes, list) or np.ndim(classes) != 1:
        raise NotLowerable(f"{type(model).__name__} classifies several targets at once.")
    return tuple(np.asarray(classes).tolist())


def binary_labels(b: Builder, decision: int, *, threshold: float = 0.0, equal: bool = False, column: int = 0) -> int:
    """Label 1 where the decision is above the threshold."""
    return b.emit("above", decision, threshold=threshold, options={"column": column, "equal": equal})


def from_decision(b: Builder, classes: tuple[Any, ...], decision: int, probabilities: int | None) -> Prediction:
    """A classifier whose label is the sign, or the largest, of its decisions."""
    labels = binary_labels(b, decision) if len(classes) == 2 else b.emit("argmax", decision)
    return Prediction(classes, labels, probabilities, decision)


def from_probabilities(
    b: Builder, classes: tuple[Any, ...], probabilities: int, decision: int | None = None
) -> Prediction:
    """A classifier whose label is the most probable class, the first of equals."""
    return Prediction(classes, b.emit("argmax", probabilities), probabilities, decision)


def need(value: int | None, model: object, method: str) -> int:
    """The value, or :class:`NotLowerable` where the estimator does not give it."""
    if value is None:
        raise NotLowerable(f"{type(model).__name__} has no {method} that can be carried as arrays.")
    return value


def predicted(b: Builder, prediction: Prediction, model: object) -> int:
    """What ``predict`` answers as numbers, ``[n, n_targets]``: classes have to be numbers then."""
    if prediction.values is not None:
        return prediction.values
    labels = need(prediction.labels, model, "predict")
    values = np.asarray(prediction.classes)
    if values.dtype.kind not in "biuf":
        raise NotLowerable(f"{type(model).__name__} predicts texts, and a step of the model computes with them.")
    return b.emit("class_values", labels, values=values.astype(np.float64))


def renamed(b: Builder, prediction: Prediction, classes: tuple[Any, ...]) -> Prediction:
    """A classifier trained on encoded labels ``0 … k-1``, under the names ``classes``."""
    inner = prediction.classes or ()
    if inner == tuple(range(len(classes))):
        return replace(prediction, classes=classes)
    return replace(prediction, classes=tuple(classes[int(position)] for position in inner))


def results(b: Builder, prediction: Prediction, model: object) -> dict[Result, int]:
    """The program's results for the signature's task. Raises :class:`NotLowerable` where the model cannot give them."""
    output = b.signature.output
    if output.task == "regression":
        found: dict[Result, int] = {"values": predicted(b, prediction, model)}
        if output.names and len(output.names) != prediction.n_targets:
            raise NotLowerable(
                f"The signature names {len(output.names)} targets, the model has {prediction.n_targets}."
            )
        return found
    labels = need(prediction.labels, model, "predict")
    order = _order(prediction.classes or (), output.classes)
    if order != list(range(len(output.classes))):
        labels = b.emit("relabel", labels, index=order)
    found = {"labels": labels}
    if output.task == "outlier":
        found["values"] = need(prediction.values, model, "decision_function")
    if output.task == "classification" and output.probabilities:
        probabilities = need(prediction.probabilities, model, "predict_proba")
        if order != list(range(len(output.classes))):
            probabilities = b.emit("columns", probabilities, index=np.argsort(order))
        found["probabilities"] = probabilities
    return found


def _order(classes: tuple[Any, ...], expected: tuple[Any, ...]) -> list[int]:
    """Where each class of the model stands in the signature."""
    if classes == expected or [str(value) for value in classes] == [str(value) for value in expected]:
        return list(range(len(expected)))
    if len(classes) != len(expected) or any(value not in expected for value in classes):
        raise NotLowerable(f"The signature has the classes {list(expected)}, the model {list(classes)}.")
    return [expected.index(value) for value in classes]
