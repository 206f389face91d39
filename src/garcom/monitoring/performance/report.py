"""The report on performance: everything is calculated from the lake when it is asked for, so late actuals count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from garcom.errors import InputError
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.model.signature import Output
from garcom.monitoring.performance import segments
from garcom.monitoring.performance.answers import Cost, Labels, Numbers, answers
from garcom.monitoring.performance.concept import concept_changes
from garcom.monitoring.performance.counting import Counts
from garcom.monitoring.performance.estimation import (
    Estimator,
    FromConfidence,
    FromErrors,
    Known,
    beside,
    track_record,
)
from garcom.monitoring.performance.features import features
from garcom.monitoring.performance.joined import Wanted
from garcom.monitoring.performance.reader import Read, Reader
from garcom.monitoring.performance.spans import Span, length, spans
from garcom.monitoring.records import ConceptChange, Estimate, Figure, PerformanceReport, PerformanceWindow, Scope
from garcom.records import IntArray

#: Of more predictions an even sample of about so many is scored; the others are counted.
MOST_SCORED = 300_000


def performance(
    lake: Lake,
    undrained: Undrained | None,
    scope: Scope,
    output: Output,
    *,
    by: Sequence[str] = (),
    every: timedelta | None = None,
    cost: Cost | None = None,
    positive: str | None = None,
    min_rows: int = 100,
    baselines: Mapping[int, Mapping[str, float]] | None = None,
    estimates: bool = True,
    changes: bool = True,
    parts: bool = True,
    most_scored: int = MOST_SCORED,
    now: datetime | None = None,
) -> PerformanceReport:
    """How good the answers of a model were, from its first where the scope does not begin, till now if it has no end.

    ``output`` says what the model answers. Without a stage a shadow's rows are left out. The segment of the scope is
    ``field=value`` for the rows that have it; ``by`` are fields whose values are told one by one beside the whole.
    ``every`` is the length of the parts, by itself one that gives at most 60. ``cost`` is
    ``{true label: {answered label: worth}}``, ``positive`` the label that precision and recall are of; ``baselines``
    are the metrics in the bundles of the versions, of which the first counts where there are no rows. Below
    ``min_rows`` rows there is no metric but the reason. Without ``estimates`` nothing is estimated, which saves reading
    the inputs of a regression; without ``changes`` the errors are not searched for them; without ``parts`` there are
    neither windows nor segments, nor a track record.

    Of more than ``most_scored`` predictions an even sample is scored, always the same one, and ``sampled`` tells its
    size. ``rows``, ``actuals`` and ``maturity`` count every prediction all the same.

    The metrics of several targets are ``mae[target]``. Raises InputError for a window that ends before it begins, for a
    length of parts that gives more than 2,000, and for labels that the model does not answer.
    """
    until = scope.until or now or datetime.now(UTC)
    if scope.since is not None and scope.since >= until:
        raise InputError(
            f"Expected a window that begins before its end {until.isoformat()}, got {scope.since.isoformat()}."
        )
    scope = msgspec.structs.replace(scope, until=until)
    only, fields = segments.parted(scope.segment), tuple(by) if parts else ()
    wanted = Wanted(scope, only)
    reader = Reader(lake, undrained or Undrained(lake), output, estimates)
    read = reader.rows(wanted, fields, most_scored)
    made = _made(read, answers(read.together, output, positive, cost), min_rows, estimates)
    cut = _cut(made.times, read, until, every, min_rows, parts)
    counts = reader.counts(wanted, cut) if read.is_sample else made.counts(cut)
    windows = made.windows(cut, counts) if parts else ()
    n_known = int(counts.actuals.sum())
    metrics, estimated = made.whole(read, until)
    return PerformanceReport(
        scope=scope,
        task=output.task,
        rows=read.n_rows,
        actuals=n_known,
        maturity=n_known / read.n_rows if read.n_rows else None,
        sampled=read.window.height if read.is_sample else None,
        metrics=metrics,
        baseline=_baseline(read.window, made.rows.known, baselines or {}),
        confusion=made.rows.confusion() if isinstance(made.rows, Labels) else None,
        estimates=estimated,
        track_record=track_record(windows),
        windows=windows,
        changes=made.changes() if changes else (),
        segments=made.segments(fields),
        why=_why(scope, read.n_rows, n_known),
    )


def _made(read: Read, whole: Labels | Numbers, min_rows: int, estimates: bool) -> _Made:
    n_before = read.before.height
    estimator = _estimator(whole, read.together) if estimates else None
    return _Made(n_before, whole.rows(slice(n_before, None)), read.window, min_rows, estimator)


def _cut(
    times: IntArray, read: Read, until: datetime, every: timedelta | None, min_rows: int, parts: bool
) -> list[Span]:
    """The parts of the window, of this length or of one that suits; all of it as one where no parts are asked for."""
    if read.since is None or not read.n_rows:
        return []
    every = length(read.since, until, read.n_rows, min_rows) if every is None else every
    return spans(times, read.since, until, every if parts else until - read.since)


@dataclass
class _Made:
    """Makes the parts of a report. Rows of the window stand after those from before it."""

    n_before: int
    rows: Labels | Numbers
    frame: pl.DataFrame
    min_rows: int
    estimator: Estimator | None = None

    @property
    def times(self) -> IntArray:
        return _micros(self.frame["time"])

    def whole(self, read: Read, until: datetime) -> tuple[dict[str, Figure], tuple[Estimate, ...]]:
        """The metrics of the whole window, and their estimates beside them."""
        metrics = self.rows.metrics(self.min_rows)
        if read.since is None or not read.n_rows:
            return metrics, ()
        return metrics, self.beside(Span(read.since, until, 0, self.frame.height), metrics, self.estimator)

    def counts(self, cut: Sequence[Span]) -> Counts:
        """Of the rows that are here."""
        known = [np.count_nonzero(self.rows.known[span.first : span.end]) for span in cut]
        return Counts(np.array([span.end - span.first for span in cut], np.int64), np.array(known, np.int64))

    def windows(self, cut: Sequence[Span], counts: Counts) -> tuple[PerformanceWindow, ...]:
        """The parts, in which there are so many predictions in all."""
        # What is estimated of the whole must not depend on whether there are parts, nor know what came during them.
        estimator = None if self.estimator is None else self.estimator.afresh()
        return tuple(self.window(*each, estimator) for each in zip(cut, *counts, strict=True))

    def window(self, span: Span, n_rows: int, n_actuals: int, estimator: Estimator | None) -> PerformanceWindow:
        """One part."""
        part = self.rows.rows(slice(span.first, span.end))
        n, n_known = int(n_rows), int(n_actuals)
        metrics = part.metrics(self.min_rows)
        return PerformanceWindow(
            since=span.since,
            until=span.until,
            rows=n,
            actuals=n_known,
            maturity=n_known / n if n else None,
            metrics=metrics,
            estimates=self.beside(span, metrics, estimator),
        )

    def beside(self, span: Span, metrics: dict[str, Figure], estimator: Estimator | None) -> tuple[Estimate, ...]:
        """What is estimated of a part, beside these metrics of it."""
        if estimator is None:
            return ()
        shifted = span._replace(first=span.first + self.n_before, end=span.end + self.n_before)
        return beside(estimator.estimates(shifted, self.min_rows), metrics, isinstance(self.rows, Numbers))

    def changes(self) -> tuple[ConceptChange, ...]:
        came, labels = _micros(self.frame["received_at"]), isinstance(self.rows, Labels)
        return concept_changes(self.rows.errors(), self.times, came, labels=labels, min_rows=self.min_rows)

    def segments(self, fields: Sequence[str]) -> dict[str, dict[str, Figure]]:
        return {
            name: self.rows.rows(index).metrics(self.min_rows)
            for i, field in enumerate(fields)
            for name, index in segments.parts(field, self.frame[f"field_{i}"])
        }


def _estimator(whole: Labels | Numbers, frame: pl.DataFrame) -> Estimator:
    known = Known(_micros(frame["time"]), _micros(frame["observed_at"]), np.flatnonzero(whole.known))
    if isinstance(whole, Labels):
        return FromConfidence(whole, known)
    taken = np.flatnonzero(frame["input"].is_not_null().to_numpy())
    with_input = known.known[np.isin(known.known, taken)]
    return FromErrors(whole, Known(known.times, known.observed, with_input), features(frame["input"]), taken)


def _micros(moments: pl.Series) -> IntArray:
    found: IntArray = moments.dt.epoch("us").fill_null(0).to_numpy()
    return found


def _baseline(
    rows: pl.DataFrame, known: npt.NDArray[np.bool_], of_versions: Mapping[int, Mapping[str, float]]
) -> dict[str, float]:
    """What these rows were promised to be: of several versions the mean by the rows that each answered.

    Those with actuals count, or without any all; without rows it is the first version's.
    """
    answered = rows["version"].to_numpy()
    numbers, counts = np.unique(answered[known] if known.any() else answered, return_counts=True)
    if not len(numbers):
        return dict(next(iter(of_versions.values()), {}))
    promised = [of_versions.get(int(number), {}) for number in numbers]
    common = [name for name in promised[0] if all(name in each for each in promised)]
    return {name: float(np.average([each[name] for each in promised], weights=counts)) for name in common}


def _why(scope: Scope, n_rows: int, n_known: int) -> str | None:
    if not n_rows:
        with_segment = "" if scope.segment is None else f" with {scope.segment}"
        return f"no predictions of {scope.model}{with_segment} in this time"
    return None if n_known else f"no actuals yet: 0 of {n_rows:,} predictions have theirs"
