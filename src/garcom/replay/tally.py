"""Counts what differs between two sets of answers, batch by batch."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from garcom.model.signature import Output
from garcom.records import FloatArray
from garcom.replay.numbers import Correlation, Numbers, share
from garcom.replay.records import (
    Change,
    DifferentRow,
    Distribution,
    Errors,
    Share,
    Truth,
    ValueDifferences,
)
from garcom.replay.said import Said

MOST_DIFFERENT = 20
TOP_CHANGES = 20

Mask = npt.NDArray[np.bool_]


class Tally:
    """The differences of all rows that both answered. ``tolerance`` is that of values: a share of the old one."""

    def __init__(self, output: Output, tolerance: float) -> None:
        self._output = output
        self._tolerance = tolerance
        self.n_rows = 0
        self._n_agree = 0
        self._changes: Counter[tuple[str, str]] = Counter()
        self._shares = Numbers() if output.task == "classification" else None
        names = output.names or ("y",)
        self._values = [_Values(name) for name in (names if output.task == "regression" else ())]
        if output.task == "outlier":
            self._values = [_Values("score")]
        self._truth = _LabelTruth() if output.task != "regression" else None
        self._top: list[tuple[float, str, Any, Any]] = []

    def add(self, rows: pl.DataFrame, old: Said, new: Said) -> None:
        """Compare the answers for these rows (``id``, and the columns of the actual)."""
        distance = np.zeros(rows.height)
        agree: Mask = np.ones(rows.height, bool)
        if old.labels is not None and new.labels is not None:
            agree = _equal(old.labels, new.labels)
            self._changes.update(zip(old.labels[~agree].tolist(), new.labels[~agree].tolist(), strict=True))
            distance[~agree] = 1.0
        if self._shares is not None and (found := _largest_change(old, new)) is not None:
            self._shares.add(found)
            distance = np.where(np.isnan(found), distance, found)
        if old.values is not None and new.values is not None:
            gap, within = _gaps(old.values, new.values, self._tolerance)
            distance = gap.max(axis=1)
            if self._output.task == "regression":
                agree = np.all(within, axis=1)
            for i, each in enumerate(self._values):
                each.add(old.values[:, i], new.values[:, i])
        self.n_rows += rows.height
        self._n_agree += int(agree.sum())
        self._add_truth(rows, old, new)
        self._add_top(rows["id"], distance, old, new)

    def agreement(self) -> Share:
        """The share of rows on which both agree."""
        return share(self._n_agree, self.n_rows)

    def changes(self) -> tuple[Change, ...]:
        """The most frequent changes of the label."""
        ordered = sorted(self._changes.items(), key=lambda each: (-each[1], each[0]))
        return tuple(Change(old=old, new=new, rows=n, share=n / self.n_rows) for (old, new), n in ordered[:TOP_CHANGES])

    @property
    def n_changes(self) -> int:
        """How many rows have another label."""
        return self._changes.total()

    def probabilities(self) -> Distribution | None:
        """Of each row the largest |Δ| among its probabilities; None where they have none."""
        found = None if self._shares is None else self._shares.distribution()
        return found if found is not None and found.n else None

    def values(self) -> tuple[ValueDifferences, ...]:
        """The differences of each value."""
        return tuple(each.told() for each in self._values)

    def truth(self) -> Truth | None:
        """Both beside what really happened; None where nothing is known of it."""
        if self._truth is not None:
            return self._truth.told()
        errors = tuple(told for each in self._values if (told := each.errors()) is not None)
        return Truth(rows=max(each.rows for each in errors), errors=errors) if errors else None

    def most_different(self) -> tuple[DifferentRow, ...]:
        """The rows that differ most, the first of them most."""
        return tuple(
            DifferentRow(id=id, old=old, new=new, difference=gap if np.isfinite(gap) else None)
            for gap, id, old, new in self._top
        )

    def _add_truth(self, rows: pl.DataFrame, old: Said, new: Said) -> None:
        known = rows["actual"].is_not_null().to_numpy()
        if not known.any():
            return
        if self._truth is not None:
            self._truth.add(rows["actual_label"].to_numpy()[known], old.rows(known), new.rows(known))
            return
        actual = _actual_values(rows.filter(pl.col("actual").is_not_null()), [each.name for each in self._values])
        if old.values is not None and new.values is not None:
            for i, each in enumerate(self._values):
                each.add_truth(actual[:, i], old.values[known, i], new.values[known, i])

    def _add_top(self, ids: pl.Series, distance: FloatArray, old: Said, new: Said) -> None:
        least = self._top[-1][0] if len(self._top) == MOST_DIFFERENT else 0.0
        candidates = np.flatnonzero((distance > 0) & (distance >= least))
        names = self._output.names
        # Of equals, those with the least ids: the answer does not depend on how the rows were cut into batches.
        chosen = heapq.nsmallest(MOST_DIFFERENT, ((-distance[i], ids[int(i)], int(i)) for i in candidates))
        found = [(-float(gap), id, old.told(i, names), new.told(i, names)) for gap, id, i in chosen]
        self._top = sorted([*self._top, *found], key=lambda each: (-each[0], each[1]))[:MOST_DIFFERENT]


@dataclass
class _LabelTruth:
    n: int = 0
    old: int = 0
    new: int = 0
    both: int = 0

    def add(self, actual: npt.NDArray[Any], old: Said, new: Said) -> None:
        old_right, new_right = _equal(old.labels, actual), _equal(new.labels, actual)
        self.n += len(actual)
        self.old += int(old_right.sum())
        self.new += int(new_right.sum())
        self.both += int((old_right & new_right).sum())

    def told(self) -> Truth | None:
        if not self.n:
            return None
        return Truth(
            rows=self.n,
            old=share(self.old, self.n),
            new=share(self.new, self.n),
            fixed=self.new - self.both,
            broken=self.old - self.both,
        )


@dataclass
class _Values:
    """One target, or the score."""

    name: str
    difference: Numbers = field(default_factory=Numbers)
    relative: Numbers = field(default_factory=Numbers)
    correlation: Correlation = field(default_factory=Correlation)
    #: Rows with an actual; sums of absolute and of squared errors, of the old and of the new.
    n_known: int = 0
    absolute: FloatArray = field(default_factory=lambda: np.zeros(2))
    squared: FloatArray = field(default_factory=lambda: np.zeros(2))

    def add(self, old: FloatArray, new: FloatArray) -> None:
        with np.errstate(all="ignore"):
            difference = new - old
            self.relative.add(difference / np.abs(old))
        self.difference.add(difference)
        self.correlation.add(old, new)

    def add_truth(self, actual: FloatArray, old: FloatArray, new: FloatArray) -> None:
        errors = np.stack([old - actual, new - actual])
        errors = errors[:, np.isfinite(errors).all(axis=0)]
        self.n_known += errors.shape[1]
        self.absolute += np.abs(errors).sum(axis=1)
        self.squared += (errors**2).sum(axis=1)

    def told(self) -> ValueDifferences:
        return ValueDifferences(
            name=self.name,
            difference=self.difference.distribution(),
            relative=self.relative.distribution(),
            correlation=self.correlation.value(),
        )

    def errors(self) -> Errors | None:
        if not self.n_known:
            return None
        (old_mae, new_mae), (old_mse, new_mse) = (self.absolute / self.n_known), (self.squared / self.n_known)
        return Errors(
            name=self.name,
            rows=self.n_known,
            old_mae=float(old_mae),
            new_mae=float(new_mae),
            old_rmse=float(old_mse**0.5),
            new_rmse=float(new_mse**0.5),
        )


def _equal(labels: Any, others: Any) -> Mask:
    """Row by row; texts and None are arrays of objects, which numpy compares into another one."""
    found: Mask = np.equal(labels, others).astype(bool)
    return found


def _largest_change(old: Said, new: Said) -> FloatArray | None:
    """Of each row the largest |Δ| of its probabilities; a label that one of them does not know has 0 there."""
    names = tuple(dict.fromkeys([*old.names, *new.names]))
    before, after = old.aligned(names), new.aligned(names)
    if before is None or after is None:
        return None
    found: FloatArray = np.abs(after - before).max(axis=1)
    return found


def _gaps(old: FloatArray, new: FloatArray, tolerance: float) -> tuple[FloatArray, Mask]:
    """|Δ|, infinite where one of the two is undefined, and whether it is within tolerance. NaN is equal to NaN."""
    with np.errstate(all="ignore"):
        same = (old == new) | (np.isnan(old) & np.isnan(new))
        gap = np.where(same, 0.0, np.abs(new - old))
        gap = np.where(np.isnan(gap), np.inf, gap)
        allowed = np.where(np.isfinite(old), np.abs(old) * tolerance, 0.0)
    return gap, gap <= allowed


def _actual_values(rows: pl.DataFrame, targets: list[str]) -> FloatArray:
    if len(targets) == 1:
        return rows["actual_value"].fill_null(np.nan).to_numpy().reshape(-1, 1)
    told = [msgspec.json.decode(text) for text in rows["actual"]]
    return np.array([[actual.get(name) for name in targets] for actual in told], np.float64)
