"""A report as a page of its own: one file, nothing fetched from anywhere, and no script needed to read it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from garcom.monitoring.records import ColumnDrift, DriftReport, QualityReport, Report, Scope
from garcom.monitoring.report.column_chart import MOST_BARS, column_svg
from garcom.monitoring.report.names import named
from garcom.monitoring.report.over_time_part import drift_over_time_part, quality_over_time_part
from garcom.monitoring.report.performance_part import performance_part
from garcom.monitoring.report.phrases import PHRASES
from garcom.monitoring.report.reasons import language_of, reason
from garcom.monitoring.report.time_chart import faults_svg, traffic_svg
from garcom.monitoring.report.unsaid import unsaid
from garcom.monitoring.report.verdict import state_of, verdict
from garcom.report_page.environment import environment, rendered
from garcom.report_page.writing import Writing

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPT = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
#: So many drifted columns are open when the page is opened; the drawings of so many tell the share of each bar.
_OPENED, _TITLED = 6, 60
#: Measures stand in this order, those of numbers first; one that is not here comes last.
_ORDER = ("kolmogorov_smirnov", "wasserstein", "population_stability", "jensen_shannon", "hellinger", "chi_square")


def page(report: Report, language: str = "en") -> str:
    """The report as HTML; it is well-formed XML too. ``language`` is one of the languages of a page.

    The script sorts and filters tables; the page's own policy lets no other run, and nothing be fetched.
    """
    sentences = verdict(report, language)
    values: dict[str, Any] = {
        "report": report,
        "scope": _scope(report),
        "verdict": sentences,
        "state": state_of(sentences),
        "unsaid": unsaid(report),
        "script": Markup(_SCRIPT),
        "script_hash": b64encode(sha256(_SCRIPT.encode()).digest()).decode(),
    }
    if report.drift is not None:
        values |= _drift_part(report.drift) | drift_over_time_part(report.drift, Writing(language), language)
    if report.performance is not None:
        values |= performance_part(report.performance, Writing(language), language)
    if report.quality is not None:
        values |= _quality_part(report.quality) | quality_over_time_part(report.quality, Writing(language), language)
    return rendered(_environment(language), "report.html", **values)


@cache
def _environment(language: str) -> Environment:
    """Kept, because its templates take longer to compile than to fill in."""
    writing, phrases = Writing(language), PHRASES[language]
    made = environment(_TEMPLATES, writing, phrases)
    made.filters["named"] = partial(named, language)
    made.filters["told"] = partial(_told, writing)
    made.filters["reason"] = partial(reason, language)
    made.filters["tongue"] = partial(language_of, language)
    made.globals |= writing.filters
    made.globals |= {
        "cell": partial(_cell, writing),
        "told_state": partial(_told_state, phrases.__getitem__),
        "column_svg": partial(column_svg, writing=writing, phrases=phrases),
        "traffic_svg": partial(traffic_svg, writing=writing, phrases=phrases),
        "faults_svg": partial(faults_svg, writing=writing, phrases=phrases),
    }
    return made


def _scope(report: Report) -> Scope | None:
    parts = (report.drift, report.performance, report.quality)
    return next((part.scope for part in parts if part is not None), None)


def _drift_part(drift: DriftReport) -> dict[str, Any]:
    names = {measure.name for column in drift.columns for measure in column.measures}
    drifted = [place for place, column in enumerate(drift.columns) if column.drifted and column.bars]
    return {
        "measures": sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)),
        "weighed": any(column.importance is not None for column in drift.columns),
        "opened": drifted[:_OPENED],
        "titled": _TITLED,
        "most_bars": MOST_BARS,
        "smallest_p": _smallest_p,
        "by_name": _by_name,
    }


def _quality_part(quality: QualityReport) -> dict[str, Any]:
    return {"found": {finding.column for finding in quality.findings}}


def _by_name(column: ColumnDrift) -> dict[str, float | None]:
    return {measure.name: measure.value for measure in column.measures}


def _smallest_p(column: ColumnDrift) -> float | None:
    return min((each.p_adjusted for each in column.measures if each.p_adjusted is not None), default=None)


def _told(writing: Writing, detail: Any) -> str:
    """A detail: a number, a text, or several of them."""
    if isinstance(detail, (list, tuple)):
        return ", ".join(_told(writing, each) for each in detail)
    number = isinstance(detail, (int, float)) and not isinstance(detail, bool)
    return writing.number(detail) if number else str(detail)


def _cell(writing: Writing, value: float | None, of: str = "value") -> Markup:
    """A number in a table that can be sorted by it."""
    exact = "" if value is None or value != value else value
    return Markup('<td class="n" data-v="{}">{}</td>').format(exact, writing.value(value, of))


def _told_state(phrase: Callable[[str], str], drifted: bool | None) -> Markup:
    state, word = {True: ("bad", "drifted"), False: ("fine", "steady"), None: ("unknown", "unsaid short")}[drifted]
    return Markup('<span class="state {}">{}</span>').format(state, phrase(word))
