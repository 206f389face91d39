"""Confidence intervals (95 %) that are calculated, not resampled: the same rows always give the same interval.

Where a score is no plain proportion or mean, its variance is the sum over the rows of their squared *influence*: how
much the score moves per weight that a row adds (the infinitesimal jackknife of Jaeckel 1972; Efron 1982, chapter 6).
It costs one pass over the rows and takes into account that one row moves the scores of several classes together.
"""

from __future__ import annotations

import numpy as np

from garcom.records import FloatArray
from garcom.stats.performance.score import Score, within

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def effective_rows(sample_weight: FloatArray) -> float:
    """How many rows of equal weight tell as much: (Σw)² / Σw² (Kish 1965); 0 for no weight at all."""
    squares = float(np.square(sample_weight).sum())
    return float(sample_weight.sum()) ** 2 / squares if squares > 0 else 0.0


def wilson(share: FloatArray | float, rows: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """The score interval of proportions (Wilson 1927), of as many (effective) ``rows`` each; (0, 1) for no rows.

    It holds its level for few rows and does not collapse at 0 and 1.
    """
    p, n = np.asarray(share, np.float64), np.maximum(np.asarray(rows, np.float64), 1e-12)
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return np.clip(middle - half, 0, p), np.clip(middle + half, p, 1)


def mean_of_shares(shares: FloatArray, low: FloatArray, high: FloatArray) -> tuple[float, float]:
    """The interval of the plain mean of independent proportions from their own (MOVER: Zou and Donner 2008)."""
    value, many = float(shares.mean()), len(shares)
    below = float(np.sqrt(np.square(shares - low).sum())) / many
    above = float(np.sqrt(np.square(high - shares).sum())) / many
    return value - below, value + above


def student_quantile(degrees: float) -> float:
    """The 97.5 % quantile of Student's distribution."""
    # Only what draws a mean's interval pays for this import.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))


def mean_score(values: FloatArray, sample_weight: FloatArray, floor: float = -np.inf, ceiling: float = np.inf) -> Score:
    """The weighted mean of at least one row, with Student's interval for the effective number of rows.

    Fewer than two effective rows have no interval, nor have rows that are all the same: how far others may be from them
    cannot be told.
    """
    value = float(np.average(values, weights=sample_weight))
    rows = effective_rows(sample_weight)
    if rows < 2 - 1e-9:
        return Score(value, n=len(values))
    influence = sample_weight / sample_weight.sum() * (values - value)
    error = float(np.sqrt(np.square(influence).sum() * rows / (rows - 1)))
    if error < 1e-12 * abs(value):
        return Score(value, n=len(values))
    half = student_quantile(rows - 1) * error
    return within(value, value - half, value + half, len(values), floor, ceiling)


def logit_interval(value: float, error: float) -> tuple[float, float]:
    """The interval of a share strictly between 0 and 1 with this standard error, symmetric on the logit scale.

    It stays inside (0, 1) and holds its level near the ends (for areas under curves: Boyd, Eng and Page 2013).
    """
    half = Z * error / (value * (1 - value))
    # A logit beyond ±700 is 0 or 1 in float64, and its exponential would overflow.
    low, high = np.clip(np.log(value / (1 - value)) + np.array([-half, half]), -700, 700)
    return float(1 / (1 + np.exp(-low))), float(1 / (1 + np.exp(-high)))


def log_interval(value: float, error: float) -> tuple[float, float]:
    """The interval of a positive number with this standard error, symmetric on the logarithmic scale."""
    # The exponential of more than 700 overflows in float64.
    low, high = np.clip(np.log(value) + np.array([-1, 1]) * Z * error / value, -700, 700)
    return float(np.exp(low)), float(np.exp(high))
