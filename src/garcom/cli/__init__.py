"""The ``garcom`` command: one file per group of commands, each imported when it is asked for.

Nothing heavy is imported before it is used, and a command imports no other's file.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from garcom.cli.options import Standing
from garcom.errors import GarcomError

#: The commands and groups of commands, in the order in which ``--help`` lists them; each is a file here.
_NAMES = (
    *("demo", "pack", "serve", "predict", "actuals", "log", "replay", "report", "sign", "register", "models", "show"),
    *("use", "remove", "doctor", "keys", "dataset", "privacy", "audit", "user", "api-key", "token", "monitor"),
    "alert",
    *("prometheus-rules", "grafana-dashboard"),
)
#: Those with options that may stand without a value.
_STANDING = ("serve", "replay")


class _Commands(Mapping[str, Any]):
    """The commands by name, each made when it is first looked up."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in _NAMES:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = _made(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


class _OnDemand(TyperGroup):
    """A group that makes only the command that is asked for; its help makes them all."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": cast(Any, _Commands())})


def _made(name: str) -> Any:
    file = import_module(f"garcom.cli.{name.replace('-', '_')}")
    alone = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
    if hasattr(file, "app"):
        alone.add_typer(file.app, name=name)
    else:
        kind = Standing if name in _STANDING else TyperCommand
        alone.command(name, cls=kind, epilog=getattr(file, "EPILOG", None))(file.command)
    return get_group(alone).commands[name]


app = typer.Typer(
    name="garcom",
    cls=_OnDemand,
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


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 refused or failed (the message says why), 2 wrong usage."""
    # What is left at the end goes with the process: the collector need not walk all that was imported once more.
    atexit.register(gc.freeze)
    try:
        app()
    except GarcomError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
