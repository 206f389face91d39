"""Engines: whatever computes a model's answers from a bundle's files, loaded by kind."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from garcom.errors import BundleError
from garcom.model.engines.base import Engine, EngineSpec, PythonTerms
from garcom.model.signature import Signature

#: The module of each kind has ``load(folder, spec, signature) -> Engine``; it is imported on first use, because
#: a worker that serves one kind should not carry what the others need.
_LOADERS = {
    "arrays": "garcom.model.engines.arrays",
    "onnx": "garcom.model.engines.onnx",
}
_PYTHON = "garcom.model.engines.python"


def load_engine(folder: Path, spec: EngineSpec, signature: Signature, terms: PythonTerms | None = None) -> Engine:
    """Load the engine whose files are in ``folder``; a Python engine on these terms, by default confined.

    Whether a Python engine may be loaded at all is the caller's decision. Raises :class:`BundleError` when the
    files cannot be loaded or the kind is unknown.
    """
    if spec.kind == "python":
        return cast(Engine, import_module(_PYTHON).load(folder, spec, signature, terms))
    module = _LOADERS.get(spec.kind)
    if module is None:
        raise BundleError(
            f"Engine {spec.name!r} is of kind {spec.kind!r}; this Garçom knows {sorted([*_LOADERS, 'python'])}. "
            "Install the Garçom that packed the bundle, or a newer one."
        )
    return cast(Engine, import_module(module).load(folder, spec, signature))
