"""A column's values before and now, as bars."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from garcom.monitoring.records import Bar, ColumnDrift
from garcom.report_page.svg import bar, joined, line, picture, text
from garcom.report_page.writing import Writing

#: More bars than these are no picture any more; the greatest are drawn.
MOST_BARS = 40
_WIDTH, _HEIGHT = 480, 180
#: Room below the bars for the borders, and above for the greatest share.
_BELOW, _ABOVE = 24, 20
_ROW, _LABELS, _SHARES = 30, 150, 60
#: So many signs of a category fit before its bar.
_SIGNS = 19
#: So many borders fit below the bins.
_BORDERS = 7


def column_svg(column: ColumnDrift, writing: Writing, phrases: Mapping[str, str], titled: bool = True) -> Markup:
    """Shares of the bins or categories of both sides.

    Bins stand side by side at one width, whatever they span; the outermost may be open. ``titled`` bars tell their
    shares; without, the drawing takes a third of the room.
    """
    bars = shown_bars(column)
    label = phrases["bars label"].format(column=column.column)
    most = max((share for each in bars for share in (each.reference, each.current)), default=0.0)
    if not most > 0:
        return Markup('<p class="soft">{}</p>').format(phrases["not drawn"])
    titles = [_title(each, writing, phrases) if titled else "" for each in bars]
    if column.kind == "category":
        return _across(bars, titles, most, label, writing)
    return _upright(bars, titles, most, label, writing)


def shown_bars(column: ColumnDrift) -> list[Bar]:
    """The bars that are drawn: all, or the greatest in their order."""
    if len(column.bars) <= MOST_BARS:
        return list(column.bars)
    order = sorted(range(len(column.bars)), key=lambda i: -max(column.bars[i].reference, column.bars[i].current))
    return [column.bars[i] for i in sorted(order[:MOST_BARS])]


def _title(each: Bar, writing: Writing, phrases: Mapping[str, str]) -> str:
    shares = {"reference": writing.percent(each.reference), "current": writing.percent(each.current)}
    return phrases["bars one"].format(label=each.label, **shares)


def _upright(bars: list[Bar], titles: list[str], most: float, label: str, writing: Writing) -> Markup:
    width, room, base = _WIDTH / len(bars), _HEIGHT - _BELOW - _ABOVE, _HEIGHT - _BELOW
    parts = []
    for i, (each, title) in enumerate(zip(bars, titles, strict=True)):
        before, now = room * each.reference / most, room * each.current / most
        parts.append(bar(i * width + width * 0.06, base - before, width * 0.88, before, title, "before"))
        parts.append(bar(i * width + width * 0.25, base - now, width * 0.5, now, title, "now"))
    step = -(-len(bars) // _BORDERS)
    for i in range(step if bars[0].low is None else 0, len(bars), step):
        low = bars[i].low
        if low is not None:
            parts.append(text(i * width, _HEIGHT - 7, writing.number(float(low)), "middle" if i else "start"))
    inside = joined([*parts, line(0, base, _WIDTH, base), text(0, 12, writing.percent(most))])
    return picture(_WIDTH, _HEIGHT, label, inside)


def _across(bars: list[Bar], titles: list[str], most: float, label: str, writing: Writing) -> Markup:
    room = _WIDTH - _LABELS - _SHARES
    parts = []
    for i, (each, title) in enumerate(zip(bars, titles, strict=True)):
        y, before, now = i * _ROW, room * each.reference / most, room * each.current / most
        parts.append(text(_LABELS - 8, y + 19, _cut(each.label), "end"))
        parts.append(bar(_LABELS, y + 3, before, 11, title, "before"))
        parts.append(bar(_LABELS, y + 14, now, 11, title, "now"))
        parts.append(text(_LABELS + max(before, now) + 6, y + 19, writing.percent(each.current)))
    return picture(_WIDTH, len(bars) * _ROW, label, joined(parts))


def _cut(label: str) -> str:
    return label if len(label) <= _SIGNS else label[: _SIGNS - 1] + "…"
