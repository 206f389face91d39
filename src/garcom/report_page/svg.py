"""Parts of drawings as SVG that stands in a page: no script, and the colours of the page."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, log10

from markupsafe import Markup


def picture(width: float, height: float, label: str, inside: Markup, description: str = "") -> Markup:
    """A drawing; ``label`` and ``description`` are read to those who cannot see it."""
    described = Markup("<desc>{}</desc>").format(description) if description else Markup()
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        _short(width), _short(height), label, described, inside
    )


def bar(x: float, y: float, width: float, height: float, title: str = "", kind: str = "") -> Markup:
    """A bar from its upper left corner; ``title`` is told of it, ``kind`` is its class in the style."""
    told = Markup("<title>{}</title>").format(title) if title else Markup()
    return Markup('<rect x="{}" y="{}" width="{}" height="{}"{}>{}</rect>').format(
        f"{x:.2f}", f"{y:.2f}", f"{width:.2f}", f"{height:.2f}", _kind(kind), told
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> Markup:
    """A straight line."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}"{}/>').format(*map(_short, (x1, y1, x2, y2)), _kind(kind))


def text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    """Words on a line; ``anchor`` is ``start``, ``middle`` or ``end``."""
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(_short(x), _short(y), anchor, words)


def path(points: Iterable[tuple[float, float]], kind: str, closed: bool = False) -> Markup:
    """A line through points, or the area that it closes; nothing where there is no point."""
    steps = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
    return Markup('<path d="M{}{}"{}/>').format(steps, "Z" if closed else "", _kind(kind)) if steps else Markup()


def dot(x: float, y: float, title: str, kind: str = "") -> Markup:
    """A point that tells its title."""
    return Markup('<circle cx="{}" cy="{}" r="3"{}><title>{}</title></circle>').format(
        _short(x), _short(y), _kind(kind), title
    )


def joined(parts: Iterable[Markup]) -> Markup:
    """The parts one after the other."""
    return Markup().join(parts)


def round_steps(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``, some ``about`` of them, for the marks of an axis; ``[low]`` if equal."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough * 0.999)
    return [i * step for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _kind(kind: str) -> Markup:
    return Markup(' class="{}"').format(kind) if kind else Markup()


def _short(value: float) -> str:
    """A length with no more digits than a screen shows: large pages are made of these."""
    return f"{value:.1f}".removesuffix(".0")
