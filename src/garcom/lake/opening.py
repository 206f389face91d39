"""Opens the lake that the settings of a home name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from garcom.lake.tables import Lake


def open_lake(home: Path, url: str = "", environment: Mapping[str, str] = os.environ) -> Lake:
    """The lake in a home folder, or at ``url`` with the credentials and the endpoint of the ``AWS_`` variables.

    It touches nothing yet: a store that cannot be reached is told by whatever reads or writes first.
    """
    options = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    if options.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        options.setdefault("AWS_ALLOW_HTTP", "true")  # whoever names such an address means it
    return Lake.open(home, url, options if url else None)
