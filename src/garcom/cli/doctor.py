"""``garcom doctor``."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

_LIBRARIES = (
    "numpy",
    "onnxruntime",
    "msgspec",
    "uvicorn",
    "granian",
    "sqlalchemy",
    "deltalake",
    "polars",
    "scikit-learn",
    "xgboost-cpu",
    "lightgbm",
)


def command(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Tell whether Garçom can work here: the system, its versions, the home folder, the walls around Python engines.

    It sends out a canary behind the walls, which tries to get through them. Exit status 1 when something is missing
    that the settings ask for: a home folder that can be written, and the walls if they allow Python engines. Secrets in
    the home folder that other users may open are told, with the command that ends it.
    """
    found = examine(home)
    emit(found, as_json, lambda console: _tell(console, found))
    if found["missing"]:
        raise typer.Exit(1)


def examine(home: HomeOption) -> dict[str, Any]:
    """Everything that the command tells."""
    from garcom.model.walls.check import try_walls
    from garcom.settings import load_settings
    from garcom.storage.home import examine as examine_home
    from garcom.storage.secret_file import exposure

    folder = home_folder(home)
    settings = load_settings({"home": str(folder)})
    place, walls = examine_home(folder), try_walls()
    missing = [] if place.writable else [place.detail]
    if settings.allow_python in (True, "confined") and not walls.confines:
        missing.append(walls.says)
    return {
        "system": {"platform": platform.platform(), "kernel": platform.release(), "machine": platform.machine()},
        "versions": _versions(),
        "home": msgspec.to_builtins(place),
        "secrets": exposure(folder),
        "allow_python": settings.allow_python,
        "walls": msgspec.to_builtins(walls),
        "missing": missing,
    }


def _versions() -> dict[str, str]:
    from garcom import __version__

    found = {"garcom": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _tell(console: Console, found: dict[str, Any]) -> None:
    home = found["home"]
    lines = table("", "what", "found")
    for name, value in (found["system"] | found["versions"]).items():
        lines.add_row("", name, value)
    lines.add_row(_mark(home["writable"]), "home can be written", home["path"])
    lines.add_row(_mark(home["durable"]), "home is durable", home["detail"] or home["file_system"])
    lines.add_row(_mark(not found["secrets"]), "secrets are for their owner only", "")
    for wall in found["walls"]["walls"]:
        lines.add_row(_mark(wall["stands"]), f"wall: {wall['name']}", wall["detail"] or "stands")
    attempts = found["walls"]["attempts"]
    for attempt in attempts:
        if not attempt["stopped"]:
            lines.add_row(_mark(False), f"the canary could {attempt['name']}", attempt["detail"])
    if attempts:
        stopped = sum(attempt["stopped"] for attempt in attempts)
        lines.add_row(_mark(stopped == len(attempts)), "canary", f"{stopped} of {len(attempts)} attempts were stopped")
    console.print(lines)
    for sentence in (*(found["missing"] or [found["walls"]["says"]]), found["secrets"]):
        if sentence:
            console.print(sentence)


def _mark(good: bool) -> str:
    return "✓" if good else "✗"
