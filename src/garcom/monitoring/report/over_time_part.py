"""What the page shows of columns over time: since when each has drifted or been at fault, and where."""

from __future__ import annotations

from math import sqrt
from typing import Any

from garcom.monitoring.records import DriftReport, Fault, QualityReport
from garcom.monitoring.report.heat_map import MOST_ROWS, HeatRow, heat_map_svg
from garcom.monitoring.report.phrases import PHRASES
from garcom.monitoring.report.when import When
from garcom.report_page.writing import Writing

#: Smaller shares that are no fault are not worth a row.
_LEAST_SHARE = 0.01
_FAULTS: tuple[Fault, ...] = ("missing", "out_of_range", "unseen")


def drift_over_time_part(drift: DriftReport, writing: Writing, language: str) -> dict[str, Any]:
    """The values that ``drift.html`` asks for: the map, how many columns it leaves out, and words."""
    phrases, rows = PHRASES[language], []
    when = When(drift.parts, writing, phrases)
    for column in drift.columns:
        if (over_time := column.over_time) is not None:
            told = [writing.number(value) for value in over_time.effects]
            marked = [drifted is True for drifted in over_time.drifted]
            shades = [value or 0.0 for value in over_time.effects]
            rows.append(HeatRow(column.column, over_time.effects, told, marked, shades, over_time.spell))
    shown = _greatest(rows)
    return {
        "moved": when.moved,
        "drift_map": heat_map_svg(shown, drift.parts, phrases["drift map label"], when, phrases) if shown else "",
        "drift_map_left": (len(shown), len(rows)) if len(rows) > len(shown) else None,
    }


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
    shown = _greatest(rows)
    return {
        "quality_map": heat_map_svg(shown, quality.parts, phrases["quality map label"], when, phrases) if shown else "",
        "quality_map_left": (len(shown), len(rows)) if len(rows) > len(shown) else None,
        "quality_spells": [
            phrases["row spell"].format(
                name=row.name,
                when=when.during(row.spell),
                most=writing.percent(row.spell.most),
                at=when.at(row.spell.most_at),
            )
            for row in shown
            if row.spell is not None
        ],
    }


def _greatest(rows: list[HeatRow]) -> list[HeatRow]:
    """Those with a spell first, then by their greatest value."""
    most = {id(row): max((value for value in row.values if value is not None), default=0.0) for row in rows}
    return sorted(rows, key=lambda row: (row.spell is None, -most[id(row)]))[:MOST_ROWS]
