"""All scores of a task at once, for rows as they come: some without truth, some with labels unheard of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray
from garcom.stats.performance import label_scores, number_scores, probability_scores, ranking
from garcom.stats.performance.business_value import business_value
from garcom.stats.performance.confusion import confusion, count
from garcom.stats.performance.score import Score, undefined

__all__ = [
    "CLASSIFICATION",
    "REGRESSION",
    "Score",
    "classification_scores",
    "confusion",
    "regression_scores",
]

OF_LABELS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc")
OF_PROBABILITIES = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")
CLASSIFICATION = (*OF_LABELS, *OF_PROBABILITIES, "business_value")
REGRESSION = ("mae", "rmse", "mape", "r2", "quantile_loss", "bias")
LARGEST = 1e70
"""Beyond, the variance of squared errors overflows."""


def classification_scores(
    y_true: IntArray,
    y_pred: IntArray,
    n_classes: int,
    probabilities: FloatArray | None = None,
    *,
    positive: int | None = None,
    sample_weight: FloatArray | None = None,
    cost: FloatArray | None = None,
    min_rows: int = 1,
) -> dict[str, Score]:
    """Every score in ``CLASSIFICATION``, by name, each with its 95 % interval or with the reason why it is not there.

    ``y_true`` and ``y_pred`` are positions among ``n_classes`` classes, int64 ``[n]``. -1 in ``y_true`` is a label that
    the model never answers: an error, in every score. With two classes ``precision``, ``recall``, ``f1``, ``roc_auc``
    and ``average_precision`` are those of ``positive`` (None: the second), with more the means over the classes, unless
    ``positive`` names one. ``probabilities`` are ``[n, n_classes]``; rows with NaN among them are left out of what
    needs them. ``cost[i, j]`` is the value of answering ``j`` where ``i`` is true. Rows without weight are left out;
    each score's ``n`` is the number of rows that made it, and below ``min_rows`` there is none.

    Raises InputError for positions, weights and shapes that cannot be.
    """
    y_true, y_pred, weight = np.asarray(y_true), np.asarray(y_pred), _weights(sample_weight, len(y_true))
    _require_length("y_pred", y_pred, len(y_true))
    if probabilities is not None and probabilities.shape != (len(y_true), n_classes):
        raise InputError(f"Expected probabilities {(len(y_true), n_classes)}, got {probabilities.shape}.")
    if cost is not None and cost.shape[-1] != n_classes:
        raise InputError(f"Expected a cost matrix with {n_classes} columns, got {cost.shape}.")
    positive = positive_class(positive, n_classes)
    count(y_true, y_pred, n_classes)
    kept: npt.NDArray[np.bool_] = weight > 0
    y_true, y_pred, weight = y_true[kept], y_pred[kept], weight[kept]
    n, few = len(y_true), _too_few(int(kept.sum()), len(kept), min_rows)
    if few:
        found = dict.fromkeys(OF_LABELS, few)
    else:
        counts = count(y_true, y_pred, n_classes, None if sample_weight is None else weight)
        found = {
            "accuracy": label_scores.accuracy(counts, n),
            "balanced_accuracy": label_scores.balanced_accuracy(counts, n),
            "precision": label_scores.precision(counts, n, positive),
            "recall": label_scores.recall(counts, n, positive),
            "f1": label_scores.f1(counts, n, positive),
            "mcc": label_scores.mcc(counts, n),
        }
    table = None if probabilities is None else probabilities[kept]
    found |= _of_probabilities(y_true, y_pred, table, weight, positive, min_rows)
    if cost is None:
        found["business_value"] = undefined("no cost matrix is given", n)
    else:
        found["business_value"] = few or business_value(y_true, y_pred, np.asarray(cost, np.float64), weight)
    return found


def _of_probabilities(
    y_true: IntArray,
    y_pred: IntArray,
    probabilities: FloatArray | None,
    weight: FloatArray,
    positive: int | None,
    min_rows: int,
) -> dict[str, Score]:
    if probabilities is None:
        return dict.fromkeys(OF_PROBABILITIES, undefined("the model gives no probabilities", len(y_true)))
    kept = ~np.isnan(probabilities.sum(axis=1))
    if few := _too_few(int(kept.sum()), len(kept), min_rows, "without a probability"):
        return dict.fromkeys(OF_PROBABILITIES, few)
    y_true, y_pred, table, weight = y_true[kept], y_pred[kept], probabilities[kept], weight[kept]
    if table.min() < 0 or table.max() > 1 + 1e-6:
        strange = table[(table < 0) | (table > 1 + 1e-6)][0]
        raise InputError(f"Expected probabilities between 0 and 1, got {strange}.")
    return {
        "roc_auc": ranking.roc_auc(y_true, table, weight, positive),
        "average_precision": ranking.average_precision(y_true, table, weight, positive),
        "log_loss": probability_scores.log_loss(y_true, table, weight),
        "brier": probability_scores.brier(y_true, table, weight),
        "calibration_error": probability_scores.calibration_error(y_true, y_pred, table, weight, positive),
    }


def regression_scores(
    y_true: FloatArray,
    y_pred: FloatArray,
    *,
    sample_weight: FloatArray | None = None,
    quantile: float = 0.5,
    min_rows: int = 1,
) -> dict[str, Score]:
    """Every score in ``REGRESSION``, by name, each with its 95 % interval or with the reason why it is not there.

    ``y_true`` and ``y_pred`` are float64 ``[n]``. Rows in which one of them is NaN or infinite, or without weight, are
    left out; each score's ``n`` is the number of rows that made it, and below ``min_rows`` there is none.
    ``quantile`` (0 to 1) is the one that the model predicts, for the quantile loss. Raises InputError for weights and
    shapes that cannot be.
    """
    y_true, y_pred = np.asarray(y_true, np.float64), np.asarray(y_pred, np.float64)
    _require_length("y_pred", y_pred, len(y_true))
    if not 0 <= quantile <= 1:
        raise InputError(f"Expected a quantile between 0 and 1, got {quantile}.")
    weight = _weights(sample_weight, len(y_true))
    kept = np.isfinite(y_true) & np.isfinite(y_pred) & (weight > 0)
    if few := _too_few(int(kept.sum()), len(kept), min_rows, "without a truth or a prediction"):
        return dict.fromkeys(REGRESSION, few)
    y_true, y_pred, weight = y_true[kept], y_pred[kept], weight[kept]
    if max(np.abs(y_true).max(), np.abs(y_pred).max()) > LARGEST:
        return dict.fromkeys(REGRESSION, undefined(f"numbers beyond {LARGEST:.0e} are not scored", len(y_true)))
    return {
        "mae": number_scores.mae(y_true, y_pred, weight),
        "rmse": number_scores.rmse(y_true, y_pred, weight),
        "mape": number_scores.mape(y_true, y_pred, weight),
        "r2": number_scores.r2(y_true, y_pred, weight),
        "quantile_loss": number_scores.quantile_loss(y_true, y_pred, weight, quantile),
        "bias": number_scores.bias(y_true, y_pred, weight),
    }


def positive_class(positive: int | None, n_classes: int) -> int | None:
    """The class that scores of one class are about: the second of two, if no other is named; None for all classes."""
    if positive is None:
        return 1 if n_classes == 2 else None
    if not 0 <= positive < n_classes:
        raise InputError(f"Expected a positive class from 0 to {n_classes - 1}, got {positive}.")
    return positive


def _weights(sample_weight: FloatArray | None, n: int) -> FloatArray:
    """Weights of at most 1, so that neither tiny nor huge ones lose digits."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, np.float64)
    _require_length("sample_weight", weight, n)
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise InputError("Expected finite weights of at least 0 in sample_weight.")
    largest = weight.max(initial=0.0)
    weight = weight / largest if largest else weight
    # So little moves no score, but its square would underflow and its inverse overflow.
    return np.where(weight < 1e-50, 0.0, weight)


def _require_length(name: str, values: npt.NDArray[Any], n: int) -> None:
    if values.shape != (n,):
        raise InputError(f"Expected {n} values in {name}, as in y_true, got {values.shape}.")


def _too_few(n: int, of: int, min_rows: int, without: str = "without weight") -> Score | None:
    if n >= max(min_rows, 1):
        return None
    more = f" ({of - n} more {without})" if of > n else ""
    return undefined(f"not enough rows: {n} of {max(min_rows, 1)}{more}", n)
