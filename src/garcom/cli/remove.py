"""``garcom remove``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit
from garcom.errors import Conflict

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.registry import Removal


def command(
    target: Annotated[str, typer.Argument(metavar="MODEL[:N]", help="A version (wine:1) or a whole model (wine).")],
    force: Annotated[bool, typer.Option("--force", help="Remove the version even though it answers.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a whole model is removed.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a version, or a model with all its versions.

    The bundles that no version needs any more are deleted. Version numbers are never given again.
    With `--json` the answer has `model`, `numbers` (of the versions that went), `whole_model` (whether none is
    left) and `answered` (whether the version that answered was among them).

    Examples: `garcom remove wine:1`, `garcom remove wine`
    """
    from garcom.registry import Registry
    from garcom.registry.reference import parse_reference

    registry = Registry.open(home_folder(home))
    name, number = parse_reference(target)
    if number is None and not yes:
        model = registry.model(name)
        if not sys.stdin.isatty():
            raise Conflict(
                f"{name!r} is a whole model with {len(model.versions)} version(s), and nobody is there to be asked. "
                f"Name a version (`garcom remove {name}:N`), or add --yes."
            )
        typer.confirm(f"Remove model {name} with its {len(model.versions)} version(s)?", abort=True, err=True)
    removal = registry.remove(target, force=force)
    emit(removal, as_json, lambda console: _tell(console, removal))


def _tell(console: Console, removal: Removal) -> None:
    versions = ", ".join(f"{removal.model}:{number}" for number in removal.numbers)
    console.print(f"Removed {versions}.")
    if removal.whole_model:
        console.print(f"No version is left, so model {removal.model} is gone.")
    elif removal.answered:
        console.print(f"Nothing answers for {removal.model} now; `garcom use {removal.model}:N` changes that.")
