"""``garcom register``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import CaCertOption, HomeOption, JsonOption, is_model_file
from garcom.cli.output import emit
from garcom.errors import BundleError

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.registry import Registry, Version
    from garcom.rollout.records import Switch, Uploaded


def command(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A bundle made by `garcom pack`: its folder or its .zip.")
    ],
    name: Annotated[str | None, typer.Option(help="Another name for the model than the bundle's own.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter to write down; may be repeated.")
    ] = None,
    use: Annotated[bool, typer.Option("--use", help="Let this version answer from now on.")] = False,
    route: Annotated[
        str | None, typer.Option(metavar="PATH", help="A path of the model's own, such as /prever_precos.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Let this model answer at /predict.")] = False,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Upload it to the server at this address; GARCOM_API_KEY holds the key."),
    ] = None,
    ca_cert: CaCertOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a bundle as the next version of its model.

    The first version of a model answers at once; a later one after `garcom use`, or with `--use`.
    The same content registered again is the version that exists already.

    With `--url` the bundle is uploaded to a running server. There no version answers, not even the first, before
    somebody who may promote says so, with `--use` or later.

    Examples:

    `garcom register wine-5d3c0e7a91f2.bundle --param trees=100 --use`

    `garcom register wine-5d3c0e7a91f2.bundle --url https://ml.example.com`
    """
    from garcom.cli.opening import open_registry
    from garcom.registry.routes import check_route

    parameters = parse_parameters(param or [])
    if is_model_file(bundle):
        raise BundleError(
            f"Expected a bundle, and {bundle} looks like a model's own file. Make a bundle of it first: "
            f"`garcom pack {bundle} --name {name or 'NAME'} --data ROWS.csv`."
        )
    if url is not None:
        if param or route is not None or default:
            raise typer.BadParameter("expected --name and --use at most beside --url", param_hint="--url")
        _upload(bundle, url, ca_cert, name, use=use, as_json=as_json)
        return
    if route is not None:
        check_route(route)
    registry = open_registry(home)
    version = registry.register(bundle, name=name, parameters=parameters, use=use)
    if route is not None:
        registry.add_route(version.model, route)
    if default:
        registry.set_default(version.model)
    emit(version, as_json, lambda console: _tell(console, registry, version))


def _upload(bundle: Path, url: str, ca_cert: Path | None, name: str | None, *, use: bool, as_json: bool) -> None:
    from garcom.client import Client

    with Client(url, verify=ca_cert) as client:
        uploaded = client.upload(bundle, name)
        switch = client.use(uploaded.model, uploaded.version) if use else None
    emit({"version": uploaded, "switch": switch}, as_json, lambda console: _tell_uploaded(console, uploaded, switch))


def _tell_uploaded(console: Console, uploaded: Uploaded, switch: Switch | None) -> None:
    from garcom.cli.describe import log_address

    reference = f"{uploaded.model}:{uploaded.version}"
    if uploaded.existed:
        console.print(f"{reference} has this content already; no new version was made.")
    else:
        console.print(f"Registered {reference}.")
    if uploaded.served_elsewhere:
        logged = log_address(uploaded.model)
        console.print(f"It predicts nothing here: predictions made elsewhere are logged at {logged}.")
    elif switch is not None or uploaded.answers:
        console.print(f"{reference} answers.")
    else:
        console.print(f"It does not answer yet: PUT /v1/models/{uploaded.model}/answers lets it, or --use.")


def parse_parameters(texts: Iterable[str]) -> dict[str, str]:
    """``trees=100`` and its like as a mapping; a key may come once."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key or key in found:
            raise typer.BadParameter(
                f"expected KEY=VALUE with each key once, as in trees=100; got {text!r}", param_hint="--param"
            )
        found[key] = value
    return found


def _tell(console: Console, registry: Registry, version: Version) -> None:
    from garcom.cli.describe import addresses, log_address, size
    from garcom.model.proof import NOT_ON_REAL_ROWS

    summary = version.summary
    if version.existed:
        console.print(f"{version.reference} has this content already; no new version was made.")
    else:
        what = "served elsewhere" if summary.is_served_elsewhere else f"engine {' + '.join(summary.engines)}"
        console.print(f"Registered {version.reference} ({what}, {size(summary.size_bytes)}).")
    if not (summary.proved_on_real_rows or summary.is_served_elsewhere):
        console.print(f"It is {NOT_ON_REAL_ROWS}: pack it again with --data to prove it.", style="bold yellow")
    model = registry.model(version.model)
    if summary.is_served_elsewhere:
        console.print(f"It predicts nothing here: predictions made elsewhere are logged at {log_address(model.name)}.")
        if version.answers:
            return
    elif version.answers:
        console.print(f"It answers at {', '.join(addresses(model))}.")
        return
    now = "Nothing" if model.answers is None else f"{version.model}:{model.answers}"
    console.print(f"{now} answers for {version.model}; `garcom use {version.reference}` switches to this one.")
