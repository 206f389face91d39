"""``garcom api-key``: keys of services."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.accounts import (
    RolesOption,
    accounts_of,
    expiry,
    parsed_roles,
    roles,
    tell_keys,
    tell_secret,
    told_accounts,
)
from garcom.cli.options import HomeOption, JsonOption
from garcom.cli.output import emit

if TYPE_CHECKING:
    from garcom.access.api_keys import NewKey
    from garcom.access.holders import Key

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Makes, lists and revokes API keys: credentials of services, sent as `Authorization: Bearer gk_…`.",
)


@app.command("create")
def create(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="What it is for: up to 100 of A-Z, a-z, 0-9, `.`, `_`, `@`, `+`, `-`. Need not be new."
        ),
    ],
    role: RolesOption = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="90d|DATE",
            help="How long it is valid, or until when (ISO 8601). Default: for ever.",
            show_default=False,
        ),
    ] = None,
    requests: Annotated[str, typer.Option(metavar="N/SPAN", help="The most requests: `100/1s`, `500/10s`.")] = "",
    rows: Annotated[str, typer.Option(metavar="N/SPAN", help="The most rows: `10000/1s`.")] = "",
    concurrent: Annotated[
        int | None, typer.Option(help="The most requests at the same time, in each worker.", show_default=False)
    ] = None,
    body_bytes: Annotated[int | None, typer.Option(help="The longest body, in bytes.", show_default=False)] = None,
    daily_rows: Annotated[int | None, typer.Option(help="The most rows in a day (UTC).", show_default=False)] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key.

    The key stands alone on standard output, and is shown this once: only its SHA-256 is kept. With `--json` it is
    `key`, beside what `garcom api-key list --json` tells of it.

    Examples: `garcom api-key create pricing --role client:wine --expires 90d`,
    `garcom api-key create batch --role client --requests 10/1s --daily-rows 1000000`
    """
    import msgspec

    from garcom.rates import Limits
    from garcom.storage.audit import terminal

    limits = Limits(requests=requests, rows=rows, concurrent=concurrent, body_bytes=body_bytes, daily_rows=daily_rows)
    granted = parsed_roles(role)
    ends = None if expires is None else _expiry(expires)
    with told_accounts(home) as accounts:
        key, new = accounts.create_key(name, granted, by=terminal().name, expires=ends, limits=limits)
        if as_json:
            emit({"key": new.text, **msgspec.structs.asdict(key)}, as_json, lambda console: None)
        else:
            _tell_new(key, new)
        if not granted:
            typer.echo(
                f"warning: {key.prefix} may do nothing, and the roles of a key stay as they were made. Revoke it, and "
                "make another with --role, such as `--role client:MODEL`.",
                err=True,
            )


@app.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the API keys by their prefixes, the oldest first.

    Example: `garcom api-key list`
    """
    keys = accounts_of(home).keys().keys
    emit(keys, as_json, lambda console: tell_keys(console, keys))


@app.command("revoke")
def revoke(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How the key begins: gk_ and eight characters.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke an API key. Every worker refuses it within two seconds, and it never becomes valid again.

    Example: `garcom api-key revoke gk_4fQ0aZ9x`
    """
    with told_accounts(home) as accounts:
        key = accounts.revoke_key(prefix)
        emit(key, as_json, lambda console: console.print(f"API key {key.prefix} ({key.name}) is revoked."))


def _tell_new(key: Key, new: NewKey) -> None:
    until = "" if key.expires_at is None else f", until {expiry(key.expires_at, datetime.now(UTC))}"
    sentences = [f"API key {key.prefix} ({key.name}) may do: {roles(key.grants)}{until}."]
    tell_secret(new.text, [*sentences, "The key, which is shown this once:"])


def _expiry(text: str) -> datetime:
    from garcom.errors import InputError
    from garcom.moments import in_utc, parse_duration

    now = datetime.now(UTC)
    try:
        return now + parse_duration(text)
    except (InputError, OverflowError):
        pass
    try:
        return in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise InputError(
            f"Expected how long the key is valid (30d, 12h), or a date (2027-01-31), got {text[:100]!r}."
        ) from None
