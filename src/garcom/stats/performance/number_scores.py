"""Scores of predicted numbers: MAE, RMSE, MAPE, R², quantile loss and bias.

All of them take at least one row without NaN and weights that add up to something.
"""

from __future__ import annotations

import numpy as np

from garcom.records import FloatArray
from garcom.stats.performance import intervals
from garcom.stats.performance.score import Score, undefined, within


def mae(y_true: FloatArray, y_pred: FloatArray, sample_weight: FloatArray) -> Score:
    """The mean absolute error, with Student's interval."""
    return intervals.mean_score(np.abs(y_pred - y_true), sample_weight, floor=0)


def bias(y_true: FloatArray, y_pred: FloatArray, sample_weight: FloatArray) -> Score:
    """The mean of prediction minus truth (positive: predicted too high), with Student's interval."""
    return intervals.mean_score(y_pred - y_true, sample_weight)


def quantile_loss(y_true: FloatArray, y_pred: FloatArray, sample_weight: FloatArray, quantile: float) -> Score:
    """The pinball loss of a predicted ``quantile`` (Koenker and Bassett 1978); for 0.5 half the MAE."""
    gap = y_true - y_pred
    return intervals.mean_score(np.maximum(quantile * gap, (quantile - 1) * gap), sample_weight, floor=0)


def mape(y_true: FloatArray, y_pred: FloatArray, sample_weight: FloatArray) -> Score:
    """The mean absolute error as a share of the truth (0.1 is 10 %); undefined where a truth is 0."""
    if zeros := int((y_true == 0).sum()):
        return undefined(f"no share of 0: {zeros} of {len(y_true)} actuals are 0", len(y_true))
    with np.errstate(over="ignore"):
        shares = np.abs((y_pred - y_true) / y_true)
    # Beyond, the variance overflows.
    if not shares.max() < 1e100:
        return undefined("some actuals are too near to 0 to divide by", len(y_true))
    return intervals.mean_score(shares, sample_weight, floor=0)


def rmse(y_true: FloatArray, y_pred: FloatArray, sample_weight: FloatArray) -> Score:
    """The root of the mean squared error; the interval is that of the mean square, on the logarithmic scale."""
    square = intervals.mean_score(np.square(y_pred - y_true), sample_weight, floor=0)
    assert square.value is not None
    if square.high is None or square.value == 0:
        return square._replace(value=float(np.sqrt(square.value)))
    half = (square.high - square.value) / intervals.Z
    low, high = intervals.log_interval(square.value, half)
    return within(float(np.sqrt(square.value)), float(np.sqrt(low)), float(np.sqrt(high)), square.n, 0, np.inf)


def r2(y_true: FloatArray, y_pred: FloatArray, sample_weight: FloatArray) -> Score:
    """The share of the variance of the truth that the predictions explain: 1 is perfect, negative worse than its mean.

    The interval is that of 1 - R² on the logarithmic scale, from the rows' influence on both sums of squares.
    """
    n = len(y_true)
    share = sample_weight / sample_weight.sum()
    if n < 2 or (y_true == y_true[0]).all():
        return undefined("the actuals are all the same" if n > 1 else "not enough rows: 1 of 2", n)
    squares, deviations = np.square(y_pred - y_true), np.square(y_true - share @ y_true)
    left, spread = float(share @ squares), float(share @ deviations)
    # Their variance may underflow, or nearly.
    if not spread > left * 1e-100:
        return undefined("the actuals are nearly all the same", n)
    ratio = left / spread
    if ratio == 0:
        return Score(1.0, 1.0, 1.0, n)
    error = float(np.sqrt(np.square(share * (squares / left - deviations / spread)).sum())) * ratio
    low, high = intervals.log_interval(ratio, error)
    return within(1 - ratio, 1 - high, 1 - low, n, -np.inf, 1)
