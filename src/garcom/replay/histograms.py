"""Histograms as SVG that stands in a page: no script, and the colours of the page."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from markupsafe import Markup, escape

from garcom.replay.records import Histogram

WIDTH, HEIGHT = 640, 180
#: Room below the bars for the ends of the axis, and above for the highest count.
_BELOW, _ABOVE = 22, 18
#: The least height of a bar that counts anything: one row in a million must be seen too.
_LEAST = 1.5


def histogram_svg(histogram: Histogram, label: str, number: Callable[[float], str]) -> Markup:
    """The bars, the ends of the axis, and the highest count; ``label`` is read to those who cannot see it."""
    edges, counts = histogram.edges, histogram.counts
    width, most = WIDTH / len(counts), max(counts)
    room = HEIGHT - _BELOW - _ABOVE
    bars = Markup("").join(
        _bar(i * width, width, max(room * count / most, _LEAST), f"{number(low)} – {number(high)}: {number(count)}")
        for i, ((low, high), count) in enumerate(zip(pairwise(edges), counts, strict=True))
        if count
    )
    base = HEIGHT - _BELOW
    texts = Markup('<text x="0" y="12">{}</text>').format(number(most)) + Markup("").join(
        Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, HEIGHT - 5, anchor, number(value))
        for x, anchor, value in _ticks(histogram)
    )
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}<line x1="0" y1="{}" x2="{}" y2="{}"/>{}</svg>'
    ).format(WIDTH, HEIGHT, escape(label), bars, base, WIDTH, base, texts)


def _bar(x: float, width: float, height: float, title: str) -> Markup:
    y = HEIGHT - _BELOW - height
    return Markup('<rect x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        f"{x + 0.5:.2f}", f"{y:.2f}", f"{width - 1:.2f}", f"{height:.2f}", title
    )


def _ticks(histogram: Histogram) -> list[tuple[float, str, float]]:
    """Where a number stands below the axis: at both ends, and at 0 where that is well between them."""
    least, greatest = histogram.edges[0], histogram.edges[-1]
    if least == greatest:
        return [(WIDTH / 2, "middle", least)]
    ticks = [(0.0, "start", least), (float(WIDTH), "end", greatest)]
    zero = WIDTH * -least / (greatest - least)
    return [*ticks, (zero, "middle", 0.0)] if 0.15 * WIDTH < zero < 0.85 * WIDTH else ticks
