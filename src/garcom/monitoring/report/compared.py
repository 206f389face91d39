"""``garcom.report``: two tables compared, as an object that a notebook shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec
from markupsafe import escape

from garcom.errors import InputError
from garcom.monitoring.compare import compare_files, compare_frames
from garcom.monitoring.records import Report
from garcom.monitoring.report.checks import Check, checks
from garcom.monitoring.report.junit import junit
from garcom.monitoring.report.page import page
from garcom.monitoring.report.verdict import verdict
from garcom.monitoring.report.writing_down import write_down
from garcom.report_page.writing import LANGUAGES


class Compared:
    """What was found: ``record`` holds every number, the methods write it down.

    A notebook shows the page, in a frame of its own; ``print`` shows the verdict.
    """

    def __init__(self, record: Report) -> None:
        self.record = record

    @property
    def drifted(self) -> bool | None:
        """Whether anything has drifted; None where it cannot be said, such as with too few rows."""
        return None if self.record.drift is None else self.record.drift.drifted

    @property
    def verdict(self) -> tuple[str, ...]:
        """The report in a few sentences."""
        return tuple(sentence.text for sentence in verdict(self.record))

    def checks(self) -> list[Check]:
        """What passed and what failed, as the test cases of :meth:`junit`."""
        return checks(self.record)

    def html(self, path: str | os.PathLike[str] | None = None, *, language: str = "en") -> str:
        """The report as one page, which is also written to ``path``; ``language`` is ``en`` or ``pt``.

        Raises InputError for another language, and for a path that cannot be written.
        """
        if language not in LANGUAGES:
            raise InputError(f"Expected a language of {', '.join(LANGUAGES)}, got {language!r}.")
        return _kept(page(self.record, language), path)

    def json(self, path: str | os.PathLike[str] | None = None) -> str:
        """All numbers as JSON (null for NaN), also written to ``path``; raises InputError when that cannot be."""
        return _kept(msgspec.json.format(msgspec.json.encode(self.record), indent=2).decode(), path)

    def junit(self, path: str | os.PathLike[str] | None = None) -> str:
        """The checks as JUnit XML, also written to ``path``; raises InputError when that cannot be."""
        return _kept(junit(self.record), path)

    def _repr_html_(self) -> str:
        # A frame keeps the page's style and script from the notebook, and the notebook's from the page.
        return (
            f'<iframe srcdoc="{escape(self.html())}" title="{escape(self.record.title)}" sandbox="allow-scripts" '
            'style="width: 100%; height: 48rem; border: 1px solid #8886; border-radius: 8px"></iframe>'
        )

    def __repr__(self) -> str:
        return "\n".join((f"Report: {self.record.title}", *self.verdict))


def report(
    reference: Any,
    current: Any,
    *,
    prediction: str | None = None,
    truth: str | None = None,
    task: Literal["classification", "regression"] | None = None,
    min_rows: int = 100,
) -> Compared:
    """Compare current rows with reference rows: drift, quality, and performance where ``truth`` is known.

    ``reference`` and ``current`` are tables (pandas, polars, Arrow, or a mapping of columns), or paths of files (CSV,
    Parquet, Arrow, JSON). ``prediction`` and ``truth`` name the columns of what a model answered and of what really
    happened; all others are features. Columns with fewer than ``min_rows`` values are not judged.

    Raises InputError for what is no table, and for columns that are named but not there; DataError for a file that
    cannot be read.

    >>> import garcom
    >>> found = garcom.report({"x": range(1000)}, {"x": range(500, 1500)})
    >>> found.drifted
    True
    """
    paths = [isinstance(side, (str, os.PathLike)) for side in (reference, current)]
    options: dict[str, Any] = {"prediction": prediction, "truth": truth, "task": task, "min_rows": min_rows}
    if all(paths):
        return Compared(compare_files(Path(reference), Path(current), **options))
    if any(paths):
        raise InputError("Expected two tables or two files, got one of each. Read the file first, or save the table.")
    return Compared(compare_frames(reference, current, **options))


def _kept(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        write_down(Path(path), text)
    return text
