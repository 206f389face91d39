"""``garcom actuals``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import CaCertOption, JsonOption
from garcom.cli.output import emit, number, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.client import Client
    from garcom.lake.records import Added, Maturity


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model that made the predictions.")],
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="What really happened, a row for each prediction: .csv, .json, .jsonl, .arrow or .parquet. "
            "Other columns may stand beside.",
            show_default=False,
        ),
    ] = None,
    id_column: Annotated[str, typer.Option("--id-column", help="The column with the predictions' ids.")] = "id",
    key_column: Annotated[
        str, typer.Option("--key-column", help="Or the one with the keys that you gave with the requests.")
    ] = "key",
    actual_column: Annotated[str, typer.Option("--actual-column", help="The column with what happened.")] = "actual",
    observed_column: Annotated[
        str, typer.Option("--observed-column", help="The column that tells when it was seen, if there is one.")
    ] = "observed_at",
    maturity: Annotated[
        bool, typer.Option("--maturity", help="Show which share of the predictions has its actual, by their age.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="With --maturity: of predictions from then on (`7d`, or a date).")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", envvar="GARCOM_URL", help="The server's address.")
    ] = "http://127.0.0.1:8000",
    ca_cert: CaCertOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="The longest wait.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Tell a running server what really happened to its predictions.

    The same file again changes nothing. If an actual comes more than once, the latest observation counts, and the
    others are kept. When a row is wrong, none of its 100,000 is taken.

    Exit status: 0 taken, 1 refused or no server (the message says why), 2 wrong usage.

    Examples: `garcom actuals wine truth.csv`, `garcom actuals wine orders.parquet --key-column order --actual-column
    grape`, `garcom actuals wine --maturity`
    """
    from garcom.client import Client

    if (file is None) != maturity:
        raise typer.BadParameter("expected a file of actuals, or --maturity without one", param_hint="FILE")
    with Client(url, verify=ca_cert, timeout_s=timeout_s) as client:
        if file is None:
            _show_maturity(client, model, since, as_json)
            return
        added = client.actuals(
            model, file, id=id_column, key=key_column, actual=actual_column, observed_at=observed_column
        )
    emit(added, as_json, lambda console: _tell(console, added))


def _show_maturity(client: Client, model: str, since: str | None, as_json: bool) -> None:
    ages = client.maturity(model, since=since)
    emit(ages, as_json, lambda console: _tell_maturity(console, ages))


def _tell(console: Console, added: Added) -> None:
    console.print(f"Took {added.accepted:,} of {added.rows:,} actuals; {added.unchanged:,} were there already.")
    if added.corrected:
        console.print(f"{added.corrected:,} correct an earlier actual, which is kept in the history.")
    if added.unseen_labels:
        console.print(f"{added.unseen_labels:,} have a label that the model never answers.", style="yellow")
    if added.unknown:
        console.print(
            f"{added.unknown:,} name no prediction of this model so far; they are kept until it comes. The first:",
            style="yellow",
        )
        for name in added.first_unknown:
            console.print(f"  {plain(name)}")


def _tell_maturity(console: Console, ages: tuple[Maturity, ...]) -> None:
    made = table("age", "predictions", "with actual", "share", numbers=("predictions", "with actual", "share"))
    for each in ages:
        share = "-" if each.share is None else f"{each.share:.1%}"
        made.add_row(each.age, number(each.predictions), number(each.with_actual), share)
    console.print(made)
