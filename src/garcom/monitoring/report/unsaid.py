"""What a report could not say, gathered from all its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from garcom.monitoring.records import PerformanceReport, Report


class Unsaid(NamedTuple):
    """Something that has no number, and the sentence that says why; ``what`` is "" for a whole part."""

    part: Literal["drift", "quality", "performance", "alerts"]
    what: str
    why: str


def unsaid(report: Report) -> list[Unsaid]:
    """Everything that has a reason instead of a number, once each; windows are left to their own table."""
    return list(dict.fromkeys(_all(report)))


def _all(report: Report) -> Iterator[Unsaid]:
    if (drift := report.drift) is not None:
        if drift.why:
            yield Unsaid("drift", "", drift.why)
        yield from (Unsaid("drift", each.column, each.why) for each in drift.columns if each.why)
        yield from (Unsaid("drift", each.method, each.why) for each in drift.joint if each.why)
    if (quality := report.quality) is not None:
        if quality.why:
            yield Unsaid("quality", "", quality.why)
        if quality.duplicates.why:
            yield Unsaid("quality", "duplicates", quality.duplicates.why)
    if report.performance is not None:
        yield from _of_performance(report.performance)
    yield from (Unsaid("alerts", each.rule, each.why) for each in report.alerts if each.why)


def _of_performance(performance: PerformanceReport) -> Iterator[Unsaid]:
    if performance.why:
        yield Unsaid("performance", "", performance.why)
    yield from (Unsaid("performance", name, each.why) for name, each in performance.metrics.items() if each.why)
    for estimate in performance.estimates:
        if estimate.estimated.why:
            yield Unsaid("performance", estimate.metric, estimate.estimated.why)
    yield from (Unsaid("performance", each.metric, each.why) for each in performance.track_record if each.why)
    yield from (Unsaid("performance", each.method, each.why) for each in performance.changes if each.why)
    for segment, figures in performance.segments.items():
        for name, figure in figures.items():
            if figure.why:
                yield Unsaid("performance", f"{segment}: {name}", figure.why)
