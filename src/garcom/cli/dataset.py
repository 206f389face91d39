"""``garcom dataset``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, plain
from garcom.cli.progress import steps
from garcom.errors import Conflict

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.lake.datasets import Datasets, DatasetVersion

app = typer.Typer(
    no_args_is_help=True,
    help="Make, look at, compare, export and remove datasets: named, numbered tables that do not change. They stand in "
    "the lake of the home folder.",
)

#: What ``--from`` is called where rows come from what was served.
_PREDICTIONS = "predictions"

ReferenceArgument = Annotated[
    str, typer.Argument(metavar="NAME[:N]", help="A version of a dataset, or the newest one of a name.")
]


@app.command("create")
def create(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The dataset's name: up to 100 of a-z, 0-9, `_`, `.` and `-`, a letter or digit first."
        ),
    ],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="predictions|FILE",
            help="`predictions`, for what a model was asked and what really happened; or a file of rows (CSV, "
            "Parquet, Arrow, JSON).",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="MODEL[:N]", help="Whose predictions: a model, or one version of it.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Only predictions from then on: a duration before now (`30m`, `7d`) or a date (ISO 8601).",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Only predictions before then, written likewise. Default: now.", show_default=False),
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Only predictions of this version.")] = None,
    only_with_actual: Annotated[
        bool, typer.Option("--only-with-actual", help="Only predictions of which the actual is known.")
    ] = False,
    target: Annotated[
        str | None, typer.Option(help="The name of the column with the actual. Default: target.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write rows down as the next version of a dataset.

    The same content again is the version that exists already. Of predictions, every field of the model becomes a
    column, and the actual one more; `_garcom_id` and `_garcom_subject` say which prediction a row is and whom it is
    about (a pseudonym): training leaves them out, and erasure finds rows by them.

    Examples: `garcom dataset create wine-2026-11 --from predictions --model wine --since 30d --only-with-actual`,
    `garcom dataset create wine-red --from winequality-red.csv`
    """
    options = {
        "--model": model,
        "--since": since,
        "--until": until,
        "--version": version,
        "--only-with-actual": only_with_actual or None,
        "--target": target,
    }
    given = [option for option, value in options.items() if value is not None]
    if source != _PREDICTIONS and given:
        raise typer.BadParameter(f"expected only with --from {_PREDICTIONS}", param_hint=given[0])
    found = _datasets(home)
    with steps(quiet=as_json) as progress:
        if source != _PREDICTIONS:
            made = found.create_from_file(name, Path(source), progress)
        elif model is None:
            raise typer.BadParameter("expected the model whose predictions are meant", param_hint="--model")
        else:
            from garcom.client.client import chosen

            meant, number = chosen(model, version)
            made = found.create_from_predictions(
                name,
                meant,
                version=number,
                **_window(since, until),
                only_with_actual=only_with_actual,
                target=target or "target",
                progress=progress,
            )
    emit(made, as_json, lambda console: _tell_created(console, made))


@app.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List every version of every dataset.

    Example: `garcom dataset list`
    """
    from garcom.cli.describe_datasets import tell_datasets

    versions = _datasets(home).versions()
    emit(versions, as_json, lambda console: tell_datasets(console, versions))


@app.command("show")
def show(reference: ReferenceArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a version of a dataset: its columns and what their values look like, and where it comes from.

    Examples: `garcom dataset show wine-2026-11`, `garcom dataset show wine-2026-11:1 --json`
    """
    from garcom.cli.describe_datasets import tell_dataset

    version = _datasets(home).version(reference)
    emit(version, as_json, lambda console: tell_dataset(console, version))


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A version of a dataset: NAME or NAME:N.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Another version, of the same dataset or of another.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions: rows, columns, and what the values look like.

    Example: `garcom dataset diff wine-2026-10 wine-2026-11:2`
    """
    from garcom.cli.describe_datasets import tell_difference

    found = _datasets(home).diff(before, after)
    emit(found, as_json, lambda console: tell_difference(console, found))


@app.command("export")
def export(
    reference: ReferenceArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, or `-` for standard output.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="parquet|csv|jsonl|arrow",
            help="The form. Default: as the file's ending tells.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write the rows of a version to a file, after having verified them.

    Examples: `garcom dataset export wine-2026-11 wine.csv`, `garcom dataset export wine-2026-11:1 - --format jsonl`
    """
    from garcom.lake.exports import told_format, write_table

    found = _datasets(home)
    if str(file) == "-":
        told = told_format(file, form)
        write_table(found.read_to_export(reference), sys.stdout.buffer, told)
        return
    version = found.export(reference, file, form)
    typer.echo(f"Wrote {version.n_rows:,} rows of {version.reference} to {file}.", err=True)


@app.command("remove")
def remove(
    reference: Annotated[
        str, typer.Argument(metavar="NAME[:N]", help="A version (wine-2026-11:1) or a whole dataset (wine-2026-11).")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a whole dataset is removed.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a version, or a dataset with all its versions. Version numbers are never given again.

    Examples: `garcom dataset remove wine-2026-11:1`, `garcom dataset remove wine-2026-11`
    """
    from garcom.lake.datasets.names import parse_dataset

    found = _datasets(home)
    name, number = parse_dataset(reference)
    if number is None and not yes:
        _ask(found, name)
    gone = found.remove(reference)
    references = ", ".join(version.reference for version in gone)
    emit(gone, as_json, lambda console: console.print(f"Removed {references}."))


def _ask(found: Datasets, name: str) -> None:
    found.version(name)  # tells where there is none
    n_versions = len(found.versions(name))
    if not sys.stdin.isatty():
        raise Conflict(
            f"{name!r} is a whole dataset with {n_versions} version(s), and nobody is there to be asked. "
            f"Name a version (`garcom dataset remove {name}:N`), or add --yes."
        )
    typer.confirm(f"Remove dataset {name} with its {n_versions} version(s)?", abort=True, err=True)


def _datasets(home: Path | None) -> Datasets:
    from garcom.cli.lake import lake_of
    from garcom.lake.datasets import Datasets
    from garcom.storage.database import Database

    return Datasets(Database.open(home_folder(home)), lake_of(home))


def _window(since: str | None, until: str | None) -> dict[str, Any]:
    from garcom.moments import parse_moment

    now = datetime.now(UTC)
    return {
        name: None if text is None else parse_moment(text, now) for name, text in (("since", since), ("until", until))
    }


def _tell_created(console: Console, made: DatasetVersion) -> None:
    if made.existed:
        console.print(f"{made.reference} has this content already; no new version was made.")
        return
    n_columns = sum(not column.is_metadata for column in made.columns)
    console.print(f"Created {made.reference}: {made.n_rows:,} rows, {n_columns} columns, digest {made.digest[:12]}.")
    n_known = made.lineage.get("n_with_actual")
    if n_known is not None:
        console.print(f"The actual ({plain(made.lineage['target'])}) is known of {n_known:,} of them.")
