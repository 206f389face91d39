"""Performance from two columns of a table: what was answered, and what really happened."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from garcom.monitoring.performance.answers import confusion_of
from garcom.monitoring.records import Figure, PerformanceReport, Scope
from garcom.profiles.reading import as_texts, floats
from garcom.stats.performance.scores import Score, classification_scores, regression_scores

Task = Literal["classification", "regression"]

#: Whole numbers of so few values are labels.
MOST_LABELS = 20
#: So many labels are named where something is wrong with all of them.
_SHOWN = 5


def performance_of(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    prediction: str,
    truth: str,
    scope: Scope,
    min_rows: int,
    task: Task | None = None,
) -> PerformanceReport:
    """The performance in the current rows, with that in the reference rows as its baseline.

    Without a ``task``, texts, booleans and few whole numbers are labels, other columns are numbers. Rows that lack
    either are left out.
    """
    if task is None:
        task = "classification" if _are_labels(reference[prediction]) else "regression"
    reference, current = (_alike(rows, prediction, truth, task) for rows in (reference, current))
    there = [name for name in (prediction, truth) if name in current.columns]
    report = PerformanceReport(scope=scope, task=task, rows=current.height, actuals=0, maturity=None)
    if len(there) < 2:
        missing = truth if prediction in there else prediction
        return _without(report, f"the current rows have no column {missing!r}")
    both = current.drop_nulls([prediction, truth])
    report = PerformanceReport(
        scope=scope,
        task=task,
        rows=current.height,
        actuals=both.height,
        maturity=both.height / current.height if current.height else None,
    )
    if both.height < min_rows:
        return _without(report, f"not enough rows with both columns: {both.height:,} of {min_rows:,}")
    before = reference.drop_nulls([prediction, truth])
    counts = None
    if task == "classification":
        labels = _labels(before, both, prediction)
        truths = _labels(before, both, truth)
        if (_places(both[truth], labels) < 0).all() or (_places(both[prediction], truths) < 0).all():
            answers, actuals = (_some(both[name]) for name in (prediction, truth))
            return _without(report, f"no actual is one of the answers: those are {answers}; the actuals are {actuals}")
        scores = _label_scores(both, prediction, truth, labels, min_rows)
        baseline = _label_scores(before, prediction, truth, labels, min_rows)
        counts = confusion_of(_places(both[truth], labels), _places(both[prediction], labels), tuple(labels))
    else:
        scores, baseline = (
            regression_scores(_numbers(rows[truth]), _numbers(rows[prediction]), min_rows=min_rows)
            for rows in (both, before)
        )
    return PerformanceReport(
        scope=scope,
        task=task,
        rows=report.rows,
        actuals=report.actuals,
        maturity=report.maturity,
        metrics={name: Figure(**score._asdict()) for name, score in scores.items()},
        baseline={name: score.value for name, score in baseline.items() if score.value is not None},
        confusion=counts,
    )


def _alike(rows: pl.DataFrame, prediction: str, truth: str, task: Task) -> pl.DataFrame:
    """The rows with booleans as 0 and 1: one column may have them where the other has numbers.

    Labels that are texts in one column only are those booleans or numbers that they say, if all of them say some.
    """
    names = [name for name in (prediction, truth) if name in rows.columns]
    of_booleans = any(rows.schema[name] == pl.Boolean for name in names)
    rows = rows.with_columns(pl.col(name).cast(pl.Int64) for name in names if rows.schema[name] == pl.Boolean)
    texts = [name for name in names if rows.schema[name] == pl.String]
    if task == "regression" or len(names) != 2 or len(texts) != 1:
        return rows
    said = rows[texts[0]]
    if of_booleans:
        said = said.str.to_lowercase().replace({"true": "1", "false": "0"})
    numbers = said.cast(pl.Float64, strict=False)
    return rows if numbers.null_count() > said.null_count() else rows.with_columns(numbers.alias(texts[0]))


def _are_labels(series: pl.Series) -> bool:
    if series.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum):
        return True
    present = series.drop_nulls()
    if series.dtype.is_float() and not (present == present.round()).all():
        return False
    return present.n_unique() <= MOST_LABELS


def _labels(before: pl.DataFrame, now: pl.DataFrame, prediction: str) -> list[str]:
    found = {*as_texts(before[prediction]).to_list(), *as_texts(now[prediction]).to_list()}
    return sorted(found)


def _some(labels: pl.Series) -> str:
    """The first few labels, for people."""
    found = sorted(set(as_texts(labels).to_list()))
    return ", ".join(repr(label[:30]) for label in found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")


def _places(series: pl.Series, labels: list[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The place of each label; -1 of one that was never answered."""
    known = {label: place for place, label in enumerate(labels)}
    return as_texts(series).replace_strict(known, default=-1, return_dtype=pl.Int64).to_numpy()


def _label_scores(rows: pl.DataFrame, prediction: str, truth: str, labels: list[str], least: int) -> dict[str, Score]:
    found = classification_scores(
        _places(rows[truth], labels), _places(rows[prediction], labels), max(2, len(labels)), min_rows=least
    )
    return {name: score for name, score in found.items() if name != "business_value"}


def _numbers(series: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return floats(series).to_numpy()


def _without(report: PerformanceReport, why: str) -> PerformanceReport:
    return PerformanceReport(
        scope=report.scope,
        task=report.task,
        rows=report.rows,
        actuals=report.actuals,
        maturity=report.maturity,
        why=why,
    )
