"""``garcom use``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption
from garcom.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.registry import Model
    from garcom.rollout.records import Switch


def command(
    target: Annotated[str, typer.Argument(metavar="MODEL[:N]", help="The version that shall answer, such as wine:2.")],
    default: Annotated[bool, typer.Option("--default", help="Let the model answer at /predict too.")] = False,
    route: Annotated[
        str | None, typer.Option(metavar="PATH", help="Give the model a path of its own, such as /prever_precos.")
    ] = None,
    drop_route: Annotated[str | None, typer.Option(metavar="PATH", help="Take such a path away.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Switch which version of a model answers, and where.

    A running server follows by itself, without a restart and without a failed request.

    With --default, --route or --drop-route the version may be left out, and stays as it is.

    Examples: `garcom use wine:2`, `garcom use wine --route /prever_precos --default`
    """
    from garcom.cli.opening import open_registry
    from garcom.registry.reference import listed_versions, parse_reference
    from garcom.rollout.use import use

    registry = open_registry(home)
    name, number = parse_reference(target)
    switch = None
    if number is not None:
        registry.bundle(name, number)  # a damaged bundle is refused here, before any server is told
        switch = use(registry.database, target, require_signature=registry.require_signature)
    elif not (default or route or drop_route):
        numbers = [version.number for version in registry.model(name).versions]
        raise typer.BadParameter(
            f"expected the version that shall answer, as in {name}:{numbers[-1]}, got {name!r}. "
            f"It has {listed_versions(name, numbers)}.",
            param_hint="MODEL[:N]",
        )
    if drop_route is not None:
        registry.remove_route(name, drop_route)
    if route is not None:
        registry.add_route(name, route)
    if default:
        registry.set_default(name)
    model = registry.model(name)
    emit({"switch": switch, "model": model}, as_json, lambda console: _tell(console, switch, model))


def _tell(console: Console, switch: Switch | None, model: Model) -> None:
    from garcom.cli.describe import addresses, log_address, main_version

    if switch is not None:
        _tell_switch(console, switch)
    if main_version(model).summary.is_served_elsewhere:
        console.print(f"{model.name} is served elsewhere: its predictions are logged at {log_address(model.name)}.")
        return
    console.print(f"{model.name} answers at {', '.join(addresses(model))}.")


def _tell_switch(console: Console, switch: Switch) -> None:
    reference = f"{switch.model}:{switch.answers}"
    if switch.answered == switch.answers:
        console.print(f"{reference} answers already; nothing was changed.")
    elif switch.answered is None:
        console.print(f"{reference} answers now; nothing did before.")
    else:
        console.print(f"{reference} answers now, instead of {switch.model}:{switch.answered}.")
