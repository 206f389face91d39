"""``garcom audit``: who did what, and whether that is still what was written down."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, plain, terminal
from garcom.cli.progress import steps

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.storage.audit_check import Verification
    from garcom.storage.audit_rows import AuditEntry, Entry
    from garcom.storage.database import Database

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Shows who did what, when, and from where; and proves that nothing of it was changed or taken away.",
)

#: How often `--follow` looks for new rows.
_POLL_S = 0.5


@app.command("verify")
def verify(
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="NUMBER:HASH",
            help="A newest row that an earlier `verify` told, and that was kept elsewhere: it must still be there.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that every row of the audit trail is there, as it was written and where it was written.

    It finds a row that was changed, put in, moved or deleted, rows deleted at the end, and a database put in place of
    another, and tells the first number that is wrong. With `--json` the answer has `intact`, `rows`, `head`, `wrong`
    and `how`.

    Exit status: 0 intact, 1 not (the message says where), 2 wrong usage.

    Examples: `garcom audit verify`, `garcom audit verify --json`
    """
    from garcom.storage.audit_check import Anchor
    from garcom.storage.audit_check import verify as check

    anchor = None if expect is None else Anchor.parse(expect)
    with steps(quiet=as_json or not sys.stderr.isatty()) as step:
        found = check(
            _database(home), anchor, lambda done, rows: step(f"checked {done:,} of {rows:,} rows", done / max(rows, 1))
        )
    emit(found, as_json, lambda console: _tell_verification(console, found))
    if not found.intact:
        raise typer.Exit(1)


@app.command("tail")
def tail(
    most: Annotated[int, typer.Option("-n", "--lines", min=1, help="The newest so many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with those to come, until Ctrl-C.")] = False,
    actor: Annotated[str | None, typer.Option("--actor", help="Only what this one did: `user:ana`.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Only this: `model.use`, or `model` for all of its kind.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Only what was done to this: `wine`, `wine:2`.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Only reads and erasures of what is stored of this person.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="From then on: a duration before now (`30m`, `1h`, `7d`) or a date (ISO 8601)."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the newest rows of the audit trail; the newest come last.

    A line has the number, the time (UTC), who did it and from where, what was done to what, and what it was before and
    after. With `--json` each row is a line of JSON.

    Examples: `garcom audit tail`, `garcom audit tail -n 100 --action model`, `garcom audit tail --follow --json`
    """
    from garcom.moments import parse_moment
    from garcom.storage.audit_rows import Wanted, entries, newest_entries, newest_entry

    if subject is not None:
        if target is not None:
            raise typer.BadParameter("expected --subject or --target, got both", param_hint="--subject")
        target = _trail_name(home_folder(home), subject)
    wanted = Wanted(actor, action, target, None if since is None else parse_moment(since, datetime.now(UTC)))
    database = _database(home)
    console = terminal()
    with database.read() as connection:
        newest = newest_entry(connection)
        found = newest_entries(connection, most, None, wanted)
    _print(console, reversed(found), as_json)
    last = 0 if newest is None else newest.number
    while follow:
        time.sleep(_POLL_S)
        with database.read() as connection:
            more = tuple(entries(connection, last, None, wanted))
        _print(console, more, as_json)
        last = more[-1].number if more else last


@app.command("accept")
def accept(
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the trail.", show_default=False)],
    home: HomeOption = None,
) -> None:
    """Let the trail go on from the rows that are there, after a database was restored from a backup.

    `verify` tells then that rows are missing, and goes on telling it until this is done. That it was accepted, by whom
    and why, is a row of the trail. Rows that were changed stay wrong.

    Examples: `garcom audit accept --reason "restored the backup of 2026-11-20 after the disk failed"`
    """
    from garcom.storage.audit import accept as accept_rows

    with _database(home).write() as connection:
        accept_rows(connection, reason)
    typer.echo("Accepted: the trail goes on from here. `garcom audit verify` checks it.")


def _database(home: Path | None) -> Database:
    from garcom.storage.database import Database

    return Database.open(home_folder(home))


def _trail_name(home: Path, subject: str) -> str:
    from garcom.errors import InputError
    from garcom.journal.pseudonyms import SubjectKey, trail_name

    if not SubjectKey.is_under(home):
        raise InputError(f"No subject was ever stored under {home}. Name the right home folder with --home.")
    return trail_name(SubjectKey.under(home).pseudonym(subject))


def _print(console: Console, found: Iterable[Entry], as_json: bool) -> None:
    import msgspec

    from garcom.storage.audit_rows import AuditEntry

    for entry in map(AuditEntry.of, found):
        if as_json:
            typer.echo(msgspec.json.encode(entry))
        else:
            console.print(_line(entry), soft_wrap=True)


def _line(entry: AuditEntry) -> str:
    import msgspec

    def written(value: object) -> str:
        return "-" if value is None else msgspec.json.encode(value).decode()

    where = f" from {entry.address}" if entry.address else ""
    when = entry.at[:19].replace("T", " ")
    change = f"  {written(entry.before)} → {written(entry.after)}"
    return plain(f"{entry.number}  {when}  {entry.actor}{where}  {entry.action} {entry.target}{change}")


def _tell_verification(console: Console, found: Verification) -> None:
    if found.intact:
        console.print(f"The audit trail is intact: {found.rows:,} rows.")
        if found.head is not None:
            console.print(f"The newest: {found.head}")
            console.print("Keep that line elsewhere, and --expect asks for it later.")
        return
    where = "" if found.wrong is None else f" at number {found.wrong:,}"
    console.print(f"The audit trail is broken{where}: {plain(found.how)}.", style="bold red")
    if found.wrong is not None:
        console.print(f"{found.rows:,} rows before that are as they were written.")
