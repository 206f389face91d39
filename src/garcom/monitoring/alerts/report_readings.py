"""Readings out of the reports that monitoring makes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec

from garcom.monitoring.alerts.readings import Asked, Reading
from garcom.monitoring.alerts.subjects import MEASURES, Family, Subject
from garcom.monitoring.records import (
    ColumnDrift,
    ColumnQuality,
    DriftReport,
    Figure,
    PerformanceReport,
    QualityReport,
    Scope,
)
from garcom.monitoring.reporting import Reports

#: How far back the last row is looked for where the window has none.
_SILENCE_LOOK_BACK = timedelta(days=90)
#: The metrics that tell best whether a model got worse, and whether more of them is better.
_MAIN = {"accuracy": True, "mae": False, "rmse": False}

_Report = DriftReport | QualityReport | PerformanceReport
_Column = TypeVar("_Column", ColumnDrift, ColumnQuality)


class _Window(NamedTuple):
    """What a report is about."""

    family: Family
    scope: Scope
    least: int


class _Needs(NamedTuple):
    """What is needed of a report on performance beside its metrics."""

    estimates: bool = False
    changes: bool = False

    def __or__(self, other: _Needs) -> _Needs:
        return _Needs(self.estimates or other.estimates, self.changes or other.changes)


class ReportReadings:
    """Reads subjects out of reports; rules about the same window share one. Lives as long as one round of rules.

    A report has what the rules that were expected need; another need makes it anew.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._needs: dict[_Window, _Needs] = {}
        self._made: dict[_Window, tuple[_Needs, _Report]] = {}

    def expect(self, asked: Iterable[Asked]) -> None:
        """Hear what is going to be read."""
        for each in asked:
            self._need(_window(each), _needs(each.subject))

    def read(self, asked: Asked) -> Reading:
        """The value of a subject in a window."""
        subject, until, window = asked.subject, asked.until, _window(asked)
        report = self._report(window, _needs(subject))
        match report:
            case DriftReport():
                return drift_reading(subject, report)
            case PerformanceReport():
                return performance_reading(subject, report)
            case QualityReport():
                if subject.name == "silence" and report.last_row is None:
                    scope = msgspec.structs.replace(window.scope, since=until - _SILENCE_LOOK_BACK)
                    longer = self._report(window._replace(scope=scope), _Needs())
                    if isinstance(longer, QualityReport):
                        report = longer
                return quality_reading(subject, report, until)

    def _need(self, window: _Window, needs: _Needs) -> _Needs:
        """What is needed of a report, with what was before."""
        self._needs[window] = self._needs.get(window, needs) | needs
        return self._needs[window]

    def _report(self, window: _Window, needs: _Needs) -> _Report:
        needs = self._need(window, needs)
        if window not in self._made or self._made[window][0] != needs:
            self._made[window] = needs, self._make(window, needs)
        return self._made[window][1]

    def _make(self, window: _Window, needs: _Needs) -> _Report:
        family, scope, least = window
        match family:
            case Family.DRIFT:
                return self._reports.drift(scope, min_rows=least)
            case Family.QUALITY:
                return self._reports.quality(scope, min_rows=least)
            case Family.PERFORMANCE:
                return self._reports.performance(
                    scope, estimates=needs.estimates, changes=needs.changes, parts=False, min_rows=least
                )


def _window(asked: Asked) -> _Window:
    return _Window(asked.subject.kind.family, asked.scope, asked.least)


def _needs(subject: Subject) -> _Needs:
    return _Needs(subject.is_estimate, subject.name == "concept_change")


def drift_reading(subject: Subject, report: DriftReport) -> Reading:
    """A subject of the family ``drift``."""
    rows = report.rows_current
    if report.why is not None:
        return Reading(None, rows, why=report.why)
    if subject.name == "joint_drift":
        told = [each for each in report.joint if each.drifted is not None]
        if not told:
            whys = [each.why for each in report.joint if each.why]
            return Reading(None, rows, why=whys[0] if whys else "joint drift was not looked for")
        return _finite(max((abs(each.effect or 0.0) for each in told if each.drifted), default=0.0), rows)
    if subject.column is None:
        judged = [each.drifted for each in report.columns if each.role == "feature" and each.drifted is not None]
        if not judged:
            whys = [each.why for each in report.columns if each.why]
            return Reading(None, rows, why=whys[0] if whys else "no feature could be compared")
        return Reading(sum(judged) / len(judged), rows)
    column = _named(subject.column, report.columns)
    if column is None:
        return Reading(None, rows, why=f"no column {subject.column}")
    if subject.name == "drift":
        return _finite(column.effect, column.rows_current, why=column.why)
    values = [each.value for each in column.measures if each.name == MEASURES[subject.name]]
    if not values:
        return Reading(None, column.rows_current, why=column.why or f"{subject.name} is not for this kind of column")
    return _finite(values[0], column.rows_current, why=column.why)


def performance_reading(subject: Subject, report: PerformanceReport) -> Reading:
    """A subject of the family ``performance``."""
    counts = report.rows, report.actuals
    estimates = {each.metric: each.estimated for each in report.estimates}
    match subject.name:
        case "maturity":
            return _finite(report.maturity, *counts, report.why or "no rows")
        case "concept_change":
            told = [each.is_worse for each in report.changes if each.is_worse is not None]
            if told:
                return Reading(float(sum(told)), *counts)
            whys = [each.why for each in report.changes if each.why]
            return Reading(None, *counts, why=report.why or (whys[0] if whys else "no actuals yet"))
        case "decay":
            return _decay(report.metrics, report, *counts, _no_metric(report))
        case "estimated_decay":
            return _decay(estimates, report, *counts, "nothing estimates accuracy, mae or rmse")
    figure = (estimates if subject.is_estimate else report.metrics).get(subject.metric)
    if figure is None:
        missing = "no such estimate" if subject.is_estimate else "no such metric"
        return Reading(None, *counts, why=report.why or f"{missing}: {subject.metric}")
    return _finite(figure.value, *counts, figure.why or report.why)


def quality_reading(subject: Subject, report: QualityReport, until: datetime) -> Reading:
    """A subject of the family ``quality``; ``until`` is the end of the window."""
    match subject.name:
        case "rows" if report.why is None:  # rows that are in no profile were not counted
            return Reading(float(report.rows), report.rows)
        case "silence":
            if report.last_row is None:
                return Reading(None, report.rows, why="no row has come yet")
            return Reading(max((until - report.last_row).total_seconds() / 3600, 0.0), report.rows)
    if report.why is not None:
        return Reading(None, report.rows, why=report.why)
    if not report.rows:
        return Reading(None, why="no rows")
    if subject.name == "duplicates":
        return _finite(report.duplicates.value, report.rows, why=report.duplicates.why)
    if subject.column is not None:
        column = _named(subject.column, report.columns)
        if column is None:
            return Reading(None, report.rows, why=f"no column {subject.column}")
        share = _share(subject.name, column)
        why = f"{subject.name} is not for this kind of column" if column.rows else "no rows"
        return _finite(share, column.rows, why=why)
    shares = [share for column in report.columns if (share := _worst(subject.name, column)) is not None]
    if not shares:
        return Reading(None, report.rows, why="no column to look at")
    return _finite(max(shares), report.rows)


def _worst(name: str, column: ColumnQuality) -> float | None:
    """A column's share, where every column is looked at: of missing values what is more than in training."""
    share = _share(name, column)
    if share is None or name != "missing":
        return share
    return max(share - (column.missing_reference or 0.0), 0.0)


def _share(name: str, column: ColumnQuality) -> float | None:
    counts = {
        "missing": column.missing,
        "unseen": column.unseen,
        "out_of_range": column.out_of_range,
        "type_failures": column.type_failures,
    }
    count = counts[name]
    return None if count is None or not column.rows else count / column.rows


def _decay(figures: Mapping[str, Figure], report: PerformanceReport, rows: int, actuals: int, none: str) -> Reading:
    """How much worse the main metric surely is than its baseline; of several targets, the worst that can be told."""
    whys: list[str] = []
    for metric, more_is_better in _MAIN.items():
        lost: list[float] = []
        for name, figure in figures.items():
            if name != metric and not name.startswith(f"{metric}["):
                continue
            baseline = report.baseline.get(name)
            # An estimate that is not calibrated may be as far from the truth as the baseline.
            if figure.value is None or not math.isfinite(figure.value) or figure.why is not None:
                whys.append(figure.why or f"{name} is not defined for these rows")
            elif baseline is None or not math.isfinite(baseline) or baseline == 0:
                whys.append(f"the bundle has no {name} to compare with")
            else:
                lost.append(_lost(figure, baseline, more_is_better))
        if lost:
            return _finite(max(lost), rows, actuals)
    return Reading(None, rows, actuals, report.why or next(iter(whys), none))


def _no_metric(report: PerformanceReport) -> str:
    return "neither accuracy, mae nor rmse is measured" if report.actuals else "no actuals yet"


def _lost(figure: Figure, baseline: float, more_is_better: bool) -> float:
    """The share of its baseline that a metric has lost: chance is given the benefit of the interval."""
    assert figure.value is not None
    bound = figure.high if more_is_better else figure.low
    value = figure.value if bound is None or not math.isfinite(bound) else bound
    lost = baseline - value if more_is_better else value - baseline
    return max(lost, 0.0) / abs(baseline)


def _named(name: str, columns: Iterable[_Column]) -> _Column | None:
    return next((column for column in columns if column.column == name), None)


def _finite(value: float | None, rows: int, actuals: int = 0, why: str | None = None) -> Reading:
    if value is None or not math.isfinite(value):
        return Reading(None, rows, actuals, why or "it is not defined for these rows")
    return Reading(value, rows, actuals)
