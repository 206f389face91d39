"""``garcom report``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit
from garcom.cli.progress import steps

if TYPE_CHECKING:
    from garcom.monitoring.records import Report

#: The exit status where a check of --fail-on fails.
FAILED = 3
#: The endings of tables: no model is meant by them.
_FILES = {".csv", ".tsv", ".parquet", ".arrow", ".feather", ".json", ".jsonl"}
#: Of polars and OpenBLAS, which read them when they are imported: to decode one group of rows while another is seen,
#: to keep what is free in one place and give it back soon, and to multiply small matrices in one thread. That takes a
#: quarter of the memory away, and adds no time.
_LITTLE_MEMORY = {
    "POLARS_ROW_GROUP_PREFETCH_SIZE": "1",
    "_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0",
    "OPENBLAS_NUM_THREADS": "1",
}


class Language(StrEnum):
    """That of the page."""

    ENGLISH = "en"
    PORTUGUESE = "pt"


class Reference(StrEnum):
    """The rows that a model's are compared with."""

    TRAINING = "training"
    SEASONAL = "seasonal"
    PREVIOUS = "previous"


class Stage(StrEnum):
    """The roles of versions."""

    STABLE = "stable"
    CANARY = "canary"
    SHADOW = "shadow"
    PINNED = "pinned"
    EXTERNAL = "external"


class Task(StrEnum):
    """What answers are."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class FailOn(StrEnum):
    """The checks that a pipeline asks for."""

    DRIFT = "drift"
    QUALITY = "quality"
    PERFORMANCE = "performance"
    ANY = "any"


def command(
    of: Annotated[
        str,
        typer.Argument(metavar="MODEL-OR-REFERENCE", help="A model (`wine`, `wine:2`), or a file of reference rows."),
    ],
    current: Annotated[
        Path | None,
        typer.Argument(metavar="CURRENT", help="A file of current rows, beside a file of reference rows."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="From then on: a duration before now (`1h`, `7d`) or a date (ISO 8601). Default: 7d.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Before then, written likewise. Default: now.", show_default=False)
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option("--segment", metavar="FIELD=VALUE", help="Only rows with this value.", show_default=False),
    ] = None,
    stage: Annotated[
        Stage | None,
        typer.Option(
            "--stage",
            help="Only what this role answered; pinned was asked for by its number, external was logged.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        Reference | None,
        typer.Option(
            "--reference",
            help="Compare with the training data, the same hours of the weeks before, or the window before. "
            "Default: training.",
            show_default=False,
        ),
    ] = None,
    prediction: Annotated[
        str | None,
        typer.Option("--prediction", metavar="COLUMN", help="Of two files: what was answered.", show_default=False),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option("--truth", metavar="COLUMN", help="Of two files: what really happened.", show_default=False),
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option("--task", help="Of two files: what those columns are. Default: as they look.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page here as well, in one file.", show_default=False)
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", help="Write the checks here as JUnit XML, for build servers.", show_default=False),
    ] = None,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            "--fail-on",
            help="Leave with status 3 when a check of this kind fails, or nothing can be said of it. May be repeated.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[Language, typer.Option("--lang", help="The language of the page.")] = Language.ENGLISH,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report on a model's window, or on two files: drift, quality, performance, alerts.

    Of a model it reads the home folder, whether the server runs or not. Of two files (CSV, Parquet, Arrow, JSON) it
    needs neither a model nor a home folder. A first argument that is a file decides.

    Exit status: 0 reported, 1 refused (the message says why), 2 wrong usage, 3 a check of --fail-on failed.

    Examples: `garcom report wine --since 7d --html wine.html`, `garcom report january.parquet february.parquet
    --fail-on drift --junit drift.xml`
    """
    with steps(quiet=as_json or not sys.stderr.isatty()) as step:
        if current is not None or Path(of).is_file():
            _refuse(
                "a model, not of files",
                {"--since": since, "--until": until, "--segment": segment, "--stage": stage, "--reference": reference},
            )
            found = _of_files(Path(of), current, prediction, truth, task, step)
        else:
            _refuse("two files, not of a model", {"--prediction": prediction, "--truth": truth, "--task": task})
            window = (since or "7d", until)
            found = _of_model(home, of, window, segment, stage, reference or Reference.TRAINING, step)
    _write(found, html, junit, language)
    _tell(found, as_json)
    if fail_on:
        _judge(found, fail_on)


def _refuse(what: str, options: dict[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(f"It is for the report of {what}.", param_hint=name)


def _of_files(
    reference: Path,
    current: Path | None,
    prediction: str | None,
    truth: str | None,
    task: Task | None,
    step: Callable[[str, float], None],
) -> Report:
    if current is None:
        raise typer.BadParameter(f"{reference} is a file: name the file of current rows too.", param_hint="CURRENT")
    os.environ.update(_LITTLE_MEMORY | os.environ)
    from garcom.monitoring.compare import compare_files

    known: Literal["classification", "regression"] | None = None
    if task is not None:
        known = "classification" if task is Task.CLASSIFICATION else "regression"
    return compare_files(reference, current, prediction=prediction, truth=truth, task=known, progress=step)


def _of_model(
    home: Path | None,
    name: str,
    window: tuple[str, str | None],
    segment: str | None,
    stage: Stage | None,
    reference: Reference,
    step: Callable[[str, float], None],
) -> Report:
    from garcom.errors import InputError
    from garcom.moments import parse_moment
    from garcom.monitoring.monitor import Monitor
    from garcom.monitoring.records import Scope
    from garcom.registry.reference import parse_reference

    if Path(name).suffix.lower() in _FILES:
        raise InputError(f"Expected a model or a file of reference rows, but there is no file {name!r}.")
    model, version = parse_reference(name)
    now = datetime.now(UTC)
    since, until = (None if text is None else parse_moment(text, now) for text in window)
    if since is not None and since >= (until or now):
        raise InputError(f"Expected --since before --until, got {window[0]!r} and {window[1] or 'now'!r}.")
    step(f"reading what {name} answered", 0.0)
    scope = Scope(
        model=model,
        version=version,
        stage=None if stage is None else stage.value,
        segment=segment,
        since=since,
        until=until or now,
    )
    return Monitor.open(home_folder(home)).report(scope, reference=reference.value)


def _write(report: Report, html: Path | None, junit: Path | None, language: Language) -> None:
    from garcom.monitoring.report import junit as checks
    from garcom.monitoring.report.page import page
    from garcom.monitoring.report.writing_down import write_down

    if html is not None:
        write_down(html, page(report, language.value))
        typer.echo(f"Wrote {html}.", err=True)
    if junit is not None:
        write_down(junit, checks.junit(report))
        typer.echo(f"Wrote {junit}.", err=True)


def _tell(report: Report, as_json: bool) -> None:
    from garcom.cli.describe_report import tell_report

    emit(report, as_json, lambda console: tell_report(console, report))


def _judge(report: Report, fail_on: list[FailOn]) -> None:
    from garcom.cli.output import plain
    from garcom.monitoring.report.checks import GROUPS, checks, complaints

    found = checks(report)
    asked = [
        GROUPS if each is FailOn.ANY else tuple(group for group in GROUPS if group == each.value) for each in fail_on
    ]
    said = list(dict.fromkeys(sentence for groups in asked for sentence in complaints(found, groups)))
    for sentence in said:
        typer.secho(plain(sentence), fg="red", err=True)
    if said:
        raise typer.Exit(FAILED)
