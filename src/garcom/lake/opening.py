"""Opens the lake that the settings of a home name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from garcom.lake.tables import Lake
from garcom.storage.durable import keep_private

#: Its folder in the home folder.
LAKE_FOLDER = "lake"


def open_lake(home: Path, url: str = "", environment: Mapping[str, str] = os.environ) -> Lake:
    """The lake in a home folder, or at ``url`` with the credentials and the endpoint of the ``AWS_`` variables.

    What it holds is what people sent, so nobody but the owner of the home folder may enter it there. A store that
    cannot be reached is told by whatever reads or writes first.
    """
    if home.is_dir() and not url:
        with contextlib.suppress(OSError):  # a disk that is full or for reading only; whoever writes will hear of it
            keep_private(home / LAKE_FOLDER)
    options = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    if options.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        options.setdefault("AWS_ALLOW_HTTP", "true")  # whoever names such an address means it
    return Lake.open(home, url, options if url else None)
