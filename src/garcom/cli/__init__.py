"""The ``garcom`` command: one file per group of commands, and nothing heavy imported before it is used."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from garcom.cli import (
    actuals,
    api_key,
    audit,
    dataset,
    demo,
    doctor,
    keys,
    log,
    models,
    pack,
    predict,
    privacy,
    register,
    remove,
    replay,
    serve,
    show,
    sign,
    token,
    use,
    user,
)
from garcom.cli.options import Standing
from garcom.errors import GarcomError

app = typer.Typer(
    name="garcom",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns a trained model into a product: a typed, documented, fast and correct HTTP service.",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from garcom import __version__

        typer.echo(f"garcom {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None: ...


app.command("demo")(demo.command)
app.command("pack")(pack.command)
app.command("serve", cls=Standing, epilog=serve.EPILOG)(serve.command)
app.command("predict")(predict.command)
app.command("actuals")(actuals.command)
app.command("log")(log.command)
app.command("replay", cls=Standing)(replay.command)
app.command("sign")(sign.command)
app.command("register")(register.command)
app.command("models")(models.command)
app.command("show")(show.command)
app.command("use")(use.command)
app.command("remove")(remove.command)
app.add_typer(keys.app, name="keys")
app.command("doctor")(doctor.command)
app.add_typer(dataset.app, name="dataset")
app.add_typer(privacy.app, name="privacy")
app.add_typer(audit.app, name="audit")
app.add_typer(user.app, name="user")
app.add_typer(api_key.app, name="api-key")
app.add_typer(token.app, name="token")


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 refused or failed (the message says why), 2 wrong usage."""
    try:
        app()
    except GarcomError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
