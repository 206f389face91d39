"""How well probabilities rank the rows: areas under the ROC and the precision–recall curve.

For several classes each class against the others, and the mean over the classes that are among the actuals (and have
others beside them). Tied probabilities are one point of the curve. The rows' influences carry the variance, those of
all classes added by row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray, IntArray
from garcom.stats.performance import intervals
from garcom.stats.performance.label_scores import ONE_CLASS
from garcom.stats.performance.score import Score, undefined, within

BoolArray = npt.NDArray[np.bool_]

MOST_CLASSES = 100
"""Each class sorts the rows once: above so many classes no area is calculated."""


class _Area(NamedTuple):
    value: float
    influence: FloatArray
    """``[n]``; its squares add up to the variance."""
    unseen: float
    """Variance of what a single row cannot show."""
    rows: float
    """The effective number of rows of the rarer side."""


def roc_auc(
    y_true: IntArray, probabilities: FloatArray, sample_weight: FloatArray, positive: int | None = None
) -> Score:
    """The chance that a row of the class has a higher probability of it than another row; ties count half.

    ``probabilities`` is ``[n, k]``. The interval has DeLong's variance (DeLong et al. 1988) on the logit scale; where
    the value is exactly 0 or 1, Wilson's for as many rows as the rarer side has.
    """
    return _areas(y_true, probabilities, sample_weight, positive, needs_others=True)


def average_precision(
    y_true: IntArray, probabilities: FloatArray, sample_weight: FloatArray, positive: int | None = None
) -> Score:
    """The mean precision over the rows of the class, each at its own probability as threshold (no interpolation).

    ``probabilities`` is ``[n, k]``. The interval is on the logit scale (Boyd, Eng and Page 2013); where the value is
    exactly 1, Wilson's for as many rows as the class has.
    """
    return _areas(y_true, probabilities, sample_weight, positive, needs_others=False)


def _areas(
    y_true: IntArray, probabilities: FloatArray, weight: FloatArray, positive: int | None, *, needs_others: bool
) -> Score:
    n, n_classes = probabilities.shape
    if n_classes > MOST_CLASSES and positive is None:
        return undefined(f"not calculated for more than {MOST_CLASSES} classes; there are {n_classes}", n)
    among = np.unique(y_true)
    if needs_others and len(among) < 2:
        return undefined(ONE_CLASS, n)
    if positive is not None and positive not in among:
        return undefined("no actual is of the positive class", n)
    classes = [c for c in among.tolist() if c >= 0] if positive is None else [positive]
    if not classes:
        return undefined("no actual is of a class that the model answers", n)
    area = _roc_area if needs_others else _precision_area
    found = [area(y_true == c, probabilities[:, c], weight) for c in classes]
    value = float(np.mean([each.value for each in found]))
    influence = np.sum([each.influence for each in found], axis=0) / len(found)
    error = float(np.sqrt(np.square(influence).sum() + sum(each.unseen for each in found) / len(found) ** 2))
    if not 0 < value < 1:
        value = float(round(value))
        low, high = map(float, intervals.wilson(value, min(each.rows for each in found)))
    else:
        low, high = intervals.logit_interval(value, error)
    return within(value, low, high, n, 0, 1)


def _roc_area(is_class: BoolArray, score: FloatArray, weight: FloatArray) -> _Area:
    cell, in_class, others = _cells(is_class, score, weight)
    # The share of the other side that each row beats.
    beaten = (np.cumsum(others) - others / 2) / others.sum()
    losing = 1 - (np.cumsum(in_class) - in_class / 2) / in_class.sum()
    value = float(np.clip(in_class @ beaten / in_class.sum(), 0, 1))
    influence, unseen = np.zeros(len(score)), 0.0
    sides = ((is_class, beaten), (~is_class, losing))
    rows = [intervals.effective_rows(weight[side]) for side, _ in sides]
    for (side, placement), many in zip(sides, rows, strict=True):
        if many < 2:
            # The greatest variance that an area of this value can have.
            unseen += value * (1 - value) / many
            continue
        of_side = weight[side] / weight[side].sum() * (placement[cell[side]] - value)
        influence[side] = of_side * np.sqrt(many / (many - 1))
    return _Area(value, influence, unseen, min(rows))


def _precision_area(is_class: BoolArray, score: FloatArray, weight: FloatArray) -> _Area:
    cell, in_class, others = _cells(is_class, score, weight)
    above = _from_the_end(in_class + others)
    precision = _from_the_end(in_class) / above
    total = in_class.sum()
    value = float(np.clip(in_class @ precision / total, 0, 1))
    # A row moves its own term, and the precision at every threshold below it.
    gained = np.cumsum(in_class / above)
    lost = np.cumsum(in_class * precision / above)
    moved = np.where(is_class, precision[cell] - value + gained[cell], 0.0) - lost[cell]
    return _Area(value, weight / total * moved, 0.0, intervals.effective_rows(weight[is_class]))


def _cells(is_class: BoolArray, score: FloatArray, weight: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """The position of each row's score among the distinct ones (rising), and the weights of both sides there."""
    distinct, cell = np.unique(score, return_inverse=True)
    in_class = np.bincount(cell, np.where(is_class, weight, 0.0), len(distinct)).astype(np.float64)
    others = np.bincount(cell, np.where(is_class, 0.0, weight), len(distinct)).astype(np.float64)
    return cell, in_class, others


def _from_the_end(weights: FloatArray) -> FloatArray:
    return np.cumsum(weights[::-1])[::-1]
