"""What a report passes and what it fails: one check for each thing that can be said, for pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, get_args

from garcom.monitoring.records import (
    AlertState,
    ColumnDrift,
    DriftReport,
    Figure,
    JointDrift,
    PerformanceReport,
    QualityReport,
    Report,
)
from garcom.monitoring.report.metrics import judged
from garcom.report_page.writing import Writing

Group = Literal["drift", "quality", "performance", "alerts"]
GROUPS: tuple[Group, ...] = get_args(Group)
Outcome = Literal["passed", "failed", "skipped"]
#: What is looked for in all rows together; the other findings are of a column.
_OF_ALL_ROWS = ("duplicates", "silence", "jump")
_OUTCOMES: dict[bool | None, Outcome] = {True: "failed", False: "passed", None: "skipped"}
_NOT_SAID = "it cannot be said"
_WRITING = Writing("en")


class Check(NamedTuple):
    """One thing that was looked at: ``text`` says what was found, or why nothing could be."""

    group: Group
    name: str
    outcome: Outcome
    text: str


def checks(report: Report) -> list[Check]:
    """All checks of a report, group by group. A part that the report does not have gives none."""
    found: list[Check] = []
    if report.drift is not None:
        found += _of_drift(report.drift)
    if report.quality is not None:
        found += _of_quality(report.quality)
    if report.performance is not None:
        found += _of_performance(report.performance)
    return [*found, *map(_of_alert, report.alerts)]


def complaints(found: Iterable[Check], wanted: Iterable[Group]) -> list[str]:
    """One sentence for each failed check of the groups, and for all of them when nothing at all could be said.

    A gate that lets through what it could not look at would be none.
    """
    groups = tuple(wanted)
    chosen = [check for check in found if check.group in groups]
    if all(check.outcome == "skipped" for check in chosen):
        why = next((check.text for check in chosen), "there is nothing to check")
        return [f"Nothing could be said of {' and '.join(groups)}: {why}."]
    return [f"{check.group}: {check.name}: {check.text}" for check in chosen if check.outcome == "failed"]


def _of_drift(drift: DriftReport) -> Iterator[Check]:
    if drift.why is not None and not drift.columns:
        yield Check("drift", "all columns", "skipped", drift.why)
    for column in drift.columns:
        yield _of_column(column, drift.effect_threshold)
    for joint in drift.joint:
        yield _of_joint(joint)


def _of_column(column: ColumnDrift, threshold: float | None) -> Check:
    name = column.column if column.role == "feature" else f"{column.column} ({column.role})"
    if column.drifted is None:
        return Check("drift", name, "skipped", column.why or _NOT_SAID)
    text = f"effect {_WRITING.number(column.effect)}"
    if threshold is not None:
        text += f" (threshold {_WRITING.number(threshold)})"
    p_values = [each.p_adjusted for each in column.measures if each.p_adjusted is not None]
    if p_values:
        text += f", adjusted p {_WRITING.p_value(min(p_values))}"
    if column.mean_reference is not None and column.mean_current is not None:
        means = (_WRITING.value(each, column.of) for each in (column.mean_reference, column.mean_current))
        text += f", mean{' length' if column.of == 'length' else ''} {' → '.join(means)}"
    return Check("drift", name, _OUTCOMES[column.drifted], text)


def _of_joint(joint: JointDrift) -> Check:
    name = f"joint: {joint.method}"
    if joint.drifted is None:
        return Check("drift", name, "skipped", joint.why or _NOT_SAID)
    text = f"{_WRITING.number(joint.value)}"
    if joint.reference is not None:
        text += f" (reference {_WRITING.number(joint.reference)})"
    if joint.p_value is not None:
        text += f", p {_WRITING.p_value(joint.p_value)}"
    return Check("drift", name, _OUTCOMES[joint.drifted], text)


def _of_quality(quality: QualityReport) -> Iterator[Check]:
    if quality.why is not None and not quality.findings:
        yield Check("quality", "all columns", "skipped", quality.why)
        return
    of_columns: dict[str, list[str]] = {each.column: [] for each in quality.columns}
    of_all: dict[str, list[str]] = {kind: [] for kind in _OF_ALL_ROWS}
    for finding in quality.findings:
        place, key = (of_all, str(finding.kind)) if finding.column is None else (of_columns, finding.column)
        place.setdefault(key, []).append(finding.text or finding.kind)
    for column, texts in of_columns.items():
        yield Check("quality", column, "failed" if texts else "passed", "; ".join(texts))
    for kind, texts in of_all.items():
        if kind == "duplicates" and not texts and quality.duplicates.value is None:
            yield Check("quality", kind, "skipped", quality.duplicates.why or _NOT_SAID)
        elif kind == "duplicates" or texts or quality.traffic:
            yield Check("quality", kind, "failed" if texts else "passed", "; ".join(texts))


def _of_performance(performance: PerformanceReport) -> Iterator[Check]:
    if performance.why is not None and not performance.metrics and not performance.estimates:
        yield Check("performance", "all metrics", "skipped", performance.why)
    for metric, figure in performance.metrics.items():
        yield _of_metric(metric, figure, performance.baseline.get(metric))
    for estimate in performance.estimates:
        # What really happened says more than what was thought of it.
        realized = performance.metrics.get(estimate.metric)
        if realized is None or realized.value is None:
            baseline = performance.baseline.get(estimate.metric)
            yield _of_metric(f"estimated {estimate.metric}", estimate.estimated, baseline, estimate.metric)
    for change in performance.changes:
        text = change.why or ""
        if change.changed:
            text = f"the errors changed at {_WRITING.moment(change.at[-1])}" if change.at else "the errors changed"
            text += f": mean {_WRITING.number(change.before)} → {_WRITING.number(change.after)}"
        yield Check("performance", f"concept: {change.method}", _OUTCOMES[change.is_worse], text)


def _of_metric(name: str, figure: Figure, baseline: float | None, metric: str | None = None) -> Check:
    if figure.value is None:
        return Check("performance", name, "skipped", figure.why or _NOT_SAID)
    text = _WRITING.interval(figure.value, figure.low, figure.high)
    judgement = judged(metric or name, figure, baseline)
    if judgement is None:
        why = "no baseline" if baseline is None else figure.why or "not compared"
        return Check("performance", name, "skipped", f"{text}, {why}")
    text = f"{text}, baseline {_WRITING.interval(baseline)}"
    return Check("performance", name, "failed" if judgement == "worse" else "passed", text)


def _of_alert(alert: AlertState) -> Check:
    return Check("alerts", alert.rule, "failed" if alert.state == "firing" else "passed", alert.text)
