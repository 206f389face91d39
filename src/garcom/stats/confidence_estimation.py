"""How good answers will turn out to be, from their probabilities alone: no actual is needed yet.

Where a probability of 0.8 comes true 8 times in 10, a row answered with 0.8 is right with that chance, so the rows of a
window give an *expected* confusion matrix, and every score has an expected value. This is confidence-based performance
estimation (CBPE) as NannyML documents it ("Estimation of performance of the monitored model"; Białek et al. 2024,
"Estimating model performance under covariate shift without labels"; the idea goes back to Guerra et al. 2012 and
Guillory et al. 2021).

It is right under covariate shift: other rows come, but rows that look alike behave as before. It cannot see a change of
concept: nothing can, without truth. It needs calibrated probabilities, hence :func:`fit_calibrators` on rows whose
truth is known.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray
from garcom.stats.calibration import Isotonic, fit_isotonic
from garcom.stats.performance import label_scores
from garcom.stats.performance.confusion import Counts
from garcom.stats.performance.intervals import Z, logit_interval
from garcom.stats.performance.probability_scores import brier_losses, log_losses
from garcom.stats.performance.ranking import MOST_CLASSES
from garcom.stats.performance.score import Score, undefined, within
from garcom.stats.performance.scores import positive_class

ESTIMATED = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "mcc",
    "roc_auc",
    "log_loss",
    "brier",
    "business_value",
)
LIKELY = 0.5
"""A class of which fewer rows are expected is taken to be absent from the actuals."""

MOST_PROBABILITIES = 20_000_000
"""Of more (rows × classes) evenly spaced rows are taken, to bound the memory: 160 MB a table."""

_OF_LABELS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc")
_EXPECTED = {
    label_scores.ONE_CLASS: "all rows are expected to be of one class",
    "no actual is of the positive class": "no row is expected to be of the positive class",
}


class Calibrators(msgspec.Struct, frozen=True):
    """A rising curve from the model's probability to the observed share, for each class against the others.

    With two classes there is one curve, of the second. ``rows`` is how many rows they were fitted on.
    """

    curves: tuple[Isotonic, ...]
    rows: int

    def calibrated(self, probabilities: FloatArray) -> FloatArray:
        """Probabilities ``[n, k]`` that come true as often as they say, each row adding up to 1.

        A row to which every curve gives 0 keeps the model's probabilities.
        """
        if probabilities.shape[1] == 2:
            second = self.curves[0].predict(probabilities[:, 1])
            return np.column_stack([1 - second, second])
        table = np.column_stack([curve.predict(probabilities[:, c]) for c, curve in enumerate(self.curves)])
        total = table.sum(axis=1, keepdims=True)
        return np.where(total > 0, table / np.where(total > 0, total, 1), probabilities)


def fit_calibrators(probabilities: FloatArray, y_true: IntArray) -> Calibrators:
    """Isotonic curves of ``probabilities`` ``[n, k]`` against the true positions ``[n]`` (-1: none of the classes).

    Rows with NaN are left out. Some hundred rows are needed for curves that help. Raises InputError for no rows.
    """
    kept = ~np.isnan(probabilities.sum(axis=1))
    table, truth = probabilities[kept], y_true[kept]
    if not len(truth):
        raise InputError(f"Expected rows with probabilities to calibrate with, got none among {len(y_true)}.")
    classes = (1,) if table.shape[1] == 2 else range(table.shape[1])
    curves = tuple(fit_isotonic(table[:, c], (truth == c).astype(np.float64)) for c in classes)
    return Calibrators(curves, len(truth))


def estimated_scores(
    probabilities: FloatArray,
    y_pred: IntArray,
    *,
    positive: int | None = None,
    calibrators: Calibrators | None = None,
    cost: FloatArray | None = None,
    min_rows: int = 1,
) -> dict[str, Score]:
    """What every score in ``ESTIMATED`` will probably be, once the truth of these rows is known.

    ``probabilities`` are the model's, ``[n, k]``; ``y_pred`` the answered positions ``[n]``; ``positive`` and ``cost``
    mean what they mean in :func:`~garcom.stats.performance.scores.classification_scores`. Without ``calibrators`` the
    model's own probabilities are taken at their word. Rows with NaN or only zeros are left out; ``n`` is how many are
    not (of very many, how many were taken). Raises InputError for positions and shapes that cannot be.

    The interval is for the score that will be *seen* on these very rows, 95 %: it has the variance of the outcomes
    (each row falls as its probabilities say: a Poisson-binomial) and that of the calibration curves (each of their
    blocks is a share of so many rows). Both are carried to the score by the rows' influence on it.
    """
    n_classes = probabilities.shape[1]
    if y_pred.shape != (len(probabilities),):
        raise InputError(f"Expected {len(probabilities)} values in y_pred, as in probabilities, got {y_pred.shape}.")
    if len(y_pred) and not 0 <= y_pred.min() <= y_pred.max() < n_classes:
        raise InputError(
            f"Expected positions from 0 to {n_classes - 1} in y_pred, got {y_pred.min()} to {y_pred.max()}."
        )
    # A sum with NaN is above nothing.
    kept = probabilities.sum(axis=1) > 0
    n = int(kept.sum())
    if n < max(min_rows, 1):
        more = f" ({len(kept) - n} more without a probability)" if n < len(kept) else ""
        return dict.fromkeys(ESTIMATED, undefined(f"not enough rows: {n} of {max(min_rows, 1)}{more}", n))
    positive = positive_class(positive, n_classes)
    every = -(-n * n_classes // MOST_PROBABILITIES)
    rows = np.flatnonzero(kept)[::every]
    raw, answers = probabilities[rows], y_pred[rows]
    window = _Window.of(raw, calibrators)
    return {
        **_of_labels(window, answers, positive),
        "roc_auc": _roc_auc(window, positive),
        "log_loss": _of_losses(window, log_losses(raw), floor=0),
        "brier": _of_losses(window, brier_losses(raw), floor=0),
        "business_value": _business_value(window, answers, cost),
    }


class _Window(NamedTuple):
    raw: FloatArray
    expected: FloatArray
    curves: tuple[Isotonic, ...]
    blocks: tuple[IntArray, ...]
    """The block of each curve in which each row lies."""

    @classmethod
    def of(cls, raw: FloatArray, calibrators: Calibrators | None) -> _Window:
        if calibrators is None:
            return cls(raw, raw / raw.sum(axis=1, keepdims=True), (), ())
        curves = calibrators.curves
        columns = (1,) if raw.shape[1] == 2 else range(len(curves))
        blocks = tuple(curve.blocks(raw[:, c]) for curve, c in zip(curves, columns, strict=True))
        return cls(raw, calibrators.calibrated(raw), curves, blocks)

    def error(self, influence: FloatArray) -> float:
        """The standard error of a score, by how far each row ``[n, k]`` would move it with each class as its truth."""
        mean = (self.expected * influence).sum(axis=1)
        outcomes = float((self.expected * np.square(influence)).sum() - np.square(mean).sum())
        if self.raw.shape[1] == 2:
            moved = [influence[:, 1] - influence[:, 0]]
        else:
            moved = [influence[:, c] - mean for c in range(len(self.curves))]
        return float(np.sqrt(max(outcomes, 0.0) + sum(map(_of_curve, self.curves, self.blocks, moved))))


def _of_curve(curve: Isotonic, blocks: IntArray, moved: FloatArray) -> float:
    """The variance that a score has from a curve, by how far it moves per row with the curve there."""
    rows = np.asarray(curve.rows)
    # A block in which all came true is not certain of it: one row is added, half of it true (Jeffreys).
    share = (np.asarray(curve.values) * rows + 0.5) / (rows + 1)
    by_block = np.bincount(blocks, moved, len(rows))
    return float((np.square(by_block) * share * (1 - share) / rows).sum())


def _of_labels(window: _Window, answers: IntArray, positive: int | None) -> dict[str, Score]:
    n, n_classes = window.expected.shape
    of = label_scores
    matrix = np.zeros((n_classes + 1, n_classes))
    for c in range(n_classes):
        matrix[c] = np.bincount(answers, window.expected[:, c], n_classes)
    counts = Counts(matrix, matrix)
    # The actuals will hardly contain what less than half a row is expected of.
    likely = np.where(counts.actual >= LIKELY, 1.0, 0.0)[:, None] * matrix
    if not likely.any():
        return dict.fromkeys(_OF_LABELS, undefined(f"no class is expected to have {LIKELY} rows", n)) | {
            "accuracy": _expected(window, of.accuracy(counts, n), of.accuracy_influence(counts)[:-1].T[answers], 0, 1)
        }
    among = Counts(likely, likely)
    of_one = among if positive is None or not counts.answered[positive] else counts
    found = {
        "accuracy": (of.accuracy(counts, n), of.accuracy_influence(counts)),
        "balanced_accuracy": (of.balanced_accuracy(among, n), of.recall_influence(among, None, balanced=True)),
        "precision": (of.precision(of_one, n, positive), of.precision_influence(of_one, positive)),
        "recall": (of.recall(among, n, positive), of.recall_influence(among, positive)),
        "f1": (of.f1(of_one, n, positive), of.f1_influence(of_one, positive)),
    }
    scores = {
        name: _expected(window, score, influence[:-1].T[answers], 0, 1) for name, (score, influence) in found.items()
    }
    mcc = of.mcc(among, n)
    # Its influence exists only where it does itself.
    influence = np.zeros_like(matrix) if mcc.value is None else of.mcc_influence(likely)
    return scores | {"mcc": _expected(window, mcc, influence[:-1].T[answers], -1, 1)}


def _of_losses(window: _Window, losses: FloatArray, floor: float = -np.inf) -> Score:
    n = len(losses)
    value = float((window.expected * losses).sum() / n)
    return _expected(window, Score(value, n=n), losses / n, floor, np.inf)


def _business_value(window: _Window, answers: IntArray, cost: FloatArray | None) -> Score:
    n, n_classes = window.expected.shape
    if cost is None:
        return undefined("no cost matrix is given", n)
    values = np.asarray(cost, np.float64)[:n_classes].T[answers]
    if np.isnan(values).any():
        return undefined("the cost matrix has cells without a value", n)
    return _of_losses(window, values)


def _roc_auc(window: _Window, positive: int | None) -> Score:
    n, n_classes = window.expected.shape
    if positive is None and n_classes > MOST_CLASSES:
        return undefined(f"not calculated for more than {MOST_CLASSES} classes; there are {n_classes}", n)
    influence, values = np.zeros((n, n_classes)), []
    for c in range(n_classes) if positive is None else (positive,):
        if (area := _expected_area(window.raw[:, c], window.expected[:, c])) is not None:
            value, in_class, other = area
            values.append(value)
            influence += other[:, None]
            influence[:, c] += in_class - other
    if not values:
        return undefined(_EXPECTED[label_scores.ONE_CLASS], n)
    return _expected(window, Score(float(np.mean(values)), n=n), influence / len(values), 0, 1)


def _expected_area(score: FloatArray, chance: FloatArray) -> tuple[float, FloatArray, FloatArray] | None:
    """The expected area under a ROC curve, and how far each row moves it as one of the class and as another."""
    distinct, cell = np.unique(score, return_inverse=True)
    in_class = np.bincount(cell, chance, len(distinct))
    others = np.bincount(cell, 1 - chance, len(distinct))
    # A row is not compared with itself.
    itself = float((chance * (1 - chance)).sum())
    pairs = float(in_class.sum() * others.sum()) - itself
    # A single row is no pair, whatever is expected of it.
    if min(in_class.sum(), others.sum()) < LIKELY or pairs < LIKELY**2:
        return None
    beaten, losing = np.cumsum(others) - others / 2, in_class.sum() - np.cumsum(in_class) + in_class / 2
    value = float(np.clip((in_class @ beaten - itself / 2) / pairs, 0, 1))
    return (
        value,
        (beaten[cell] - value * others.sum()) / pairs,
        (losing[cell] - value * in_class.sum()) / pairs,
    )


def _expected(window: _Window, score: Score, influence: FloatArray, floor: float, ceiling: float) -> Score:
    if score.value is None:
        return score._replace(why=_EXPECTED.get(score.why or "", score.why))
    error = window.error(influence)
    if (floor, ceiling) == (0, 1) and 0 < score.value < 1:
        low, high = logit_interval(score.value, error)
    else:
        low, high = score.value - Z * error, score.value + Z * error
    return within(score.value, low, high, score.n, floor, ceiling)
