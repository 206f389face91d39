"""Rows that can be scored: labels or numbers, with the metrics of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from garcom.errors import InputError
from garcom.model.signature import Output
from garcom.monitoring.records import Confusion, Figure
from garcom.records import FloatArray, IntArray
from garcom.stats.performance.scores import Score, classification_scores, confusion, regression_scores

Index = slice | npt.NDArray[np.bool_] | IntArray
#: {true label: {answered label: what it is worth}}.
Cost = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Labels:
    """Answers of a model that answers labels, as positions among ``names``.

    ``names`` are the labels of the output, and then those that another version has answered. ``y_true`` is -1 for a
    label that none answers, and has no meaning where ``known`` is false. ``probabilities`` are ``[n, len(names)]``.
    """

    names: tuple[str, ...]
    known: npt.NDArray[np.bool_]
    y_true: IntArray
    y_pred: IntArray
    probabilities: FloatArray | None
    positive: int | None = None
    cost: FloatArray | None = None

    def rows(self, index: Index) -> Labels:
        """Some of the rows."""
        probabilities = None if self.probabilities is None else self.probabilities[index]
        return Labels(
            self.names,
            self.known[index],
            self.y_true[index],
            self.y_pred[index],
            probabilities,
            self.positive,
            self.cost,
        )

    def metrics(self, min_rows: int) -> dict[str, Figure]:
        """By the names of :func:`~garcom.stats.performance.scores.classification_scores`."""
        known = self.rows(self.known)
        scores = classification_scores(
            known.y_true,
            known.y_pred,
            len(self.names),
            known.probabilities,
            positive=self.positive,
            cost=self.cost,
            min_rows=min_rows,
        )
        if self.cost is None:
            del scores["business_value"]
        return {name: figure(score) for name, score in scores.items()}

    def errors(self) -> FloatArray:
        """1 for a wrong label, 0 for the right one."""
        return np.where(self.known, (self.y_true != self.y_pred).astype(np.float64), np.nan)

    def confusion(self) -> Confusion | None:
        """The table of labels; None where no row has its actual."""
        known = self.rows(self.known)
        return confusion_of(known.y_true, known.y_pred, self.names) if len(known.y_true) else None


#: Probabilities in float32 may add up to a little more than 1.
_ROUNDING = 1e-6
#: What stands for the true labels that the model never answers.
OTHER = "(other)"


def confusion_of(y_true: IntArray, y_pred: IntArray, names: tuple[str, ...]) -> Confusion:
    """The table of labels; its last one is «(other)» where a true label is none of those that are answered (-1)."""
    counts = confusion(y_true, y_pred, len(names)).astype(np.int64)
    if counts[-1].any():
        counts = np.concatenate([counts, np.zeros((len(counts), 1), np.int64)], axis=1)
        names = (*names, OTHER)
    else:
        counts = counts[:-1]
    return Confusion(labels=names, counts=tuple(tuple(row) for row in counts.tolist()))


@dataclass(frozen=True)
class Numbers:
    """Answers of a regression: float64 ``[n, m]``, a column for each of ``targets``; NaN where there is none."""

    targets: tuple[str, ...]
    known: npt.NDArray[np.bool_]
    y_true: FloatArray
    y_pred: FloatArray

    def rows(self, index: Index) -> Numbers:
        """Some of the rows."""
        return Numbers(self.targets, self.known[index], self.y_true[index], self.y_pred[index])

    def metrics(self, min_rows: int) -> dict[str, Figure]:
        """By the names of :func:`~garcom.stats.performance.scores.regression_scores`; of several ``mae[target]``."""
        known = self.rows(self.known)
        found: dict[str, Figure] = {}
        for i in range(len(self.targets)):
            scores = regression_scores(known.y_true[:, i], known.y_pred[:, i], min_rows=min_rows)
            found |= {self.named(name, i): figure(score) for name, score in scores.items()}
        return found

    def named(self, metric: str, target: int) -> str:
        """What the metric of a target is called."""
        return metric if len(self.targets) == 1 else f"{metric}[{self.targets[target]}]"

    def errors(self) -> FloatArray:
        """How far the answer was from the truth; of several targets the mean of what each is, by its own mean."""
        gaps = np.abs(self.y_pred - self.y_true)
        gaps[~np.isfinite(gaps)] = np.nan
        if len(self.targets) > 1:
            some = ~np.isnan(gaps).all(axis=0)
            means = np.full(len(self.targets), 1.0)
            means[some] = np.nanmean(gaps[:, some], axis=0)
            gaps = gaps / np.where(means > 0, means, 1.0)
        errors: FloatArray = gaps.mean(axis=1)
        return np.where(self.known, errors, np.nan)


def figure(score: Score) -> Figure:
    """A score as the API tells it."""
    return Figure(value=score.value, low=score.low, high=score.high, n=score.n, why=score.why)


def answers(
    frame: pl.DataFrame, output: Output, positive: str | None = None, cost: Cost | None = None
) -> Labels | Numbers:
    """The rows of :func:`~garcom.monitoring.performance.joined.joined`.

    Raises InputError for a positive label, or one of the cost matrix, that the model does not answer, and for either
    of a regression.
    """
    known = frame["observed_at"].is_not_null().to_numpy()
    if output.task != "regression":
        return _labels(frame, known, output, positive, cost)
    for told, what in ((positive, "a positive label"), (cost, "a cost matrix")):
        if told is not None:
            raise InputError(f"Expected no such thing as {what} for a model that answers numbers, got {told!r}.")
    targets = output.names or ("value",)
    y_true = [frame[f"actual_{i}"].fill_null(np.nan).to_numpy() for i in range(len(targets))]
    y_pred = [frame[f"value_{i}"].fill_null(np.nan).to_numpy() for i in range(len(targets))]
    return Numbers(targets, known, np.stack(y_true, axis=1), np.stack(y_pred, axis=1))


def _labels(
    frame: pl.DataFrame, known: npt.NDArray[np.bool_], output: Output, positive: str | None, cost: Cost | None
) -> Labels:
    own = output.probability_names
    others = sorted(set(frame["label"].drop_nulls().unique().to_list()) - set(own))
    names = (*own, *others)
    y_pred = _positions(frame["label"], names)
    probabilities = None
    if output.probabilities:
        told = [frame[f"probability_{i}"].fill_null(np.nan).to_numpy() for i in range(len(own))]
        probabilities = np.stack([*told, *(np.zeros(frame.height) for _ in others)], axis=1)
        # A model that is served elsewhere may log what is no probability.
        strange = ~((probabilities >= 0) & (probabilities <= 1 + _ROUNDING)).all(axis=1)
        probabilities[strange] = np.nan
    return Labels(
        names,
        known & (y_pred >= 0),
        _positions(frame["actual_label"], names),
        y_pred,
        probabilities,
        None if positive is None else _position(positive, names, "a positive label"),
        None if cost is None else _matrix(cost, names),
    )


def _positions(labels: pl.Series, names: Sequence[str]) -> IntArray:
    """Places among the names, -1 for other labels and for none."""
    found: IntArray = (
        labels.replace_strict(list(names), list(range(len(names))), default=-1, return_dtype=pl.Int64)
        .fill_null(-1)
        .to_numpy()
    )
    return found


def _position(label: str, names: Sequence[str], what: str) -> int:
    if label not in names:
        raise InputError(f"Expected {what} that the model answers ({', '.join(names)}), got {label!r}.")
    return names.index(label)


def _matrix(cost: Cost, names: Sequence[str]) -> FloatArray:
    found = np.full((len(names) + 1, len(names)), np.nan)
    for true, row in cost.items():
        i = len(names) if true == OTHER else _position(true, names, f"labels of the cost matrix (or {OTHER})")
        for answer, worth in row.items():
            found[i, _position(answer, names, "labels of the cost matrix")] = worth
    return found
