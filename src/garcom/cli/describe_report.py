"""A report, as its verdict and short tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from garcom.cli.output import number, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport, Report

_COLUMNS_SHOWN = 12
_FINDINGS_SHOWN = 10
_SIGNS = {"bad": ("!", "bold red"), "fine": ("✓", "green"), "unknown": ("?", "yellow")}


def tell_report(console: Console, report: Report) -> None:
    """Print what a report found, the verdict first."""
    from garcom.monitoring.report.verdict import verdict

    console.print(plain(report.title), style="bold")
    for sentence in verdict(report):
        sign, style = _SIGNS[sentence.state]
        console.print(f"{sign} {plain(sentence.text)}", style=style)
    if report.drift is not None and report.drift.columns:
        _tell_drift(console, report.drift)
    if report.performance is not None and any(each.value is not None for each in report.performance.metrics.values()):
        _tell_performance(console, report.performance)
    if report.quality is not None and report.quality.findings:
        _tell_quality(console, report.quality)


def _tell_drift(console: Console, drift: DriftReport) -> None:
    from garcom.monitoring.report.phrases import PHRASES
    from garcom.monitoring.report.when import When
    from garcom.report_page.writing import Writing

    writing = Writing("en")
    p_value = writing.p_value
    shown = drift.columns[:_COLUMNS_SHOWN]
    weighed = ("Impact",) if any(each.impact is not None for each in drift.columns) else ()
    reasons = ("Why",) if any(each.why for each in shown) else ()
    when = When(drift.parts, writing, PHRASES["en"])
    timed = ("Since",) if any(each.over_time is not None and each.over_time.spell for each in shown) else ()
    numbers = (*weighed, "Effect", "p, adjusted", "Mean before", "Mean now")
    found = table("Column", "State", *timed, *numbers, *reasons, numbers=numbers, title="Drift")
    states = {True: "drifted", False: "steady", None: "not said"}
    for each in shown:
        p = min((m.p_adjusted for m in each.measures if m.p_adjusted is not None), default=None)
        cells = [when.moved(each).removeprefix("since ").replace("–", "-")] if timed else []
        cells += [number(each.impact)] if weighed else []
        cells += [number(each.effect), p_value(p).replace("–", "-")]
        means = each.mean_reference, each.mean_current
        cells += [writing.value(mean, each.of) if each.of == "moment" else number(mean) for mean in means]
        cells += [plain(each.why or "")] if reasons else []
        name = plain(each.column) + (f" ({each.role})" if each.role != "feature" else "")
        name += " (length)" if each.of == "length" else ""
        found.add_row(name, states[each.drifted], *cells, style="bold" if each.drifted else None)
    console.print()
    console.print(found)
    _tell_rest(console, len(drift.columns) - _COLUMNS_SHOWN)


def _tell_performance(console: Console, performance: PerformanceReport) -> None:
    from garcom.monitoring.report.names import named
    from garcom.report_page.writing import Writing

    interval = Writing("en").interval
    estimates = {each.metric: each.estimated for each in performance.estimates}
    numbers = ("Value (95 %)", "Baseline", "Estimated")
    found = table("Metric", *numbers, numbers=numbers, title="Performance")
    known = {name: figure for name, figure in performance.metrics.items() if figure.value is not None}
    for name, figure in known.items():
        estimate = estimates.get(name)
        cells = (
            interval(figure.value, figure.low, figure.high),
            interval(performance.baseline.get(name)),
            interval(None) if estimate is None else interval(estimate.value, estimate.low, estimate.high),
        )
        told = (each if each != "–" else "-" for each in cells)
        found.add_row(plain(named("en", name)), *told)
    console.print()
    console.print(found)
    if performance.sampled is not None:
        console.print(f"Scored on an even sample of {performance.sampled:,} of {performance.rows:,} predictions.")
    left = dict.fromkeys(each.why for each in performance.metrics.values() if each.value is None and each.why)
    for why in left:
        names = [named("en", name) for name, each in performance.metrics.items() if each.why == why]
        console.print(plain(f"Not said: {', '.join(names)}: {why}."))


def _tell_quality(console: Console, quality: QualityReport) -> None:
    from garcom.monitoring.report.names import named

    found = table("Finding", "Column", "What", title="Data quality")
    for each in quality.findings[:_FINDINGS_SHOWN]:
        column = "all rows" if each.column is None else plain(each.column)
        found.add_row(named("en", each.kind), column, plain(each.text))
    console.print()
    console.print(found)
    _tell_rest(console, len(quality.findings) - _FINDINGS_SHOWN)


def _tell_rest(console: Console, more: int) -> None:
    if more > 0:
        console.print(f"{more} more with --json or --html.")
