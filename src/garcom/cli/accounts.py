"""What ``garcom user`` and ``garcom api-key`` share: options, and how users and keys are told."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import home_folder
from garcom.cli.output import table

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.access.accounts import Accounts
    from garcom.access.holders import Key, User
    from garcom.access.roles import Grant

RolesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        metavar="ROLE[:MODEL]",
        help="What it may do: viewer, client, trainer, approver or admin, for all models or for one. May be repeated.",
        show_default=False,
    ),
]
GrantArgument = Annotated[
    str, typer.Argument(metavar="ROLE[:MODEL]", help="A role for all models (viewer), or for one (client:wine).")
]

#: What is said where users or keys exist, and nobody could give anybody a role over HTTP.
NOBODY_ADMINISTERS = (
    "No valid user or key has the role admin for all models, so nobody manages users and models over HTTP, unless an "
    "OpenID provider tells of an administrator. `garcom user grant NAME admin` makes one."
)
#: A moment less far away is told with its time.
_NEAR = timedelta(days=2)


def accounts_of(home: Path | None) -> Accounts:
    """The users and API keys of a ``--home`` option."""
    from garcom.access.accounts import Accounts
    from garcom.storage.database import Database

    return Accounts(Database.open(home_folder(home)))


@contextmanager
def told_accounts(home: Path | None) -> Iterator[Accounts]:
    """The users and API keys of a ``--home`` option; says in the end where none of them may administer."""
    accounts = accounts_of(home)
    yield accounts
    if accounts.nobody_administers():
        typer.echo(f"warning: {NOBODY_ADMINISTERS}", err=True)


def parsed_roles(roles: list[str] | None) -> list[Grant]:
    """What ``--role`` said. Raises InputError."""
    from garcom.access.grants import parse_grant

    return [parse_grant(role) for role in roles or []]


def parsed_grant(role: str) -> Grant:
    """What a role argument said. Raises InputError."""
    return parsed_roles([role])[0]


def tell_secret(secret: str, sentences: Iterable[str]) -> None:
    """Print a secret alone on standard output, where a script takes it, and what people should know beside it."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    sys.stderr.flush()
    typer.echo(secret)


def tell_users(console: Console, users: Iterable[User]) -> None:
    """Print users as a table."""
    made = table("name", "roles", "state", "created")
    for user in users:
        made.add_row(user.name, roles(user.grants), _state_of_user(user), day(user.created_at))
    console.print(made if made.row_count else "No user yet; `garcom user add NAME --role admin` makes one.")


def tell_keys(console: Console, keys: Iterable[Key]) -> None:
    """Print API keys as a table."""
    made = table("prefix", "name", "roles", "state", "last used")
    now = datetime.now(UTC)
    for key in keys:
        used = "never" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}"
        made.add_row(key.prefix, key.name, roles(key.grants), _state_of_key(key, now), used)
    console.print(made if made.row_count else "No API key yet; `garcom api-key create NAME --role client` makes one.")


def roles(grants: Iterable[Grant]) -> str:
    """Grants in a sentence."""
    return ", ".join(map(str, grants)) or "none"


def day(moment: datetime) -> str:
    """A day of the calendar (UTC)."""
    return f"{moment:%Y-%m-%d}"


def expiry(moment: datetime, now: datetime) -> str:
    """The day on which a key ends, or ended; with the time (UTC) where it is so near that the day tells too little."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if abs(moment - now) < _NEAR else day(moment)


def _state_of_user(user: User) -> str:
    if user.disabled_at is not None:
        return f"disabled {day(user.disabled_at)}"
    return "enabled" if user.has_password else "no password"


def _state_of_key(key: Key, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {day(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'valid until' if key.expires_at > now else 'expired'} {expiry(key.expires_at, now)}"
