"""Parts of drawings as SVG that stands in a page: no script, and the colours of the page.

Words are escaped one by one: a page has ten thousand of these parts, and ``Markup.format`` takes far longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, log10

from markupsafe import Markup, escape


def picture(width: float, height: float, label: str, inside: Markup, description: str = "") -> Markup:
    """A drawing; ``label`` and ``description`` are read to those who cannot see it."""
    described = Markup("<desc>{}</desc>").format(description) if description else Markup()
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        _short(width), _short(height), label, described, inside
    )


def bar(x: float, y: float, width: float, height: float, title: str = "", kind: str = "") -> Markup:
    """A bar from its upper left corner; ``title`` is told of it, ``kind`` is its class in the style."""
    told = f"<title>{escape(title)}</title>" if title else ""
    place = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    return Markup(f"<rect {place}{_kind(kind)}>{told}</rect>")


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> Markup:
    """A straight line."""
    ends = f'x1="{_short(x1)}" y1="{_short(y1)}" x2="{_short(x2)}" y2="{_short(y2)}"'
    return Markup(f"<line {ends}{_kind(kind)}/>")


def text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    """Words on a line; ``anchor`` is ``start``, ``middle`` or ``end``."""
    return Markup(f'<text x="{_short(x)}" y="{_short(y)}" text-anchor="{anchor}">{escape(words)}</text>')


def path(points: Iterable[tuple[float, float]], kind: str, closed: bool = False) -> Markup:
    """A line through points, or the area that it closes; nothing where there is no point."""
    steps = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
    return Markup(f'<path d="M{steps}{"Z" if closed else ""}"{_kind(kind)}/>') if steps else Markup()


def dot(x: float, y: float, title: str, kind: str = "") -> Markup:
    """A point that tells its title."""
    place = f'cx="{_short(x)}" cy="{_short(y)}" r="3"'
    return Markup(f"<circle {place}{_kind(kind)}><title>{escape(title)}</title></circle>")


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


def _kind(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""


def _short(value: float) -> str:
    """A length with no more digits than a screen shows: large pages are made of these."""
    return f"{value:.1f}".removesuffix(".0")
