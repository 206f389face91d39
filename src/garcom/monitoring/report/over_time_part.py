"""What the page shows of columns over time: since when each has drifted or been at fault, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

from markupsafe import Markup

from garcom.monitoring.records import DriftReport, Fault, Part, QualityReport
from garcom.monitoring.report.heat_map import MOST_ROWS, HeatRow, heat_map_svg
from garcom.monitoring.report.phrases import PHRASES
from garcom.monitoring.report.when import When
from garcom.report_page.writing import Writing

#: Smaller shares that are no fault are not worth a row.
_LEAST_SHARE = 0.01
_FAULTS: tuple[Fault, ...] = ("missing", "out_of_range", "unseen")


def drift_over_time_part(drift: DriftReport, writing: Writing, language: str) -> dict[str, Any]:
    """The values that ``drift.html`` asks for: the map, and words."""
    phrases, rows = PHRASES[language], []
    when = When(drift.parts, writing, phrases)
    for column in drift.columns:
        if (over_time := column.over_time) is not None:
            told = [writing.number(value) for value in over_time.effects]
            marked = [drifted is True for drifted in over_time.drifted]
            shades = [value or 0.0 for value in over_time.effects]
            rows.append(HeatRow(column.column, over_time.effects, told, marked, shades, over_time.spell))
    return {"moved": when.moved, "drift_map": _map(rows, drift.parts, "drift map label", when, phrases)}


def quality_over_time_part(quality: QualityReport, writing: Writing, language: str) -> dict[str, Any]:
    """The values that ``quality.html`` asks for: the map of all faults, and each spell as a sentence."""
    phrases, rows = PHRASES[language], []
    when = When(quality.parts, writing, phrases)
    for column in quality.columns:
        if (over_time := column.over_time) is None:
            continue
        for fault in _FAULTS:
            values: tuple[float | None, ...] = getattr(over_time, fault)
            spell = over_time.spells.get(fault)
            if spell is None and max((value for value in values if value is not None), default=0.0) < _LEAST_SHARE:
                continue
            told = [writing.percent(value) for value in values]
            marked = [was_so is True for was_so in over_time.at_fault.get(fault, (None,) * len(values))]
            shades = [sqrt(value or 0.0) for value in values]
            name = f"{column.column}: {phrases[fault.replace('_', ' ')].lower()}"
            rows.append(HeatRow(name, values, told, marked, shades, spell))
    return {
        "quality_map": _map(rows, quality.parts, "quality map label", when, phrases),
        "quality_spells": [
            phrases["row spell"].format(
                name=row.name,
                when=when.during(row.spell),
                most=writing.percent(row.spell.most),
                at=when.at(row.spell.most_at),
            )
            for row in _greatest(rows)
            if row.spell is not None
        ],
    }


class Map(NamedTuple):
    """A heat map, what it is called, and how many of how many rows it shows."""

    drawn: Markup
    label: str
    shown: int
    total: int


def _map(rows: list[HeatRow], parts: Sequence[Part], label: str, when: When, phrases: Mapping[str, str]) -> Map | None:
    """The map of the greatest rows; None without any."""
    shown = _greatest(rows)
    if not shown:
        return None
    said = phrases[label]
    return Map(heat_map_svg(shown, parts, said, when, phrases), said, len(shown), len(rows))


def _greatest(rows: list[HeatRow]) -> list[HeatRow]:
    """Those with a spell first, then by their greatest value."""
    most = {id(row): max((value for value in row.values if value is not None), default=0.0) for row in rows}
    return sorted(rows, key=lambda row: (row.spell is None, -most[id(row)]))[:MOST_ROWS]
