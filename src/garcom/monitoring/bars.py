"""Histograms for people: bars of equal width over the range where nearly all rows are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from garcom.moments import moment_at
from garcom.monitoring.records import Bar
from garcom.profiles.columns import Of
from garcom.profiles.grid import Grid
from garcom.records import IntArray

N_BARS = 24
#: So much of both sides may lie outside the bars of equal width, at each end.
_TAIL = 0.005


def bars_of(grid: Grid, left: IntArray, right: IntArray, of: Of = "value") -> tuple[Bar, ...]:
    """Bars of equal width from the counts of cells, and one at each end for what lies beyond; none is empty at an end.

    A cell belongs to the bar in which its middle lies. Labels of moments are dates.
    """
    text = _moment if of == "moment" else _text
    used = np.flatnonzero(left + right)
    if not len(used):
        return ()
    where = grid.positions()[used]
    p, q = left[used] / max(1, int(left.sum())), right[used] / max(1, int(right.sum()))
    both = np.cumsum((p + q) / (p.sum() + q.sum()))
    first, last = (int(np.searchsorted(both, share)) for share in (_TAIL, 1 - _TAIL))
    low, high = where[first], where[min(last, len(where) - 1)]
    if not high > low:
        return (Bar(label=text(low), reference=float(p.sum()), current=float(q.sum()), low=float(low)),)
    edges = np.linspace(low, high, N_BARS + 1)
    edges[-1] = np.nextafter(high, np.inf)
    place = np.searchsorted(edges, where, side="right")  # 0 below all, N_BARS + 1 above
    shares = [np.bincount(place, side, N_BARS + 2) for side in (p, q)]
    borders = [None, *edges.tolist(), None]
    return tuple(
        Bar(
            label=_range(borders[at], borders[at + 1], text),
            reference=float(shares[0][at]),
            current=float(shares[1][at]),
            low=borders[at],
            high=borders[at + 1],
        )
        for at in range(N_BARS + 2)
        if 0 < at <= N_BARS or shares[0][at] or shares[1][at]
    )


def _range(low: float | None, high: float | None, text: Callable[[float | None], str]) -> str:
    if low is None:
        return f"< {text(high)}"
    return f"≥ {text(low)}" if high is None else f"{text(low)} – {text(high)}"


def _moment(value: float | None) -> str:
    moment = None if value is None else moment_at(value)
    return _text(value) if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
