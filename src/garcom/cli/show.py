"""``garcom show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, plain

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.model.bundle import Bundle
    from garcom.registry import Model, Registry, Version


def command(
    target: Annotated[
        str, typer.Argument(metavar="MODEL[:N]|BUNDLE", help="A model, a version, or the path of a bundle.")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a model, a version or a bundle: what it takes and answers, its engines and their proof.

    A name is a registered model; something with a `/`, or ending in `.bundle` or `.zip`, is the path of a bundle.
    With `--json` the answer has `model`, `version` (each null where it does not apply) and `bundle`.

    Examples: `garcom show wine`, `garcom show wine:2`, `garcom show ./wine-5d3c0e7a91f2.bundle`
    """
    from garcom.cli.contents import contents
    from garcom.model.bundle import read_bundle
    from garcom.registry import Registry

    model: Model | None = None
    version: Version | None = None
    if _is_path(target):
        bundle = read_bundle(target)
        signed_by = f"Signed with the key {bundle.signed.fingerprint}." if bundle.signed else ""
    else:
        registry = Registry.open(home_folder(home))
        model, version = _find(registry, target)
        bundle = registry.bundle(version.model, version.number)
        signed_by = _signed_by(registry, version)
    record = {"model": model, "version": version, "bundle": contents(bundle)}
    emit(record, as_json, lambda console: _tell(console, model, version, bundle, signed_by))


def _is_path(target: str) -> bool:
    return "/" in target or "\\" in target or Path(target).suffix in (".bundle", ".zip")


def _find(registry: Registry, target: str) -> tuple[Model | None, Version]:
    from garcom.cli.describe import main_version
    from garcom.registry.reference import parse_reference

    name, number = parse_reference(target)
    if number is not None:
        return None, registry.version(name, number)
    model = registry.model(name)
    return model, main_version(model)


def _signed_by(registry: Registry, version: Version) -> str:
    """Who signed a version, by the keys that are trusted now; empty where nobody did."""
    from garcom.registry.bundle_keys import BundleKeys

    signer = version.summary.signer
    if signer is None:
        return ""
    name = next((key.name for key in BundleKeys(registry.database).all() if key.fingerprint == signer.fingerprint), "")
    if name:
        return f"Signed by {name} (key {signer.fingerprint[:16]})."
    return f"Signed with a key that is not trusted here ({signer.fingerprint[:16]})."


def _tell(console: Console, model: Model | None, version: Version | None, bundle: Bundle, signed_by: str) -> None:
    from garcom.cli.describe import moment, size, tell_bundle, tell_model, tell_pairs
    from garcom.cli.proof import tell_choice, tell_proof

    if model is not None:
        tell_model(console, model)
    heading = plain(bundle.name) if version is None else version.reference
    if version is not None:
        answers = "answers" if version.answers else "does not answer"
        heading += f" ({answers}; registered {moment(version.created)})"
    console.print(heading, style="bold")
    console.print(f"Bundle {bundle.digest[:12]}, {size(bundle.size_bytes)}, packed by Garçom {bundle.manifest.garcom}.")
    console.print(f"{signed_by}\n" if signed_by else "")
    tell_bundle(console, bundle)
    console.print("Engines and proof", style="bold")
    tell_proof(console, bundle.proof)
    tell_choice(console, bundle.manifest.choice)
    if bundle.needs_python:
        console.print("It runs as a Python process of its own, only where `garcom serve --allow-python` allows it.")
    console.print()
    if version is not None:
        tell_pairs(console, "Parameters", version.parameters)
    tell_pairs(console, "Lineage", bundle.lineage)
