"""``garcom monitor``: what monitoring keeps of the rows that were served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption
from garcom.cli.output import emit
from garcom.cli.progress import steps

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.monitoring.rebuild import Rebuilt

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Looks after what monitoring keeps of the rows that were served.",
)


@app.callback()
def _group() -> None: ...


@app.command("rebuild")
def rebuild(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model's profiles anew from the lake.

    Profiles are what reports are made of: counts of each hour, added to as predictions are drained into the lake. Make
    them anew for rows that were served before Garçom kept profiles, after an erasure, or when the log says so. Days
    whose rows the lake holds no more keep what they have. Servers may go on running.

    Example: `garcom monitor rebuild wine`
    """
    from datetime import UTC, datetime

    from garcom.cli.lake import lake_of
    from garcom.lake.upkeep import Spans
    from garcom.monitoring.folding import Folding
    from garcom.monitoring.known_versions import KnownVersions
    from garcom.monitoring.rebuild import rebuild as rebuild_profiles
    from garcom.registry import Registry
    from garcom.settings import load_settings

    lake = lake_of(home)
    kept = Spans.predictions(load_settings({"home": str(lake.home)}).retention)
    registry = Registry.open(lake.home)
    registry.model(model)  # says which models there are
    folding = Folding(registry.database, KnownVersions(registry.blobs))
    with steps(as_json) as progress:
        first = kept.first_day(model, datetime.now(UTC))
        rebuilt = rebuild_profiles(lake, registry.database, folding, model, progress, kept_since=first)
    emit(rebuilt, as_json, lambda console: _tell(console, rebuilt))


def _tell(console: Console, rebuilt: Rebuilt) -> None:
    if not rebuilt.rows:
        console.print(f"The lake holds no rows of {rebuilt.model}: nothing was changed.")
        return
    console.print(f"{rebuilt.rows:,} rows of {rebuilt.days:,} days are in {rebuilt.profiles:,} profiles.")
    if rebuilt.unprofiled:
        console.print(
            f"{rebuilt.unprofiled:,} of them are not: their versions have no reference profile, or were removed. "
            "Pack such a model again, with rows."
        )
