"""What the page shows of performance, in the order in which it is read."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from markupsafe import Markup

from garcom.monitoring.records import Confusion, Estimate, Figure, PerformanceReport, PerformanceWindow
from garcom.monitoring.report.metrics import Judgement, headlines, judged
from garcom.monitoring.report.names import named
from garcom.monitoring.report.phrases import PHRASES
from garcom.monitoring.report.time_chart import metric_svg
from garcom.report_page.writing import Writing

#: More labels than these are no matrix that anyone reads.
_LABELS = 20
#: The windows' table names so many metrics; the drawings show all.
_TABLED = 3


class MetricRow(NamedTuple):
    """One metric over the whole window, beside its baseline and its estimate."""

    name: str
    figure: Figure | None
    baseline: float | None
    judgement: Judgement | None
    estimate: Estimate | None


def performance_part(performance: PerformanceReport, writing: Writing, language: str) -> dict[str, Any]:
    """The values that ``performance.html`` asks for."""
    phrases = PHRASES[language]
    names = _names(performance)
    drawn = [(name, metric_svg(name, named(language, name), performance, writing, phrases)) for name in names]
    in_windows = {name for each in performance.windows for name in (*each.metrics, *_estimated(each))}
    in_segments = {name for figures in performance.segments.values() for name in figures}
    return {
        "metrics": _rows(performance, names),
        "charts": [(name, drawing) for name, drawing in drawn if drawing],
        "window_metrics": [name for name in names if name in in_windows][:_TABLED],
        "estimated_windows": any(each.estimates for each in performance.windows),
        "estimated_in": partial(_estimated_in, writing),
        "segment_metrics": [name for name in names if name in in_segments],
        "worse_segment": partial(_worse_segment, performance),
        "confusion": None if performance.confusion is None else _matrix(performance.confusion),
        "between": partial(_between, writing),
    }


def _names(performance: PerformanceReport) -> list[str]:
    """Every metric that is told of anywhere, the headlines first."""
    everywhere = dict.fromkeys(performance.metrics)
    everywhere |= dict.fromkeys(each.metric for each in performance.estimates)
    for window in performance.windows:
        everywhere |= dict.fromkeys((*window.metrics, *_estimated(window)))
    for figures in performance.segments.values():
        everywhere |= dict.fromkeys(figures)
    return list(dict.fromkeys((*headlines(everywhere), *everywhere)))


def _rows(performance: PerformanceReport, names: list[str]) -> list[MetricRow]:
    estimates = {each.metric: each for each in performance.estimates if each.estimated.value is not None}
    rows = []
    for name in names:
        figure, baseline, estimate = performance.metrics.get(name), performance.baseline.get(name), estimates.get(name)
        known = None if estimate is None else estimate.estimated
        if figure is not None and figure.value is not None:
            known = figure
        judgement = None if known is None else judged(name, known, baseline)
        if figure is not None or estimate is not None:
            rows.append(MetricRow(name, figure, baseline, judgement, estimate))
    return rows


def _estimated(window: PerformanceWindow) -> list[str]:
    return [each.metric for each in window.estimates]


def _estimated_in(writing: Writing, window: PerformanceWindow, name: str) -> str:
    found = next((each.estimated for each in window.estimates if each.metric == name), None)
    return "–" if found is None else writing.interval(found.value, found.low, found.high)


def _between(writing: Writing, figure: Figure) -> str:
    return "–" if figure.low is None else f"{writing.number(figure.low)} – {writing.number(figure.high)}"


def _worse_segment(performance: PerformanceReport, name: str, figure: Figure) -> bool:
    whole = performance.metrics.get(name)
    return whole is not None and judged(name, figure, whole.value) == "worse"


def _matrix(confusion: Confusion) -> dict[str, Any]:
    """The counts with their shade: how much of the row they are."""
    answered, rows = confusion.labels[:_LABELS], []
    truths = (*confusion.labels, Markup("…"))
    for i, counts in enumerate(confusion.counts[: _LABELS + (len(confusion.labels) <= _LABELS)]):
        whole = sum(counts) or 1
        cells = [
            {"count": count, "shade": round(60 * count / whole), "right": i == j}
            for j, count in enumerate(counts[:_LABELS])
        ]
        rows.append({"label": truths[min(i, len(confusion.labels))], "cells": cells})
    return {"labels": answered, "rows": rows, "total": len(confusion.labels)}
