"""Answers in one form, whether they are computed now or were written down then, so that they can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from garcom.model.signature import Output
from garcom.records import FloatArray, Outputs, TextArray


class _Written(msgspec.Struct):
    """What is needed of the column ``output``; null is NaN."""

    prediction: Any = None
    probabilities: dict[str, float | None] | None = None
    score: float | None = None


_decode = msgspec.json.Decoder(_Written).decode


@dataclass(frozen=True)
class Said:
    """Answers of ``n`` rows.

    ``labels`` are texts, as the API's probabilities name them. ``probabilities`` ``[n, k]`` are in the order of
    ``names``; a row of NaN has none. ``values`` ``[n, m]`` are the targets of a regression or an outlier's score.
    """

    labels: TextArray | None
    names: tuple[str, ...]
    probabilities: FloatArray | None
    values: FloatArray | None

    @classmethod
    def now(cls, outputs: Outputs, output: Output) -> Said:
        """What an engine has just answered."""
        shown = np.array([str(label) for label in output.shown], object)
        labels = None if outputs.labels is None else shown[outputs.labels]
        return cls(labels, output.probability_names, outputs.probabilities, outputs.values)

    def rows(self, index: npt.NDArray[Any]) -> Said:
        """The answers of these rows."""
        labels, probabilities, values = self.labels, self.probabilities, self.values
        return replace(
            self,
            labels=None if labels is None else labels[index],
            probabilities=None if probabilities is None else probabilities[index],
            values=None if values is None else values[index],
        )

    def aligned(self, names: Sequence[str]) -> FloatArray | None:
        """The probabilities in the order of these names; 0 of those that it does not know."""
        if self.probabilities is None or tuple(names) == self.names:
            return self.probabilities
        found = np.zeros((len(self.probabilities), len(names)))
        found[np.isnan(self.probabilities).all(axis=1)] = np.nan
        place = {name: i for i, name in enumerate(self.names)}
        for i, name in enumerate(names):
            if name in place:
                found[:, i] = self.probabilities[:, place[name]]
        return found

    def told(self, row: int, targets: Sequence[str]) -> Any:
        """One answer as people are told it: a label, a number, or an object of targets."""
        if self.labels is not None:
            return self.labels[row]
        values = [] if self.values is None else self.values[row].tolist()
        return values[0] if len(values) == 1 else dict(zip(targets, values, strict=True))


def then(rows: pl.DataFrame, output: Output) -> tuple[Said, npt.NDArray[np.bool_]]:
    """What was answered then, and which of the rows have an answer of the form that ``output`` describes."""
    answers = [_decode(text) for text in rows["output"]]
    if output.task == "regression":
        values = _targets(rows, answers, output.names)
        # NaN is written as null: an answer without a number, not one of another form.
        comparable = np.array([_is_regression(answer.prediction, output.names) for answer in answers], bool)
        comparable &= rows["label"].is_null().to_numpy()
        return Said(None, (), None, values), comparable
    labels = np.array(rows["label"].to_list(), object)
    comparable = rows["label"].is_not_null().to_numpy().copy()
    scores = None
    if output.task == "outlier":
        scores = np.array([[answer.score] for answer in answers], np.float64)
    names, probabilities = _probabilities([answer.probabilities for answer in answers])
    return Said(labels, names, probabilities, scores), comparable


def _is_regression(prediction: Any, targets: tuple[str, ...]) -> bool:
    if len(targets) > 1:
        return isinstance(prediction, dict) and set(prediction) == set(targets)
    return prediction is None or isinstance(prediction, int | float)


def _targets(rows: pl.DataFrame, answers: Sequence[_Written], targets: tuple[str, ...]) -> FloatArray:
    if len(targets) <= 1:
        return rows["value"].fill_null(np.nan).to_numpy().reshape(-1, 1)
    found = [
        [answer.prediction.get(name) for name in targets]
        if isinstance(answer.prediction, dict)
        else [None] * len(targets)
        for answer in answers
    ]
    return np.array(found, np.float64)


def _probabilities(
    rows: Sequence[Mapping[str, float | None] | None],
) -> tuple[tuple[str, ...], FloatArray | None]:
    """Names that occur, in their order, and a matrix of them; 0 where a row does not have one of them."""
    place = {name: i for i, name in enumerate(dict.fromkeys(name for row in rows if row for name in row))}
    if not place:
        return (), None
    found = np.full((len(rows), len(place)), np.nan)
    for i, row in enumerate(rows):
        if row:
            found[i] = 0.0
            for name, value in row.items():
                found[i, place[name]] = np.nan if value is None else value
    return tuple(place), found
