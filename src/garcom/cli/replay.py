"""``garcom replay``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import AllowPythonOption, HomeOption, JsonOption, home_folder
from garcom.cli.output import emit
from garcom.cli.progress import steps

if TYPE_CHECKING:
    from garcom.replay.records import ReplayReport

#: The exit status where the agreement is below --fail-under.
BELOW = 3


class Language(StrEnum):
    """That of the page."""

    ENGLISH = "en"
    PORTUGUESE = "pt"


def command(
    candidate: Annotated[
        str, typer.Argument(metavar="MODEL:N", help="The version to try on what its model was asked.")
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="MODEL:N",
            help="Compare with what this version answers now. Default: with what was answered then.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="From then on: a duration before now (`30m`, `1h`, `7d`) or a date (ISO 8601)."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before then, written likewise.")] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Only what this version answered then.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The newest so many.")] = None,
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", min=0.0, help="Regressions agree within this share of the old value."),
    ] = 0.01,
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            min=0.0,
            max=1.0,
            help="Leave with status 3 when a smaller share of the rows agrees, or none could be compared.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page here as well, in one file.", show_default=False)
    ] = None,
    language: Annotated[Language, typer.Option("--lang", help="The language of the page.")] = Language.ENGLISH,
    allow_python: AllowPythonOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the logged inputs of a model through another version, and show what would change.

    It reads the lake and the journal of the home folder, whether the server runs or not, and answers in this process:
    nothing is served, and nothing is written down.

    Exit status: 0 replayed, 1 refused (the message says why), 2 wrong usage, 3 below --fail-under.

    Examples: `garcom replay wine:4 --against wine:3 --since 7d`, `garcom replay wine:4 --limit 10000 --html report.html
    --fail-under 0.99`
    """
    from garcom.cli.describe_replay import tell_report
    from garcom.cli.lake import lake_of
    from garcom.lake.predictions import Wanted
    from garcom.moments import parse_moment
    from garcom.registry import Registry
    from garcom.registry.reference import parse_reference
    from garcom.replay.replay import Candidate, replay
    from garcom.settings import load_settings

    folder = home_folder(home)
    settings = load_settings({"home": str(folder), "allow_python": allow_python})
    new = Candidate.named(parse_reference(candidate))
    old = None if against is None else Candidate.named(parse_reference(against))
    now = datetime.now(UTC)
    first, last = (None if text is None else parse_moment(text, now) for text in (since, until))
    with steps(quiet=as_json or not sys.stderr.isatty()) as step:
        report = replay(
            lake_of(home),
            Registry.open(folder),
            new,
            old,
            wanted=Wanted(first, last, version),
            limit=limit,
            tolerance=tolerance,
            allow_python=settings.allow_python,
            python_timeout_s=settings.python_timeout_s,
            python_memory_mb=settings.python_memory_mb,
            progress=lambda done, rows: step(f"replayed {done:,} of {rows:,} rows", done / rows),
        )
    if html is not None:
        _write(html, report, language)
    emit(report, as_json, lambda console: tell_report(console, report))
    if fail_under is not None:
        _judge(report, fail_under)


def _write(path: Path, report: ReplayReport, language: Language) -> None:
    from garcom.errors import InputError
    from garcom.replay.page import page

    try:
        path.write_text(page(report, language.value), encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}. Choose another file.") from error
    typer.echo(f"Wrote {path}.", err=True)


def _judge(report: ReplayReport, least: float) -> None:
    found = report.agreement.share
    if found is None:
        typer.secho(f"Expected an agreement of at least {least:g}, and no row could be compared.", fg="red", err=True)
        raise typer.Exit(BELOW)
    if found < least:
        typer.secho(f"Expected an agreement of at least {least:g}, got {found:.6g}.", fg="red", err=True)
        raise typer.Exit(BELOW)
