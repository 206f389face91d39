"""Garçom turns a trained model into a product: ``garcom.pack`` makes a bundle, ``garcom.Client`` asks a server.

``garcom.report`` compares two tables. Importing the package imports none of these: each is loaded when it is first
named, so that a web worker and the command line stay light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from garcom.client import Client
    from garcom.model.pack import PackedBundle, pack
    from garcom.monitoring.report.compared import Compared, report

__version__ = "0.1.0"

__all__ = ["Client", "Compared", "PackedBundle", "__version__", "pack", "report"]

_HOMES = {
    "Client": "garcom.client",
    "Compared": "garcom.monitoring.report.compared",
    "PackedBundle": "garcom.model.pack",
    "pack": "garcom.model.pack",
    "report": "garcom.monitoring.report.compared",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'garcom' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
