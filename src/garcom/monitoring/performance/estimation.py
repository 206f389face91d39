"""Metrics before the truth arrives, from what was known by then; and how such estimates have done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import numpy as np

from garcom.monitoring.performance.answers import Labels, Numbers, figure
from garcom.monitoring.performance.spans import Span, micros
from garcom.monitoring.records import Estimate, Figure, PerformanceWindow, TrackRecord
from garcom.records import FloatArray, IntArray
from garcom.stats.confidence_estimation import Calibrators, estimated_scores, fit_calibrators
from garcom.stats.error_model import ESTIMATED, LEAST_ROWS, ErrorModel

#: Calibration and the model of the error learn from the latest so many rows.
MOST_ROWS = 4000
#: They learn anew when so many times more rows are known.
_GROWTH = 1.5


@dataclass(frozen=True)
class Known:
    """When rows were predicted (rising) and their truth was known, in microseconds; ``known`` are the rows with it."""

    times: IntArray
    observed: IntArray
    known: IntArray

    def before(self, since: datetime, until: datetime) -> tuple[IntArray, int]:
        """The latest rows from before ``since`` to learn from, and how many there are in all.

        Those whose truth was known by ``until``. Where these are too few, the truth was brought in afterwards, and
        all of them: as if it had been known.
        """
        earlier = self.known[: np.searchsorted(self.times[self.known], micros(since))]
        by_then = earlier[self.observed[earlier] < micros(until)]
        found = by_then if len(by_then) >= LEAST_ROWS else earlier
        return found[-MOST_ROWS:], len(found)


class Estimator(Protocol):
    """Estimates for some of the rows; of parts in their order, since what was learned for one is used for later ones
    that know little more."""

    def estimates(self, span: Span, min_rows: int) -> dict[str, Figure]:
        """By the names of the metrics; empty where the model gives nothing to estimate from."""
        ...

    def afresh(self) -> Estimator:
        """The same, which has learned nothing yet."""
        ...


@dataclass
class FromConfidence:
    """Of a model that answers labels with probabilities: see :mod:`garcom.stats.confidence_estimation`."""

    rows: Labels
    known: Known
    _fitted: dict[int, Calibrators] = field(default_factory=dict)

    def estimates(self, span: Span, min_rows: int) -> dict[str, Figure]:
        """Without enough rows to calibrate with they take the probabilities at their word, and ``why`` tells it."""
        if self.rows.probabilities is None:
            return {}
        learned, n_known = self.known.before(span.since, span.until)
        calibrators = None
        if len(learned) >= LEAST_ROWS:
            step = _step(n_known)
            if step not in self._fitted:
                self._fitted[step] = fit_calibrators(self.rows.probabilities[learned], self.rows.y_true[learned])
            calibrators = self._fitted[step]
        part = self.rows.rows(slice(span.first, span.end))
        answered = part.rows(part.y_pred >= 0)
        assert answered.probabilities is not None
        scores = estimated_scores(
            answered.probabilities,
            answered.y_pred,
            positive=answered.positive,
            calibrators=calibrators,
            cost=answered.cost,
            min_rows=min_rows,
        )
        if answered.cost is None:
            del scores["business_value"]
        note = None if calibrators else f"not calibrated: {len(learned)} of {LEAST_ROWS} rows with actuals before it"
        return {
            name: figure(score if score.value is None else score._replace(why=note)) for name, score in scores.items()
        }

    def afresh(self) -> FromConfidence:
        """The same, which has learned nothing yet."""
        return replace(self, _fitted={})


@dataclass
class FromErrors:
    """Of a regression: see :mod:`garcom.stats.error_model`. ``X`` has NaN in all columns of rows that are not taken."""

    rows: Numbers
    known: Known
    X: FloatArray
    taken: IntArray
    _fitted: dict[tuple[int, int], ErrorModel] = field(default_factory=dict)

    def estimates(self, span: Span, min_rows: int) -> dict[str, Figure]:
        """``mae`` and ``rmse`` of each target."""
        learned, n_known = self.known.before(span.since, span.until)
        taken = self.taken[slice(*np.searchsorted(self.taken, [span.first, span.end]))]
        n_rows = span.end - span.first
        least = min_rows if n_rows == len(taken) else 1
        found: dict[str, Figure] = {}
        for i in range(len(self.rows.targets)):
            key = _step(n_known), i
            if key not in self._fitted:
                y_pred, y_true = self.rows.y_pred[learned, i], self.rows.y_true[learned, i]
                self._fitted[key] = ErrorModel.fit(self.X[learned], y_pred, y_true)
            if n_rows < min_rows:
                scores = {each: Figure(value=None, n=n_rows, why=_few(n_rows, min_rows)) for each in ESTIMATED}
            else:
                model = self._fitted[key]
                told = model.estimate(self.X[taken], self.rows.y_pred[taken, i], min_rows=least)
                scores = {name: figure(score) for name, score in told.items()}
            found |= {self.rows.named(name, i): score for name, score in scores.items()}
        return found

    def afresh(self) -> FromErrors:
        """The same, which has learned nothing yet."""
        return replace(self, _fitted={})


def _few(n: int, least: int) -> str:
    return f"not enough rows: {n} of {least}"


def _step(n: int) -> int:
    """The same for numbers of rows that differ too little to learn anew; below ``LEAST_ROWS`` its own for each."""
    return n - LEAST_ROWS if n < LEAST_ROWS else int(math.log(n / LEAST_ROWS) / math.log(_GROWTH))


def beside(estimates: dict[str, Figure], metrics: dict[str, Figure], regression: bool) -> tuple[Estimate, ...]:
    """Each estimate with the metric that came true, where it has."""
    return tuple(
        Estimate(
            metric=name,
            method="error_model" if regression else "cbpe",
            estimated=estimated,
            realized=real if (real := metrics.get(name)) is not None and real.value is not None else None,
        )
        for name, estimated in estimates.items()
    )


def track_record(windows: Sequence[PerformanceWindow]) -> tuple[TrackRecord, ...]:
    """For each estimated metric how the estimates have done in the windows that have both."""
    names = dict.fromkeys(each.metric for window in windows for each in window.estimates)
    return tuple(_record(name, windows) for name in names)


def _record(metric: str, windows: Sequence[PerformanceWindow]) -> TrackRecord:
    gaps, inside, bounded = [], 0, 0
    for window in windows:
        for each in window.estimates:
            told, real = each.estimated, None if each.realized is None else each.realized.value
            if each.metric != metric or told.value is None or real is None:
                continue
            gaps.append(told.value - real)
            if told.low is not None and told.high is not None:
                bounded += 1
                inside += told.low <= real <= told.high
    if not gaps:
        return TrackRecord(metric=metric, windows=0, why="no window has both an estimate and enough actuals yet")
    return TrackRecord(
        metric=metric,
        windows=len(gaps),
        mean_absolute_error=float(np.abs(gaps).mean()),
        bias=float(np.mean(gaps)),
        within=inside / bounded if bounded else None,
    )
