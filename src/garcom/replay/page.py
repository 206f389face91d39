"""A replay as a page of its own: one file, nothing fetched from anywhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from garcom.replay.histograms import histogram_svg
from garcom.replay.phrases import PHRASES
from garcom.replay.records import ReplayReport
from garcom.report_page.environment import environment, rendered
from garcom.report_page.writing import Writing

_TEMPLATES = Path(__file__).parent / "templates"


def page(report: ReplayReport, language: str = "en") -> str:
    """The report as HTML; it is well-formed XML too. ``language`` is one of the languages of a page."""
    writing = Writing(language)
    made = environment(_TEMPLATES, writing, PHRASES[language])
    made.filters["told"] = partial(_told, writing)
    made.globals["svg"] = partial(histogram_svg, number=writing.number)
    return rendered(made, "replay.html", report=report)


def _told(writing: Writing, answer: Any) -> str:
    """A label, a number, or an object of targets."""
    if isinstance(answer, dict):
        return ", ".join(f"{name} {_told(writing, value)}" for name, value in answer.items())
    return writing.number(answer) if isinstance(answer, float) else str(answer)
