"""Opens the registry of a home folder as its settings want it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from garcom.cli.options import home_folder

if TYPE_CHECKING:
    from garcom.registry import Registry


def open_registry(home: Path | None) -> Registry:
    """The registry of a ``--home`` option that may not have been given."""
    from garcom.registry import Registry
    from garcom.settings import load_settings

    folder = home_folder(home)
    settings = load_settings({"home": str(folder)})
    return Registry.open(folder, require_signature=settings.uploads.require_signature)
