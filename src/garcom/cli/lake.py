"""The lake for commands that read the home folder themselves, whether the server runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from garcom.cli.options import home_folder

if TYPE_CHECKING:
    from garcom.lake.tables import Lake


def lake_of(home: Path | None) -> Lake:
    """The lake that the settings of the home folder name; ``home`` is a ``--home`` option."""
    from garcom.lake.opening import open_lake
    from garcom.settings import load_settings

    folder = home_folder(home)
    return open_lake(folder, load_settings({"home": str(folder)}).lake.url)
