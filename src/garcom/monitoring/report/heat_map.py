"""Columns over time as a heat map: a row for each column, a cell for each part of the report's time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup, escape

from garcom.monitoring.records import Part, Spell
from garcom.monitoring.report.when import When
from garcom.report_page.svg import joined, line, picture, text

#: More rows are no picture any more; those with the greatest values are drawn.
MOST_ROWS = 20
_WIDTH, _LEFT, _ROW, _BELOW = 760, 176, 20, 24
#: So many signs of a name fit before its row, and so many moments below.
_SIGNS, _MOMENTS = 24, 5
#: The least shade that is seen beside no value at all.
_LEAST_SHADE = 0.2


class HeatRow(NamedTuple):
    """What is told of one column: a value of each part (0 to 1, None if unknown), as text too, and when it was marked.

    ``shades`` (0 to 1) are how strong the colour of each cell is.
    """

    name: str
    values: Sequence[float | None]
    told: Sequence[str]
    marked: Sequence[bool]
    shades: Sequence[float]
    spell: Spell | None


def heat_map_svg(
    rows: Sequence[HeatRow], parts: Sequence[Part], label: str, when: When, phrases: Mapping[str, str]
) -> Markup:
    """The rows as cells, marked ones in the colour of what is wrong and underlined; each tells its value as a title."""
    width = (_WIDTH - _LEFT) / len(parts)
    moments = [when.at(part.since) for part in parts]
    drawn: list[Markup] = []
    for place, row in enumerate(rows):
        y = place * _ROW
        drawn.append(text(_LEFT - 8, y + 14, _cut(row.name), "end"))
        for at, value in enumerate(row.values):
            kind = "none" if value is None else "hot" if row.marked[at] else "still"
            title = phrases[f"cell {kind}"].format(name=row.name, at=moments[at], value=row.told[at])
            drawn.append(_cell(_LEFT + at * width, y, width, kind, row.shades[at], title))
        for is_marked, run in groupby(range(len(parts)), key=lambda at: row.marked[at]):
            if is_marked:
                cells = list(run)
                left, right = _LEFT + cells[0] * width, _LEFT + (cells[-1] + 1) * width
                drawn.append(line(left, y + _ROW - 2, right - min(1.0, width / 4), y + _ROW - 2, "spell"))
    height = len(rows) * _ROW + _BELOW
    step = max(1, -(-len(parts) // _MOMENTS))
    for at in range(0, len(parts), step):
        since = parts[at].since.strftime("%Y-%m-%d" if when.is_daily else "%m-%d %H:%M")
        if at + step / 2 <= len(parts) or not at:
            drawn.append(line(_LEFT + at * width, height - _BELOW, _LEFT + at * width, height - _BELOW + 5))
            drawn.append(text(_LEFT + at * width, height - 5, since))
    return picture(_WIDTH, height, label, joined(drawn), _described(rows, parts, when, phrases))


def _cell(x: float, y: float, width: float, kind: str, shade: float, title: str) -> Markup:
    strength = "" if kind == "none" else f' fill-opacity="{_LEAST_SHADE + (1 - _LEAST_SHADE) * shade:.2f}"'
    place = f'x="{x:.1f}" y="{y + 1}" width="{width - min(1.0, width / 4):.1f}" height="{_ROW - 3}"'
    return Markup(f'<rect {place} class="heat {kind}"{strength}><title>{escape(title)}</title></rect>')


def _described(rows: Sequence[HeatRow], parts: Sequence[Part], when: When, phrases: Mapping[str, str]) -> str:
    told = [f"{row.name}: {when.during(row.spell)}" for row in rows if row.spell is not None]
    return phrases["map description"].format(
        n=len(rows),
        parts=len(parts),
        since=when.at(parts[0].since),
        until=when.at(parts[-1].since),
        spells="; ".join(told) or phrases["map nothing"],
    )


def _cut(name: str) -> str:
    return name if len(name) <= _SIGNS else name[: _SIGNS - 1] + "…"
