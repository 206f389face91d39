"""``garcom user``: people, and what they may do."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from garcom.cli.accounts import (
    GrantArgument,
    RolesOption,
    parsed_grant,
    parsed_roles,
    roles,
    tell_secret,
    tell_users,
    told_accounts,
)
from garcom.cli.options import HomeOption, JsonOption
from garcom.cli.output import emit

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Adds people and says what they may do. As soon as there is a user or an API key, a server lets nobody else "
    "in; one that runs follows every change by itself.",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--password",
        metavar="-",
        help="`-` reads the password from standard input. Without it, it is asked for.",
        show_default=False,
    ),
]
GenerateOption = Annotated[
    bool, typer.Option("--generate", help="Make a password, and print it once, alone on standard output.")
]


@app.command("add")
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The new name: up to 100 of A-Z, a-z, 0-9, `.`, `_`, `@`, `+`, `-`.")
    ],
    role: RolesOption = None,
    password: PasswordOption = None,
    generate: GenerateOption = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Only an external provider (OIDC) can tell that it is them.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user.

    A password has at least 10 characters. With `--json` the answer is the user, with `password` where it was made.

    Examples: `garcom user add ana --role viewer --role client:wine`, `garcom user add root --role admin --generate`
    """
    if no_password and (generate or password is not None):
        raise typer.BadParameter("expected no other option about passwords with it", param_hint="--no-password")
    granted = parsed_roles(role)
    with told_accounts(home) as accounts:
        chosen = None if no_password else _password(password, generate)
        user = accounts.create_user(name, granted, chosen)
        said = f"User {user.name} may do: {roles(user.grants)}."
        if generate and chosen is not None:
            _tell_generated({**_fields(user), "password": chosen}, chosen, said, as_json)
        else:
            emit(user, as_json, lambda console: console.print(said))
        if not granted:
            typer.echo(
                f"warning: {name} may do nothing yet. `garcom user grant {name} ROLE[:MODEL]` changes that, such as "
                f"`garcom user grant {name} viewer`.",
                err=True,
            )


@app.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the users and what is granted to each.

    Example: `garcom user list`
    """
    with told_accounts(home) as accounts:
        users = accounts.users().users
        emit(users, as_json, lambda console: tell_users(console, users))


@app.command("grant")
def grant(name: NameArgument, role: GrantArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Grant a role to a user. The model need not exist yet.

    Examples: `garcom user grant ana client:wine`, `garcom user grant ana viewer`
    """
    with told_accounts(home) as accounts:
        user = accounts.grant(name, parsed_grant(role))
        emit(user, as_json, lambda console: console.print(f"User {user.name} may do: {roles(user.grants)}."))


@app.command("revoke")
def revoke(name: NameArgument, role: GrantArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take a role away from a user; that counts at once, in sessions that are open too.

    Example: `garcom user revoke ana client:wine`
    """
    with told_accounts(home) as accounts:
        user = accounts.revoke_grant(name, parsed_grant(role))
        emit(user, as_json, lambda console: console.print(f"User {user.name} may do: {roles(user.grants)}."))


@app.command("password")
def password(
    name: NameArgument,
    password: PasswordOption = None,
    generate: GenerateOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a user another password; its sessions and tokens end.

    Examples: `garcom user password ana`, `garcom user password ana --generate`
    """
    with told_accounts(home) as accounts:
        user = accounts.user(name)  # before anybody has typed a password for nobody
        chosen = _password(password, generate)
        accounts.set_password(name, chosen)
        said = f"User {user.name} has another password now; sessions and tokens from before have ended."
        if generate:
            _tell_generated({"name": user.name, "password": chosen}, chosen, said, as_json)
        else:
            emit({"name": user.name}, as_json, lambda console: console.print(said))


@app.command("disable")
def disable(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Let a user in no more; sessions and tokens end, and the grants stay for `garcom user enable`.

    Example: `garcom user disable ana`
    """
    with told_accounts(home) as accounts:
        user = accounts.disable(name)
        emit(user, as_json, lambda console: console.print(f"User {user.name} is disabled."))


@app.command("enable")
def enable(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Let a disabled user in again.

    Example: `garcom user enable ana`
    """
    with told_accounts(home) as accounts:
        user = accounts.enable(name)
        emit(user, as_json, lambda console: console.print(f"User {user.name} is enabled."))


@app.command("remove")
def remove(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Remove a user with all that was granted. The audit trail goes on telling what they did.

    Example: `garcom user remove ana`
    """
    with told_accounts(home) as accounts:
        accounts.remove_user(name)
        emit({"removed": name}, as_json, lambda console: console.print(f"User {name} is removed."))


def _password(option: str | None, generate: bool) -> str:
    from garcom.access.password_rule import generated_password

    if option not in (None, "-"):
        raise typer.BadParameter(
            "expected `-`, to read it from standard input: a password in a command line is seen by others",
            param_hint="--password",
        )
    if generate:
        if option is not None:
            raise typer.BadParameter("expected either this or --password", param_hint="--generate")
        return generated_password()
    if option == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to be asked; add `--password -` or --generate")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _tell_generated(record: dict[str, object], password: str, said: str, as_json: bool) -> None:
    if as_json:
        emit(record, as_json, lambda console: None)
    else:
        tell_secret(password, [said, "The password, which is shown this once:"])


def _fields(user: object) -> dict[str, object]:
    import msgspec

    return msgspec.structs.asdict(user)  # type: ignore[arg-type]
