"""The counts of all workers of one server, through one file each.

Each worker writes its counts to a file of its own now and then; whichever is asked adds up what all have written,
those that have ended included, so that no counter ever falls.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from garcom.serving.telemetry import Counts


class SharedCounts:
    """This worker's counts and its siblings', which meet in ``folder``."""

    def __init__(self, folder: Path, own: Callable[[], Counts]) -> None:
        self._folder = folder
        self._own = own
        self._path = folder / f"counts-{os.getpid()}.json"

    def write(self) -> None:
        """Write this worker's counts where its siblings find them."""
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(self._own()))
        partial.replace(self._path)

    def total(self) -> Counts:
        """The counts of all workers, this one's as they are now."""
        total = Counts()
        total.merge(self._own())
        for path in self._folder.glob("counts-*.json"):
            if path != self._path:
                with contextlib.suppress(OSError, msgspec.DecodeError):
                    total.merge(msgspec.json.decode(path.read_bytes(), type=Counts))
        return total
