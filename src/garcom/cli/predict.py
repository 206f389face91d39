"""``garcom predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import CaCertOption, JsonOption, is_model_file
from garcom.cli.output import emit

if TYPE_CHECKING:
    from garcom.client import Client
    from garcom.model.signature import Signature


def command(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] FILE",
            help="The model (`wine`, or `wine:2` for one version), if not the server's default, and a file with a "
            "record or rows: JSON, JSON lines, CSV, Arrow or Parquet. `-` is standard input.",
            show_default=False,
        ),
    ],
    url: Annotated[
        str, typer.Option("--url", envvar="GARCOM_URL", help="The server's address.")
    ] = "http://127.0.0.1:8000",
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="The version to ask. Default: the one that answers.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the answers here: .json, .jsonl, .csv, .arrow or .parquet.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="The form of the input, where its ending does not tell it.")
    ] = None,
    ca_cert: CaCertOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="The longest wait.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Ask a running server to predict the rows of a file.

    Exit status: 0 answered, 1 refused or no server (the message says why), 2 wrong usage.

    Examples:

    `garcom predict bom.json`

    `garcom predict wine:2 rows.csv --out answers.csv`

    `curl -s localhost:8000/example | garcom predict - --json`
    """
    from garcom.cli.answers import ENDINGS, Answers
    from garcom.cli.rows import FORMATS, read_rows
    from garcom.client import Client

    model, source, version = _asked(what, version)
    if form is not None and form not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}, got {form!r}", param_hint="--format")
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"expected a file ending in {', '.join(ENDINGS)}, got {out}", param_hint="--out")
    with Client(url, verify=ca_cert, timeout_s=timeout_s) as client:
        rows = read_rows(source, form, lambda: _signature(client, model, version))
        answers = Answers(client.predict(rows, model, version))
    if out is not None:
        answers.write(out)
        typer.echo(f"Wrote {len(answers):,} answers of {answers.answered_by()} to {out}.", err=True)
    if as_json or out is None:
        emit(answers.document if as_json else None, as_json, answers.tell)


def _asked(what: list[str], version: int | None) -> tuple[str | None, str, int | None]:
    """The model, the file and the version in ``[MODEL[:VERSION]] FILE`` and ``--version``."""
    from garcom.cli.rows import told_by_ending
    from garcom.client.client import chosen
    from garcom.errors import InputError

    if len(what) > 2:
        raise typer.BadParameter(f"expected a model and a file, got {len(what)} names: {' '.join(what)}")
    if len(what) == 1:
        if is_model_file(Path(what[0])) and not told_by_ending(what[0]):
            raise _not_a_name(what[0], "ROWS")
        return None, what[0], version
    if is_model_file(Path(what[0])):
        raise _not_a_name(*what)
    try:
        model, number = chosen(what[0], version)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    return model, what[1], number


def _not_a_name(model: str, rows: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"expected the name of a model on a running server, such as wine or wine:2, and {model} is a file. "
        f"Serve it first (`garcom serve {model} --data DATA.csv`), then ask for it: `garcom predict {rows}`"
    )


def _signature(client: Client, model: str | None, version: int | None) -> Signature:
    """What the version that will be asked takes; raises VersionNotFound where there is none."""
    from garcom.errors import VersionNotFound

    details = client.model(model)
    found = details.version(version)
    if found is None:
        numbers = ", ".join(str(each.version) for each in details.versions)
        asked = "version that answers" if version is None else f"version {version}"
        raise VersionNotFound(f"Model {details.model!r} has no {asked}; it has: {numbers}.")
    return found.signature
