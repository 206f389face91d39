"""A replay as a page of its own: one file, nothing fetched from anywhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from garcom.replay.histograms import histogram_svg
from garcom.replay.phrases import PHRASES
from garcom.replay.records import ReplayReport

_TEMPLATES = Path(__file__).parent / "templates"
#: The languages of a page, and how each writes 1,234.5.
_SEPARATORS = {"en": (",", "."), "pt": (".", ",")}
LANGUAGES = tuple(_SEPARATORS)


def page(report: ReplayReport, language: str = "en") -> str:
    """The report as HTML; it is well-formed XML too. ``language`` is one of :data:`LANGUAGES`."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    number, percent = partial(_number, language), partial(_percent, language)
    environment.filters |= {
        "number": number,
        "percent": percent,
        "duration": partial(_duration, language),
        "told": partial(_told, language),
    }
    environment.globals["svg"] = partial(histogram_svg, number=number)
    return environment.get_template("replay.html").render(
        report=report, language=language, _=PHRASES[language].__getitem__
    )


def _written(language: str, text: str) -> str:
    """A number in English writing as the language writes it."""
    thousands, decimal = _SEPARATORS[language]
    return text.translate(str.maketrans(",.", thousands + decimal))


def _number(language: str, value: float | None) -> str:
    if value is None or value != value:
        return "–"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return _written(language, text)


def _percent(language: str, value: float | None) -> str:
    return "–" if value is None else _written(language, f"{value:.2%}")


def _duration(language: str, microseconds: float) -> str:
    for limit, unit in ((1e3, "µs"), (1e6, "ms")):
        if microseconds < limit:
            return f"{_number(language, microseconds / (limit / 1e3))} {unit}"
    return f"{_number(language, microseconds / 1e6)} s"


def _told(language: str, answer: Any) -> str:
    """A label, a number, or an object of targets."""
    if isinstance(answer, dict):
        return ", ".join(f"{name} {_told(language, value)}" for name, value in answer.items())
    return _number(language, answer) if isinstance(answer, float) else str(answer)
