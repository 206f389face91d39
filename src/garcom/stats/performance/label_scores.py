"""Scores of answered labels, from the confusion matrix alone: accuracy, precision, recall, F1, MCC.

The values are those of scikit-learn on the same arrays with ``zero_division=0`` and, over several classes,
``average="macro"``: every class among the actuals or the answers has the same weight, and true labels that the model
never answers are together one more class, with recall, precision and F1 0. Where scikit-learn would put 0 or warn
because *nothing* defines a score, the answer here is None and why.
"""

from __future__ import annotations

import numpy as np

from garcom.records import FloatArray
from garcom.stats.performance import intervals
from garcom.stats.performance.confusion import Counts
from garcom.stats.performance.score import Score, undefined, within

ONE_CLASS = "only one class among the actuals"


def accuracy(counts: Counts, n: int) -> Score:
    """The share of right answers, with Wilson's interval."""
    matrix = counts.matrix
    return _share(float(counts.right.sum()), float(matrix.sum()), float(counts.squares.sum()), n)


def balanced_accuracy(counts: Counts, n: int) -> Score:
    """The mean over the classes among the actuals of the share of their rows that were answered right."""
    among = counts.actual > 0
    if among.sum() < 2:
        return undefined(ONE_CLASS, n)
    return _mean_share(counts.right[among], counts.actual[among], counts.squares.sum(axis=1)[among], n)


def precision(counts: Counts, n: int, positive: int | None) -> Score:
    """The share of the answers of ``positive`` that were right; the mean over the classes for None."""
    squares = np.append(counts.squares.sum(axis=0), 0.0)
    if positive is None:
        among = counts.present
        return _mean_share(counts.right[among], counts.answered[among], squares[among], n)
    if not counts.answered[positive]:
        return undefined("the positive class was never answered", n)
    return _share(counts.right[positive], counts.answered[positive], squares[positive], n)


def recall(counts: Counts, n: int, positive: int | None) -> Score:
    """The share of the rows of class ``positive`` that were answered right; the mean over the classes for None."""
    squares = counts.squares.sum(axis=1)
    if positive is None:
        among = counts.present
        return _mean_share(counts.right[among], counts.actual[among], squares[among], n)
    if not counts.actual[positive]:
        return undefined("no actual is of the positive class", n)
    return _share(counts.right[positive], counts.actual[positive], squares[positive], n)


def f1(counts: Counts, n: int, positive: int | None) -> Score:
    """The harmonic mean of precision and recall of ``positive``; the mean over the classes for None.

    F1 rises with J = tp / (tp + fp + fn), a proportion, so its interval is Wilson's for J, transformed (Lam 2024,
    "Confidence intervals for the F1 score: a comparison of four methods"). The mean over classes takes the wider of
    those combined and the influence of the rows (Takahashi et al. 2022), since one error touches two classes.
    """
    right, actual, answered = counts.right, counts.actual, counts.answered
    by_class = _ratio(2 * right, actual + answered)
    if positive is None:
        low, high = _f1_limits(counts)
        among = counts.present
        value = float(by_class[among].mean())
        lowest, highest = intervals.mean_of_shares(by_class[among], low[among], high[among])
        half = intervals.Z * float(np.sqrt((counts.squares * np.square(f1_influence(counts, None))).sum()))
        return within(value, min(lowest, value - half), max(highest, value + half), n, 0, 1)
    if not counts.present[positive]:
        return undefined("the positive class is neither among the actuals nor among the answers", n)
    low, high = _f1_limits(counts)
    return within(float(by_class[positive]), float(low[positive]), float(high[positive]), n, 0, 1)


def mcc(counts: Counts, n: int) -> Score:
    """The correlation of actuals and answers (Matthews 1975; for several classes R_K of Gorodkin 2004), -1 to 1.

    The interval is symmetric on Fisher's z scale, with the variance from the rows' influence on the matrix plus two
    rows spread over all cells (an addition that makes an interval of a perfect score, as Agresti and Coull's does).
    """
    if (counts.actual > 0).sum() < 2:
        return undefined(ONE_CLASS, n)
    if (counts.answered > 0).sum() < 2:
        return undefined("only one class among the answers", n)
    total = float(counts.matrix.sum())
    # Next to one class of 10^12 times its weight, another is lost among the rounding errors.
    if min(_mcc_parts(counts.matrix)[1:]) < 1e-12 * total**2:
        return undefined("nearly only one class among the actuals or the answers", n)
    value = _mcc(counts.matrix)
    known = counts.matrix.shape[1]
    # Two rows as heavy as the rows are.
    added = 2 / known**2 * float(counts.squares.sum() / counts.matrix.sum())
    padding = np.zeros_like(counts.matrix)
    padding[:known] = added
    matrix = counts.matrix + padding
    squares = counts.squares + padding * float(counts.squares.sum() / counts.matrix.sum())
    middle = _mcc(matrix)
    error = float(np.sqrt((squares * np.square(mcc_influence(matrix))).sum()))
    half = intervals.Z * error / (1 - middle**2)
    low, high = np.tanh(np.arctanh(middle) + np.array([-half, half]))
    return within(value, float(low), float(high), n, -1, 1)


def accuracy_influence(counts: Counts) -> FloatArray:
    """How far one more row in each cell of the matrix moves the accuracy, per weight; shape of the matrix."""
    total = float(counts.matrix.sum())
    moved: FloatArray = (_diagonal(counts) - float(counts.right.sum()) / total) / total
    return moved


def recall_influence(counts: Counts, positive: int | None, *, balanced: bool = False) -> FloatArray:
    """The same for :func:`recall`, or for :func:`balanced_accuracy`: the mean over the actual classes only."""
    actual = counts.actual
    share = _ratio(counts.right, actual)
    per_row = _ratio(1.0, actual)
    moved: FloatArray = (_diagonal(counts) - share[:, None]) * per_row[:, None]
    if positive is None:
        return moved / float((actual > 0 if balanced else counts.present).sum())
    moved[np.arange(len(actual)) != positive] = 0
    return moved


def precision_influence(counts: Counts, positive: int | None) -> FloatArray:
    """The same for :func:`precision`."""
    answered = counts.answered[:-1]
    share = _ratio(counts.right[:-1], answered)
    per_row = _ratio(1.0, answered)
    moved: FloatArray = (_diagonal(counts) - share) * per_row
    return moved / float(counts.present.sum()) if positive is None else moved * (np.arange(len(answered)) == positive)


def f1_influence(counts: Counts, positive: int | None) -> FloatArray:
    """The same for :func:`f1`."""
    both = counts.actual + counts.answered
    per_row = _ratio(1.0, both)
    if positive is not None:
        per_row = per_row * (np.arange(len(both)) == positive)
    share = 2 * counts.right * _ratio(1.0, both)
    lost = share * per_row
    moved = 2 * _diagonal(counts) * per_row[:-1] - lost[:, None] - lost[:-1]
    return moved / float(counts.present.sum()) if positive is None else moved


def mcc_influence(matrix: FloatArray) -> FloatArray:
    """The same for :func:`mcc`, of a matrix that has two classes on both sides."""
    total, right, actual, answered = _mcc_sums(matrix)
    covariance, of_answers, of_actuals = _mcc_parts(matrix)
    root = np.sqrt(of_answers * of_actuals)
    diagonal = np.eye(*matrix.shape)
    turned = np.append(answered, 0.0)
    moved = diagonal * total + right - actual[:-1] - turned[:, None]
    relative = (total - answered) / of_answers + ((total - actual) / of_actuals)[:, None]
    return np.asarray(moved / root - covariance / root * relative, np.float64)


def _ratio(amounts: FloatArray | float, totals: FloatArray) -> FloatArray:
    """Amounts per total, 0 where the total is 0."""
    return np.divide(amounts, totals, out=np.zeros_like(totals), where=totals > 0)


def _diagonal(counts: Counts) -> FloatArray:
    return np.eye(*counts.matrix.shape)


def _share(right: float, total: float, squares: float, n: int) -> Score:
    share = min(right / total, 1.0)
    low, high = intervals.wilson(share, total**2 / squares)
    return within(share, float(low), float(high), n, 0, 1)


def _mean_share(right: FloatArray, total: FloatArray, squares: FloatArray, n: int) -> Score:
    shares = _ratio(right, total)
    rows = _ratio(total**2, squares)
    low, high = intervals.wilson(shares, rows)
    # A class that defines no share counts as 0 by convention, which is not uncertain.
    lowest, highest = intervals.mean_of_shares(shares, low, np.where(total > 0, high, shares))
    return within(float(shares.mean()), lowest, highest, n, 0, 1)


def _f1_limits(counts: Counts) -> tuple[FloatArray, FloatArray]:
    right = counts.right
    union = counts.actual + counts.answered - right
    squares = counts.squares.sum(axis=1) + np.append(counts.squares.sum(axis=0) - np.diagonal(counts.squares), 0.0)
    share = _ratio(right, union)
    low, high = intervals.wilson(share, _ratio(union**2, squares))
    # The labels that are never answered have F1 0, whatever their number.
    high[-1] = 0.0
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _mcc(matrix: FloatArray) -> float:
    covariance, of_answers, of_actuals = _mcc_parts(matrix)
    return float(np.clip(covariance / np.sqrt(of_answers * of_actuals), -1, 1))


def _mcc_sums(matrix: FloatArray) -> tuple[float, float, FloatArray, FloatArray]:
    return float(matrix.sum()), float(np.trace(matrix)), matrix.sum(axis=1), matrix.sum(axis=0)


def _mcc_parts(matrix: FloatArray) -> tuple[float, float, float]:
    total, right, actual, answered = _mcc_sums(matrix)
    return (
        right * total - float(answered @ actual[:-1]),
        total**2 - float(np.square(answered).sum()),
        total**2 - float(np.square(actual).sum()),
    )
