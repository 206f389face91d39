"""When API keys were last used: noted by the workers, written down by the controller now and then."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

_NAME = "key-uses-{}.json"
_decode = msgspec.json.Decoder(dict[str, float]).decode


class KeyUse:
    """The uses that this worker has seen; only of keys that are known, so that there are no more than keys."""

    def __init__(self, run_folder: Path) -> None:
        self._path = run_folder / _NAME.format(os.getpid())
        self._last: dict[str, float] = {}
        self._is_new = False

    def note(self, digest: str) -> None:
        """A valid key, by its digest, is used now."""
        self._last[digest] = time.time()
        self._is_new = True

    def write(self) -> None:
        """Write them where the controller finds them, if there are new ones. Raises OSError."""
        if not self._is_new:
            return
        self._is_new = False
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(self._last))
        partial.replace(self._path)


class KeyUses:
    """The uses that all workers of one server have seen, those that have ended included."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder
        self._told: dict[str, datetime] = {}

    def news(self) -> dict[str, datetime]:
        """By digest, the uses that :meth:`told` has not been told of."""
        last: dict[str, float] = {}
        for path in self._folder.glob(_NAME.format("*")):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                for digest, moment in _decode(path.read_bytes()).items():
                    last[digest] = max(moment, last.get(digest, 0.0))
        found = {digest: datetime.fromtimestamp(moment, UTC) for digest, moment in last.items()}
        return {digest: moment for digest, moment in found.items() if moment != self._told.get(digest)}

    def told(self, news: Mapping[str, datetime]) -> None:
        """These have been written down."""
        self._told |= news
