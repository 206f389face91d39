"""``garcom demo``: from nothing to a served model in one step; ``make run`` calls it."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.errors import BundleError, ModelNotFound, SettingsError

if TYPE_CHECKING:
    from garcom.registry import Registry
    from garcom.rollout.plan import TrafficPlan

NAME = "iris"
TARGET = "species"

#: What the data set itself does not tell; a file like this is how anyone corrects a signature.
SIGNATURE = """\
[fields."sepal length"]
unit = "cm"
[fields."sepal width"]
unit = "cm"
[fields."petal length"]
unit = "cm"
[fields."petal width"]
unit = "cm"

[output]
description = "the species of an iris, from the measures of its flower (Fisher, 1936)"
"""


def command(
    home: Annotated[
        Path, typer.Option("--home", help="Folder for the demo alone: its data, its model, its registry.")
    ] = Path(".demo"),
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one. Default: 8000.")] = None,
) -> None:
    """Train a small model, pack it, register it and serve it: a first look at Garçom.

    It classifies irises, from a data set that comes with scikit-learn; nothing is fetched. The second time it
    starts at once, from what the first left in the folder. Your own registry is not touched. Ctrl-C stops it.

    Example: `garcom demo --port 8001`
    """
    from garcom.cli.serve import serve
    from garcom.registry import Registry
    from garcom.settings import load_settings

    home = home.expanduser()
    settings = load_settings({"home": str(home), "host": host, "port": port})
    _check_port(settings.host, settings.port)
    registry = Registry.open(home)
    if not is_there(registry):
        _prepare(registry, home)

    def greet(address: str, plan: TrafficPlan | None) -> None:
        _greet(address, registry)

    raise typer.Exit(serve(settings, None, None, {}, greet=greet))


def _check_port(host: str, port: int) -> None:
    """Nobody should wait for the training only to hear that the port is taken."""
    from garcom.server.listening import bind

    try:
        bind(host, port).close()
    except SettingsError as error:
        raise SettingsError(f"{error} With make: `make run PORT={8002 if port == 8001 else 8001}`.") from error


def is_there(registry: Registry) -> bool:
    """Whether a version answers and its bundle is whole and of a format that this release reads."""
    try:
        answers = registry.model(NAME).answers
        return answers is not None and bool(registry.bundle(NAME, answers).digest)
    except (ModelNotFound, BundleError):
        return False


def _prepare(registry: Registry, home: Path) -> None:
    from garcom.cli.pack import pack_file

    data, model, signature = home / "iris.csv", home / "iris.joblib", home / "iris.toml"
    typer.echo("Training a random forest on Fisher's irises …")
    signature.write_text(SIGNATURE, encoding="utf-8")
    train(data, model)
    with tempfile.TemporaryDirectory(prefix="garcom-demo-") as place:
        packed = pack_file(model, name=NAME, data=data, target=[TARGET], signature=signature, out=Path(place))
        version = registry.register(packed.path, use=True)
    registry.set_default(version.model)
    typer.echo(
        f"Packed and registered {version.reference}. What it was made of is in {home}; the same by hand:\n"
        f"  garcom pack {model} --name {NAME} --data {data} --target {TARGET} --signature {signature}"
    )


def train(data: Path, model: Path) -> None:
    """Write the irises as CSV to ``data`` and a random forest fitted to them to ``model``."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    irises = load_iris(as_frame=True)
    X = irises.data.rename(columns=lambda name: name.removesuffix(" (cm)"))
    species = irises.target_names[irises.target]
    X.assign(**{TARGET: species}).to_csv(data, index=False)
    # Leaves of a few flowers, so that the probabilities are not all 0 and 1.
    forest = RandomForestClassifier(n_estimators=100, min_samples_leaf=3, random_state=0)
    joblib.dump(forest.fit(X, species), model)


def _greet(address: str, registry: Registry) -> None:
    model = registry.model(NAME)
    example = registry.bundle(NAME, model.answers or 1).signature.example
    record = json.dumps(example, ensure_ascii=False)
    lines = (
        f"Garçom serves the demo model on {address} (Ctrl-C stops it).",
        "",
        f"Documentation, and a page to try it:  {address}/docs",
        "Ask it from another terminal:",
        "",
        f"  curl -s {address}/predict -H 'Content-Type: application/json' -d {shlex.quote(record)}",
        "",
    )
    typer.echo("\n".join(lines))
    sys.stdout.flush()
