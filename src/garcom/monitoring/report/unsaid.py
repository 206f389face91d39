"""What a report could not say, gathered from all its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from garcom.monitoring.records import PerformanceReport, Report

Part = Literal["drift", "quality", "performance", "alerts"]


class Unsaid(NamedTuple):
    """What has no number, and the sentence that says why; ``what`` is empty for a whole part."""

    part: Part
    what: tuple[str, ...]
    why: str


class _One(NamedTuple):
    part: Part
    what: str
    why: str


def unsaid(report: Report) -> list[Unsaid]:
    """Everything that has a reason instead of a number, once for each reason; windows are left to their own table."""
    found: dict[tuple[Part, str], dict[str, None]] = {}
    for each in _all(report):
        found.setdefault((each.part, each.why), {})[each.what] = None
    return [Unsaid(part, tuple(name for name in names if name), why) for (part, why), names in found.items()]


def _all(report: Report) -> Iterator[_One]:
    if (drift := report.drift) is not None:
        if drift.why:
            yield _One("drift", "", drift.why)
        if drift.parts_why:
            yield _One("drift", "over_time", drift.parts_why)
        yield from (_One("drift", each.column, each.why) for each in drift.columns if each.why)
        yield from (_One("drift", each.method, each.why) for each in drift.joint if each.why)
    if (quality := report.quality) is not None:
        if quality.why:
            yield _One("quality", "", quality.why)
        if quality.parts_why:
            yield _One("quality", "over_time", quality.parts_why)
        if quality.duplicates.why:
            yield _One("quality", "duplicates", quality.duplicates.why)
    if report.performance is not None:
        yield from _of_performance(report.performance)
    yield from (_One("alerts", each.rule, each.why) for each in report.alerts if each.why)


def _of_performance(performance: PerformanceReport) -> Iterator[_One]:
    if performance.why:
        yield _One("performance", "", performance.why)
    yield from (_One("performance", name, each.why) for name, each in performance.metrics.items() if each.why)
    for estimate in performance.estimates:
        if estimate.estimated.why:
            yield _One("performance", estimate.metric, estimate.estimated.why)
    yield from (_One("performance", each.metric, each.why) for each in performance.track_record if each.why)
    yield from (_One("performance", each.method, each.why) for each in performance.changes if each.why)
    for segment, figures in performance.segments.items():
        for name, figure in figures.items():
            if figure.why:
                yield _One("performance", f"{segment}: {name}", figure.why)
