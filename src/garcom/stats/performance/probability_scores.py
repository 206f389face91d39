"""Scores of the probabilities themselves: log loss, Brier score and calibration error.

A true label that the model never answers had probability 0: it counts as the worst error.
"""

from __future__ import annotations

import numpy as np

from garcom.records import FloatArray, IntArray
from garcom.stats.calibration import bins_of
from garcom.stats.performance.intervals import mean_score
from garcom.stats.performance.score import Score, within

LEAST = float(np.finfo(np.float64).eps)
"""A probability below is taken for this, so that a log loss is finite (as scikit-learn does): at most 36.04 a row."""

DRAWS = 400


def log_losses(probabilities: FloatArray) -> FloatArray:
    """What each class would cost each row if it were the true one: -ln of its probability, ``[n, k]``."""
    return -np.log(np.clip(probabilities, LEAST, 1 - LEAST))


def brier_losses(probabilities: FloatArray) -> FloatArray:
    """What each class would cost each row if it were the true one: the squared distance, ``[n, k]``.

    For two classes (p - y)² of one of them (0 to 1), for more the sum over the classes (0 to 2), as in scikit-learn.
    """
    halves = 0.5 if probabilities.shape[1] == 2 else 1.0
    losses: FloatArray = halves * (np.square(probabilities).sum(axis=1)[:, None] + 1 - 2 * probabilities)
    return losses


def log_loss(y_true: IntArray, probabilities: FloatArray, sample_weight: FloatArray) -> Score:
    """The mean of -ln of the probability of the true label, with Student's interval."""
    known = y_true >= 0
    losses = np.full(len(y_true), -np.log(LEAST))
    losses[known] = log_losses(probabilities[known, y_true[known]])
    return mean_score(losses, sample_weight, floor=0)


def brier(y_true: IntArray, probabilities: FloatArray, sample_weight: FloatArray) -> Score:
    """The mean squared distance of the probabilities from the truth (Brier 1950), with Student's interval."""
    known = y_true >= 0
    halves = 0.5 if probabilities.shape[1] == 2 else 1.0
    of_truth = np.where(known, probabilities[np.arange(len(y_true)), np.where(known, y_true, 0)], 0.0)
    losses = halves * np.maximum(np.square(probabilities).sum(axis=1) + 1 - 2 * of_truth, 0.0)
    return mean_score(losses, sample_weight, floor=0, ceiling=2 * halves)


def calibration_error(
    y_true: IntArray, y_pred: IntArray, probabilities: FloatArray, sample_weight: FloatArray, positive: int | None
) -> Score:
    """The expected calibration error of the probability of ``positive``, or of the answered class for None.

    Chance makes this error larger, never smaller. The interval takes that back: each bin's gap is drawn anew around
    the one seen (400 draws, always the same), and by how much the error of the draws lies above the one seen, by so
    much the true one is taken to lie below (the basic bootstrap). It reaches down to 0 where chance alone would make as
    large an error in 1 of 40 windows. The value itself is always inside.
    """
    if positive is None:
        probability, outcome = probabilities[np.arange(len(y_pred)), y_pred], (y_pred == y_true).astype(np.float64)
    else:
        probability, outcome = probabilities[:, positive], (y_true == positive).astype(np.float64)
    share = sample_weight / sample_weight.sum()
    bins = bins_of(probability)
    gaps = np.bincount(bins, share * (outcome - probability))
    value = float(np.abs(gaps).sum())
    mean_gap = np.divide(gaps, weight := np.bincount(bins, share), out=np.zeros_like(gaps), where=weight > 0)
    # A bin whose rows all came true still has the variance that its probabilities say.
    seen = np.square(outcome - probability - mean_gap[bins])
    variance = np.bincount(bins, np.square(share) * np.maximum(seen, probability * (1 - probability)))
    drawn = np.random.default_rng(0).standard_normal((DRAWS, len(gaps)))
    noise = np.sqrt(variance) * drawn
    lower, upper = np.quantile(np.abs(gaps + noise).sum(axis=1), (0.025, 0.975))
    by_chance = value <= np.quantile(np.abs(noise).sum(axis=1), 0.975)
    return within(value, 0 if by_chance else 2 * value - upper, 2 * value - lower, len(y_true), 0, 1)
