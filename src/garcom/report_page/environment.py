"""Templates of pages that stand alone, and what must hold of the pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from garcom.report_page.writing import Writing

_SHARED = Path(__file__).parent / "templates"
#: What XML 1.0 permits nowhere, not even escaped; lone surrogates could not be written as UTF-8 either.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def environment(templates: Path, writing: Writing, phrases: Mapping[str, str]) -> Environment:
    """The templates of a folder, and ``style.css`` for each: numbers as filters, phrases as ``_("…")``.

    What is filled in is escaped, and a name that is not there is an error.
    """
    made = Environment(
        loader=FileSystemLoader([templates, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= writing.filters
    made.globals |= {"_": phrases.__getitem__, "language": writing.language}
    return made


def rendered(made: Environment, template: str, **values: Any) -> str:
    """The page; it is well-formed XML too, whatever was filled in."""
    return readable(made.get_template(template).render(values))


def readable(text: str) -> str:
    """The text with U+FFFD for each character that XML has no place for."""
    return _FORBIDDEN.sub("\ufffd", text)
