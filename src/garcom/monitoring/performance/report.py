"""The report on performance: everything is calculated from the lake when it is asked for, so late actuals count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl

from garcom.errors import InputError
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.model.signature import Output
from garcom.monitoring.performance import segments
from garcom.monitoring.performance.answers import Cost, Labels, Numbers, answers
from garcom.monitoring.performance.concept import concept_changes
from garcom.monitoring.performance.counting import Counts, at_most, counted, number_and_first
from garcom.monitoring.performance.estimation import (
    MOST_ROWS,
    Estimator,
    FromConfidence,
    FromErrors,
    Known,
    beside,
    track_record,
)
from garcom.monitoring.performance.features import features
from garcom.monitoring.performance.joined import Wanted, joined, newest_known
from garcom.monitoring.performance.spans import Span, length, moment, spans
from garcom.monitoring.records import ConceptChange, Figure, PerformanceReport, PerformanceWindow, Scope
from garcom.records import IntArray

#: Estimates learn from rows of so long before the window.
_BEFORE = timedelta(days=90)
#: Of more predictions an even sample of about so many is scored; the others are counted.
MOST_SCORED = 300_000
#: About so many inputs are read for the model of the error.
_INPUTS = 40_000
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


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
    baseline: Mapping[str, float] | None = None,
    estimates: bool = True,
    changes: bool = True,
    parts: bool = True,
    most_scored: int = MOST_SCORED,
    now: datetime | None = None,
) -> PerformanceReport:
    """How good the answers of a model were, from its first where the scope does not begin, till now if it has no end.

    ``output`` says what the model answers. Without a stage a shadow's rows are left out. The segment of the scope is
    ``field=value`` for the rows that have it, or ``field`` for each of its values beside the whole; ``by`` are more
    such fields. ``every`` is the length of the parts, by itself one that gives at most 60. ``cost`` is
    ``{true label: {answered label: worth}}``, ``positive`` the label that precision and recall are of. Below
    ``min_rows`` rows there is no metric but the reason. Without ``estimates`` nothing is estimated, which saves reading
    the inputs of a regression; without ``changes`` the errors are not searched for them; without ``parts`` there are
    neither windows nor segments, nor a track record.

    Of more than ``most_scored`` predictions an even sample is scored, always the same one, and ``sampled`` tells its
    size. ``rows``, ``actuals`` and ``maturity`` count every prediction all the same.

    The metrics of several targets are ``mae[target]``. Raises InputError for a window that ends before it begins, for a
    length of parts that gives more than 2,000, and for labels that the model does not answer.
    """
    since, until = scope.since, scope.until or now or datetime.now(UTC)
    if since is not None and since >= until:
        raise InputError(f"Expected a window that begins before its end {until.isoformat()}, got {since.isoformat()}.")
    scope = msgspec.structs.replace(scope, until=until)
    asked = segments.asked(scope.segment, by)
    wanted = Wanted(scope, asked.only)
    undrained = undrained or Undrained(lake)
    regression = output.task == "regression"
    reading = _Reading(lake, undrained, output, regression and estimates)
    n_rows, first, share = reading.share(wanted, most_scored)
    fields = asked.by if parts else ()
    frame = reading.window(wanted, fields, share)
    if share == 1:
        n_rows = frame.height
        first = None if frame.is_empty() else moment(_micros(frame["time"])[0])
    since = since or first
    own = frame.select(pl.exclude("^field_[0-9]+$"))
    prior = own.clear() if since is None or not estimates else reading.before(wanted, since)
    together = pl.concat([prior, own])
    whole = answers(together, output, positive, cost)
    rows = whole.rows(slice(prior.height, None))
    made = _Made(prior.height, rows, frame, min_rows, _estimator(whole, together) if estimates else None)
    cut: list[Span] = []
    if since is not None and n_rows:
        every = length(since, until, n_rows, min_rows) if every is None else every
        cut = spans(made.times, since, until, every if parts else until - since)
    counts = made.counts(cut) if share == 1 else reading.counts(wanted, cut)
    windows = tuple(made.window(*each) for each in zip(cut, *counts, strict=True)) if parts else ()
    metrics = rows.metrics(min_rows)
    estimated = made.estimates(Span(since, until, 0, frame.height)) if since is not None and n_rows else {}
    n_known = int(counts.actuals.sum())
    return PerformanceReport(
        scope=scope,
        task=output.task,
        rows=n_rows,
        actuals=n_known,
        maturity=n_known / n_rows if n_rows else None,
        sampled=None if share == 1 else frame.height,
        metrics=metrics,
        baseline=dict(baseline or {}),
        confusion=rows.confusion() if isinstance(rows, Labels) else None,
        estimates=beside(estimated, metrics, regression),
        track_record=track_record(windows),
        windows=windows,
        changes=made.changes() if changes else (),
        segments=made.segments(fields),
        why=_why(scope.model, asked, n_rows, n_known),
    )


@dataclass(frozen=True)
class _Reading:
    lake: Lake
    undrained: Undrained
    output: Output
    inputs: bool

    def share(self, wanted: Wanted, most: int) -> tuple[int, datetime | None, float]:
        """How many rows there are, the time of the first, and which share of them is scored; if all, only this."""
        if at_most(self.undrained, wanted) <= most:
            return 0, None, 1.0
        n_rows, first = number_and_first(self.undrained, wanted)
        return n_rows, first, most / n_rows if n_rows > most else 1.0

    def window(self, wanted: Wanted, fields: Sequence[str], share: float) -> pl.DataFrame:
        inputs = _INPUTS if self.inputs else 0
        return joined(self.lake, self.undrained, wanted, self.output, fields=fields, inputs=inputs, share=share)

    def counts(self, wanted: Wanted, cut: Sequence[Span]) -> Counts:
        """Of every row in these parts, of which there is at least one."""
        return counted(self.lake, self.undrained, wanted, self.output, [*(span.since for span in cut), cut[-1].until])

    def before(self, wanted: Wanted, since: datetime) -> pl.DataFrame:
        """The newest rows with actuals before the window, which estimates learn from."""
        earlier = wanted.at(max(_FIRST, since - _BEFORE), since)
        inputs = MOST_ROWS if self.inputs else 0
        return newest_known(self.lake, self.undrained, earlier, self.output, MOST_ROWS, inputs=inputs)


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

    def counts(self, cut: Sequence[Span]) -> Counts:
        """Of the rows that are here."""
        known = [np.count_nonzero(self.rows.known[span.first : span.end]) for span in cut]
        return Counts(np.array([span.end - span.first for span in cut], np.int64), np.array(known, np.int64))

    def window(self, span: Span, n_rows: int, n_actuals: int) -> PerformanceWindow:
        """One part, in which there are so many predictions in all."""
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
            estimates=beside(self.estimates(span), metrics, isinstance(self.rows, Numbers)),
        )

    def estimates(self, span: Span) -> dict[str, Figure]:
        if self.estimator is None:
            return {}
        shifted = span._replace(first=span.first + self.n_before, end=span.end + self.n_before)
        return self.estimator.estimates(shifted, self.min_rows)

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


def _why(model: str, asked: segments.Asked, n_rows: int, n_known: int) -> str | None:
    if not n_rows:
        with_segment = "" if asked.only is None else f" with {'='.join(asked.only)}"
        return f"no predictions of {model}{with_segment} in this time"
    return None if n_known else f"no actuals yet: 0 of {n_rows:,} predictions have theirs"
