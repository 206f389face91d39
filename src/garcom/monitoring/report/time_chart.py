"""What changes over a report's time, as lines with their intervals, and as bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import isfinite
from typing import NamedTuple

from markupsafe import Markup

from garcom.monitoring.records import Figure, PerformanceReport, Traffic
from garcom.report_page.svg import bar, dot, joined, line, path, picture, round_steps, text
from garcom.report_page.writing import Writing

_WIDTH, _HEIGHT = 480, 190
#: Room for the marks of both axes, and above.
_LEFT, _BELOW, _ABOVE = 54, 26, 12
#: So much of the range is left free above and below the values.
_FREE = 0.06


class _Point(NamedTuple):
    at: datetime
    figure: Figure


class _Axes:
    """From moments and values to places in the drawing."""

    def __init__(self, since: datetime, until: datetime, low: float, high: float) -> None:
        self.since, self.until = since, until
        self.low, self.high = low, high if high > low else low + 1.0

    def x(self, at: datetime) -> float:
        span = (self.until - self.since) / timedelta(seconds=1) or 1.0
        return _LEFT + (_WIDTH - _LEFT - 8) * ((at - self.since) / timedelta(seconds=1)) / span

    def y(self, value: float) -> float:
        return _HEIGHT - _BELOW - (_HEIGHT - _BELOW - _ABOVE) * (value - self.low) / (self.high - self.low)

    def drawn(self, writing: Writing) -> Markup:
        """The grid with its numbers, and three moments below."""
        parts = []
        for value in round_steps(self.low, self.high):
            parts.append(line(_LEFT, self.y(value), _WIDTH - 8, self.y(value)))
            parts.append(text(_LEFT - 8, self.y(value) + 4, writing.number(float(value)), "end"))
        form = "%Y-%m-%d" if self.until - self.since > timedelta(days=3) else "%m-%d %H:%M"
        middle = self.since + (self.until - self.since) / 2
        for at, anchor in ((self.since, "start"), (middle, "middle"), (self.until, "end")):
            parts.append(text(self.x(at), _HEIGHT - 6, at.strftime(form), anchor))
        return joined(parts)


def metric_svg(
    metric: str, called: str, performance: PerformanceReport, writing: Writing, phrases: Mapping[str, str]
) -> Markup:
    """A metric by window with its interval, its estimate (dashed) and its baseline (dotted); empty without a value."""
    windows = performance.windows
    known = [
        _Point(each.since + (each.until - each.since) / 2, each.metrics.get(metric, Figure(value=None)))
        for each in windows
    ]
    estimated = [
        _Point(
            each.since + (each.until - each.since) / 2,
            next((found.estimated for found in each.estimates if found.metric == metric), Figure(value=None)),
        )
        for each in windows
    ]
    baseline = performance.baseline.get(metric)
    levels = [level for point in (*known, *estimated) for level in _levels(point.figure)]
    if not levels:
        return Markup()
    if baseline is not None:
        levels.append(baseline)
    free = (max(levels) - min(levels)) * _FREE or abs(levels[0]) * _FREE or 1.0
    axes = _Axes(windows[0].since, windows[-1].until, min(levels) - free, max(levels) + free)
    parts = [axes.drawn(writing)]
    if baseline is not None:
        parts.append(line(_LEFT, axes.y(baseline), _WIDTH - 8, axes.y(baseline), "base"))
    parts += [_curve(axes, estimated, writing, "guess"), _curve(axes, known, writing, "now")]
    label = phrases["time label"].format(metric=called)
    return picture(_WIDTH, _HEIGHT, label, joined(parts), _described(known, estimated, performance, writing, phrases))


def traffic_svg(traffic: Sequence[Traffic], writing: Writing, phrases: Mapping[str, str]) -> Markup:
    """Rows of each hour (or day) as bars."""
    rows = [each.rows for each in traffic]
    axes = _Axes(traffic[0].since, _end(traffic), 0.0, float(max(rows)) or 1.0)
    width = (_WIDTH - _LEFT - 8) / len(traffic)
    parts = [axes.drawn(writing)]
    for each in traffic:
        if each.rows:
            top, title = axes.y(each.rows), f"{writing.moment(each.since)}: {writing.number(each.rows)}"
            parts.append(bar(axes.x(each.since), top, max(width - 0.6, 0.6), _HEIGHT - _BELOW - top, title, "now"))
    told = {"rows": sum(rows), "most": max(rows), "least": min(rows), "n": len(rows)}
    description = phrases["traffic description"].format(
        since=writing.moment(traffic[0].since), **{name: writing.number(value) for name, value in told.items()}
    )
    return picture(_WIDTH, _HEIGHT, phrases["traffic label"], joined(parts), description)


def faults_svg(traffic: Sequence[Traffic], writing: Writing, phrases: Mapping[str, str]) -> Markup:
    """Shares of missing values, of those out of range, and of unseen ones; empty where none is known."""
    kinds = {name: [getattr(each, name) for each in traffic] for name in ("missing", "out_of_range", "unseen")}
    known = {name: max(there) for name, each in kinds.items() if (there := [v for v in each if v is not None])}
    if not known:
        return Markup()
    axes = _Axes(traffic[0].since, _end(traffic), 0.0, max(known.values()) or 1.0)
    half = (axes.until - traffic[-1].since) / 2
    parts = [axes.drawn(writing)]
    for name in known:
        points = [
            _Point(each.since + half, Figure(value=value)) for each, value in zip(traffic, kinds[name], strict=True)
        ]
        parts += [path(((axes.x(p.at), axes.y(v)) for p, v in run), f"line {name}") for run in _runs(points)]
    values = ", ".join(f"{phrases[name.replace('_', ' ')]} {writing.percent(most)}" for name, most in known.items())
    description = phrases["shares description"].format(values=values)
    return picture(_WIDTH, _HEIGHT, phrases["shares label"], joined(parts), description)


def _curve(axes: _Axes, points: list[_Point], writing: Writing, kind: str) -> Markup:
    parts = []
    for run in _runs(points):
        edges = [(axes.x(p.at), p.figure.low, p.figure.high) for p, _ in run]
        low = [(x, axes.y(low)) for x, low, _ in edges if low is not None and isfinite(low)]
        high = [(x, axes.y(high)) for x, _, high in edges if high is not None and isfinite(high)]
        if len(low) == len(high) == len(run) > 1:
            parts.append(path([*low, *reversed(high)], f"band {kind}", closed=True))
        elif len(run) == len(low) == len(high):
            parts.append(line(*low[0], *high[0], f"whisker {kind}"))
        parts.append(path(((axes.x(p.at), axes.y(value)) for p, value in run), f"line {kind}"))
        for p, value in run:
            title = f"{writing.moment(p.at)}: {writing.interval(value, p.figure.low, p.figure.high)}"
            parts.append(dot(axes.x(p.at), axes.y(value), title, kind))
    return joined(parts)


def _runs(points: Iterable[_Point]) -> list[list[tuple[_Point, float]]]:
    """The points that have a value, apart where some between them have none."""
    told = [(p, p.figure.value) for p in points]
    return [
        [(p, value) for p, value in run if value is not None]
        for there, run in groupby(told, key=lambda each: each[1] is not None and isfinite(each[1]))
        if there
    ]


def _levels(figure: Figure) -> list[float]:
    if figure.value is None or not isfinite(figure.value):
        return []
    return [each for each in (figure.value, figure.low, figure.high) if each is not None and isfinite(each)]


def _described(
    known: list[_Point],
    estimated: list[_Point],
    performance: PerformanceReport,
    writing: Writing,
    phrases: Mapping[str, str],
) -> str:
    values = [v for run in _runs(known) for _, v in run] or [v for run in _runs(estimated) for _, v in run]
    told = phrases["time no values"]
    if values:
        ends = {"least": min(values), "greatest": max(values), "last": values[-1]}
        told = phrases["time values"].format(**{name: writing.interval(value) for name, value in ends.items()})
    return phrases["time description"].format(
        n=writing.number(len(performance.windows)),
        since=writing.moment(performance.windows[0].since),
        until=writing.moment(performance.windows[-1].until),
        values=told,
    )


def _end(traffic: Sequence[Traffic]) -> datetime:
    """When the last part ends: each is as long as the one before it."""
    length = traffic[-1].since - traffic[-2].since if len(traffic) > 1 else timedelta(hours=1)
    return traffic[-1].since + length
