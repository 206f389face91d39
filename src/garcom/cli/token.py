"""``garcom token``: the keys that sign tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Looks after the keys that sign tokens.")


@app.callback()
def _group() -> None: ...


@app.command("rotate-keys")
def rotate_keys(
    end_all: Annotated[
        bool,
        typer.Option(
            "--end-all", help="Retire the other keys at once: every token and every session of a browser ends."
        ),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new key that signs tokens.

    Servers do that by themselves (`access.signing_key_days`). The key before verifies what it has signed until that has
    expired, so nobody notices. When it may be known to somebody, use `--end-all`: users have to log in again, services
    ask for new tokens with their API keys. Running servers know within a second.

    Examples: `garcom token rotate-keys`, `garcom token rotate-keys --end-all`
    """
    from datetime import UTC, datetime

    from garcom.access.signing_keys import SigningKeys
    from garcom.storage.database import Database

    kid = SigningKeys(Database.open(home_folder(home))).rotate(datetime.now(UTC), end_all=end_all)
    ended = "Every token and session from before has ended." if end_all else "What was signed before stays valid."
    emit(
        {"kid": kid, "ended_all": end_all},
        as_json,
        lambda console: console.print(f"Tokens are signed with {kid} now. {ended}"),
    )
