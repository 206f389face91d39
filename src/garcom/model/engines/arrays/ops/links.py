"""Operations that turn scores into answers: link functions, probabilities, labels."""

from __future__ import annotations

import numpy as np

from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Array, Step
from garcom.records import FloatArray, IntArray


def expit(x: FloatArray) -> FloatArray:
    """The logistic function. Below -709, where ``exp`` overflows, it stays at 1e-308 instead of going to 0."""
    return 1.0 / (1.0 + np.exp(np.minimum(-x, 709.0)))


@operation("expit")
def expit_operation(step: Step) -> Call:
    """The logistic function, element by element."""
    return expit


@operation("pair")
def pair(step: Step) -> Call:
    """``[1 - p, p]`` from one column ``p``."""

    def call(p: FloatArray) -> FloatArray:
        result = np.empty((len(p), 2))
        result[:, 1:] = p
        np.subtract(1.0, p, out=result[:, :1])
        return result

    return call


@operation("binary_probabilities")
def binary_probabilities(step: Step) -> Call:
    """``[1 - expit(d), expit(d)]`` from one column of decisions."""

    def call(decision: FloatArray) -> FloatArray:
        result = np.empty((len(decision), 2))
        positive = result[:, 1:]
        np.minimum(-decision, 709.0, out=positive)
        np.exp(positive, out=positive)
        positive += 1.0
        np.reciprocal(positive, out=positive)
        np.subtract(1.0, positive, out=result[:, :1])
        return result

    return call


@operation("softmax")
def softmax(step: Step) -> Call:
    """Row-wise softmax, the largest score subtracted first."""

    def call(scores: FloatArray) -> FloatArray:
        result: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
        result /= result.sum(axis=1, keepdims=True)
        return result

    return call


@operation("softmax_binary_logit")
def softmax_binary_logit(step: Step) -> Call:
    """Softmax of ``[-d, d]`` from one column of decisions."""

    def call(decision: FloatArray) -> FloatArray:
        scores = np.concatenate([-decision, decision], axis=1)
        result: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
        result /= result.sum(axis=1, keepdims=True)
        return result

    return call


@operation("share")
def share(step: Step) -> Call:
    """Each row divided by its sum; a row of zeros becomes uniform."""

    def call(p: FloatArray) -> FloatArray:
        total = p.sum(axis=1, keepdims=True)
        return np.where(total == 0, 1.0 / p.shape[1], p / np.where(total == 0, 1.0, total))

    return call


@operation("exp")
def exp(step: Step) -> Call:
    """``e ** X``."""
    return np.exp


@operation("clip")
def clip(step: Step) -> Call:
    """Values limited to ``low`` and ``high``."""
    low, high = step.options["low"], step.options["high"]
    return lambda X: X.clip(low, high)


@operation("argmax")
def argmax(step: Step) -> Call:
    """The position of each row's largest value, the first of equals."""

    def call(scores: FloatArray) -> IntArray:
        return scores.argmax(axis=1)

    return call


@operation("argmin")
def argmin(step: Step) -> Call:
    """The position of each row's smallest value, the first of equals."""

    def call(scores: FloatArray) -> IntArray:
        return scores.argmin(axis=1)

    return call


@operation("above")
def above(step: Step) -> Call:
    """1 where column ``column`` is greater than ``threshold`` (with ``equal``: or equal to it), else 0."""
    column, threshold, equal = step.options["column"], step.arrays["threshold"], step.options["equal"]

    def call(scores: FloatArray) -> IntArray:
        values = scores[:, column]
        return (values >= threshold if equal else values > threshold).astype(np.int64)

    return call


@operation("relabel")
def relabel(step: Step) -> Call:
    """Labels renumbered: label ``i`` becomes ``index[i]``."""
    index = step.arrays["index"]
    return lambda labels: index.take(labels)


@operation("votes")
def votes(step: Step) -> Call:
    """The inputs, labels of several models, as votes: ``[n, n_classes]`` sums of ``weights``."""
    n_classes, weights = step.options["n_classes"], step.arrays["weights"]

    def call(*labels: IntArray) -> FloatArray:
        result = np.zeros((len(labels[0]), n_classes))
        rows = np.arange(len(labels[0]))
        for label, weight in zip(labels, weights, strict=True):
            result[rows, label] += weight
        return result

    return call


@operation("class_values")
def class_values(step: Step) -> Call:
    """Labels as one column of the classes' numbers."""
    values = step.arrays["values"]
    return lambda labels: values.take(labels)[:, np.newaxis]


@operation("place")
def place(step: Step) -> Call:
    """The input's columns put at ``index`` among ``width`` columns of zeros."""
    index, width = step.arrays["index"], step.options["width"]

    def call(X: Array) -> FloatArray:
        result = np.zeros((len(X), width))
        result[:, index] = X
        return result

    return call
