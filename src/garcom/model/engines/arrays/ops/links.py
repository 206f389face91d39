"""Operations that turn scores into answers: link functions, probabilities, labels."""

from __future__ import annotations

import operator

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

    return lambda p: np.concatenate((1.0 - p, p), axis=1)


@operation("binary_probabilities")
def binary_probabilities(step: Step) -> Call:
    """``[1 - expit(d), expit(d)]`` from one column of decisions."""

    def call(decision: FloatArray) -> FloatArray:
        if len(decision) == 1:
            # The same steps on one number: a third of the time, for the most frequent batch.
            one = 1.0 / (1.0 + float(np.exp(min(-decision.item(), 709.0))))
            return np.array([[1.0 - one, one]])
        p = expit(decision)
        return np.concatenate((1.0 - p, p), axis=1)

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
        position: IntArray = scores.argmax(axis=1)
        return position

    return call


@operation("argmin")
def argmin(step: Step) -> Call:
    """The position of each row's smallest value, the first of equals."""

    def call(scores: FloatArray) -> IntArray:
        position: IntArray = scores.argmin(axis=1)
        return position

    return call


@operation("above")
def above(step: Step) -> Call:
    """1 where column ``column`` is greater than ``threshold`` (with ``equal``: or equal to it), else 0."""
    column, threshold, equal = step.options["column"], float(step.arrays["threshold"]), step.options["equal"]
    compare = operator.ge if equal else operator.gt

    def call(scores: FloatArray) -> IntArray:
        if len(scores) == 1:
            return np.array([compare(scores.item(column), threshold)], dtype=np.int64)
        found: IntArray = compare(scores[:, column], threshold).astype(np.int64)
        return found

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


@operation("logit")
def logit(step: Step) -> Call:
    """``log(p / (1 - p))``."""
    return lambda p: np.log(p / (1.0 - p))


@operation("share_or_zero")
def share_or_zero(step: Step) -> Call:
    """Each row divided by its sum; a row of zeros stays."""

    def call(p: FloatArray) -> FloatArray:
        total = p.sum(axis=1, keepdims=True)
        return p / np.where(total == 0, 1.0, total)

    return call


@operation("interpolate")
def interpolate(step: Step) -> Call:
    """Piecewise linear through the points ``x``, ``y``, constant outside, as scipy's interp1d rounds it."""
    x, y = step.arrays["x"], step.arrays["y"]
    if len(x) == 1:
        return lambda scores: np.full(scores.shape, y[0])

    def call(scores: FloatArray) -> FloatArray:
        return np.interp(scores, x, y)

    return call


@operation("float64")
def float64(step: Step) -> Call:
    """A float32 matrix as float64."""
    return lambda X: X.astype(np.float64)


@operation("expit_single")
def expit_single(step: Step) -> Call:
    """The logistic function in float32, as XGBoost computes it."""
    one, limit, tiny = np.float32(1.0), np.float32(88.7), np.float32(1e-16)
    return lambda x: one / (np.exp(np.minimum(-x, limit)) + one + tiny)


@operation("pair_single")
def pair_single(step: Step) -> Call:
    """``[1 - p, p]`` from one float32 column, subtracted in float32, as float64."""
    one = np.float32(1.0)
    return lambda p: np.concatenate((one - p, p), axis=1).astype(np.float64)


@operation("softmax_single")
def softmax_single(step: Step) -> Call:
    """Row-wise softmax in float32 with a float64 sum, as XGBoost computes it; the result as float64."""

    def call(scores: Array) -> FloatArray:
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        # Added from left to right.
        total = np.add.accumulate(powers, axis=1, dtype=np.float64)[:, -1:].astype(np.float32)
        result: FloatArray = (powers / total).astype(np.float64)
        return result

    return call


@operation("exp_normalized")
def exp_normalized(step: Step) -> Call:
    """``exp`` of each row less its log-sum-exp."""

    def call(joint: FloatArray) -> FloatArray:
        largest = joint.max(axis=1, keepdims=True)
        result: FloatArray = np.exp(joint - (largest + np.log(np.exp(joint - largest).sum(axis=1, keepdims=True))))
        return result

    return call


@operation("gaussian_joint")
def gaussian_joint(step: Step) -> Call:
    """``constant`` less half the squared, scaled distances to the classes' means, ``[n, n_classes]``."""
    theta, var, constant = step.arrays["theta"], step.arrays["var"], step.arrays["constant"]
    classes = list(zip(theta, var, constant.tolist(), strict=True))

    def call(X: FloatArray) -> FloatArray:
        columns = [value - 0.5 * ((X - mean) ** 2 / spread).sum(axis=1) for mean, spread, value in classes]
        return np.stack(columns, axis=1)

    return call


@operation("relu")
def relu(step: Step) -> Call:
    """Numbers below 0 become 0."""
    return lambda X: np.maximum(X, 0.0)


@operation("constant_label")
def constant_label(step: Step) -> Call:
    """The same label for every row."""
    label = step.options["label"]
    return lambda X: np.full(len(X), label, dtype=np.int64)
