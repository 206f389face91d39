"""Histograms as SVG that stands in a page: no script, and the colours of the page."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from markupsafe import Markup

from garcom.replay.records import Histogram
from garcom.report_page.svg import bar, joined, line, picture, text

WIDTH, HEIGHT = 640, 180
#: Room below the bars for the ends of the axis, and above for the highest count.
_BELOW, _ABOVE = 22, 18
#: The least height of a bar that counts anything: one row in a million must be seen too.
_LEAST = 1.5


def histogram_svg(histogram: Histogram, label: str, number: Callable[[float], str]) -> Markup:
    """The bars, the ends of the axis, and the highest count; ``label`` is read to those who cannot see it."""
    edges, counts = histogram.edges, histogram.counts
    width, most = WIDTH / len(counts), max(counts)
    room, base = HEIGHT - _BELOW - _ABOVE, HEIGHT - _BELOW
    bars = []
    for i, ((low, high), count) in enumerate(zip(pairwise(edges), counts, strict=True)):
        if count:
            height = max(room * count / most, _LEAST)
            told = f"{number(low)} – {number(high)}: {number(count)}"
            bars.append(bar(i * width + 0.5, base - height, width - 1, height, told))
    ends = (text(x, HEIGHT - 5, number(value), anchor) for x, anchor, value in _ticks(histogram))
    inside = joined([*bars, line(0, base, WIDTH, base), text(0, 12, number(most)), *ends])
    return picture(WIDTH, HEIGHT, label, inside)


def _ticks(histogram: Histogram) -> list[tuple[float, str, float]]:
    """Where a number stands below the axis: at both ends, and at 0 where that is well between them."""
    least, greatest = histogram.edges[0], histogram.edges[-1]
    if least == greatest:
        return [(WIDTH / 2, "middle", least)]
    ticks = [(0.0, "start", least), (float(WIDTH), "end", greatest)]
    zero = WIDTH * -least / (greatest - least)
    return [*ticks, (zero, "middle", 0.0)] if 0.15 * WIDTH < zero < 0.85 * WIDTH else ticks
