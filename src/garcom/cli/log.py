"""``garcom log``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import number, plain, table, terminal

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

#: What a table shows where nobody said how many.
_SHOWN = 20


class Form(StrEnum):
    """How the predictions are written."""

    TABLE = "table"
    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL[:N]", help="A model, or one version of it.")],
    since: Annotated[
        str | None,
        typer.Option("--since", help="From then on: a duration before now (`30m`, `1h`, `7d`) or a date (ISO 8601)."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before then, written likewise.")] = None,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Only those of this version.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help="The newest so many. Default: 20 in a table, all otherwise.", show_default=False
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format", help="How to write them. Default: as the ending of --out tells, or a table.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them here: .parquet, .csv or .json.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the predictions that a model gave, with what really happened; the newest come last.

    It reads the lake and the journal of the home folder, whether the server runs or not. Files have a column for each
    field, probability and target.

    Examples: `garcom log wine --since 1h`, `garcom log wine:2 --since 2026-11-01 --out wine.parquet`
    """
    from garcom.cli.lake import lake_of
    from garcom.client.client import chosen
    from garcom.lake.predictions import Predictions
    from garcom.moments import parse_moment
    from garcom.registry import Registry

    form = _form(Form.JSON if as_json else form, out)
    name, version = chosen(model, version)
    now = datetime.now(UTC)
    first, last = (None if text is None else parse_moment(text, now) for text in (since, until))
    most = _SHOWN if form is Form.TABLE and limit is None else limit
    lake = lake_of(home)
    frame = Predictions(lake).frame(name, since=first, until=last, version=version, limit=most)
    if frame.is_empty() and not lake.predictions.files(model=name):
        Registry.open(home_folder(home)).model(name)  # ModelNotFound, if that is why
    if form is Form.TABLE:
        _tell(terminal(), frame, name, whole=limit is not None or len(frame) < _SHOWN)
    else:
        _tell_export(lake.home, name, len(frame))
        _write(frame, form, out)


def _tell_export(home: Path, model: str, n_rows: int) -> None:
    """Write it into the audit trail, before anything is taken away."""
    from garcom.storage.audit import record
    from garcom.storage.database import Database

    with Database.open(home).write() as connection:
        told = {"model": model, "predictions": n_rows, "export": True}
        record(connection, "predictions.export", model, after=told)


def _form(form: Form | None, out: Path | None) -> Form:
    told = None if out is None else out.suffix.lower().removeprefix(".")
    if form is None and told is not None:
        if told not in (Form.PARQUET, Form.CSV, Form.JSON):
            raise typer.BadParameter(
                f"expected a file ending in .parquet, .csv or .json, got {out}", param_hint="--out"
            )
        return Form(told)
    if form is Form.TABLE and out is not None:
        raise typer.BadParameter("expected parquet, csv or json for a file, got table", param_hint="--format")
    if form is Form.PARQUET and out is None and sys.stdout.isatty():
        raise typer.BadParameter("expected a file for parquet, which no terminal shows", param_hint="--out")
    return form or Form.TABLE


def _write(frame: pl.DataFrame, form: Form, out: Path | None) -> None:
    from garcom.errors import InputError

    data = _encoded(frame, form)
    if out is None:
        sys.stdout.buffer.write(data)
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        raise InputError(f"Cannot write {out}: {error.strerror or error}.") from error
    typer.echo(f"Wrote {len(frame):,} predictions to {out}.", err=True)


def _encoded(frame: pl.DataFrame, form: Form) -> bytes:
    import io

    import msgspec

    match form:
        case Form.CSV:
            return frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ").encode()
        case Form.PARQUET:
            data = io.BytesIO()
            frame.write_parquet(data, compression="zstd")
            return data.getvalue()
        case _:
            return msgspec.json.format(msgspec.json.encode(frame.to_dicts()), indent=2) + b"\n"


def _tell(console: Console, frame: pl.DataFrame, model: str, *, whole: bool) -> None:
    if frame.is_empty():
        console.print(f"No predictions of {plain(model)} in this time.")
        return
    parts = [name for name in frame.columns if name.split("_")[0] in ("prediction", "actual", "score")]
    made = table("time", "version", *parts, "latency", "id", numbers=("version", "latency"))
    for row in frame.iter_rows(named=True):
        time = row["time"].strftime("%Y-%m-%d %H:%M:%S")
        latency = "-" if row["latency_ms"] is None else f"{number(row['latency_ms'])} ms"
        made.add_row(time, str(row["version"]), *(_shown(row[part]) for part in parts), latency, row["id"])
    console.print(made)
    if not whole:
        console.print(f"The newest {len(frame)}; --limit N shows more, --out FILE writes all with their inputs.")


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else plain(value)
