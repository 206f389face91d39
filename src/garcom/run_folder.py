"""The run folder: files by which a supervisor tells its children what to do. It lives as long as the server."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

SETTINGS = "settings.json"
PLAN = "plan.json"
ACCESS = "access.json"
PROVIDER_KEYS = "provider_keys.json"


def publish(path: Path, data: bytes) -> None:
    """Put a file in place of the one at ``path``; a reader sees the whole old one or the whole new one."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class Followed:
    """A published file, read again whenever another stands in its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = (0, 0)

    @property
    def exists(self) -> bool:
        """Whether it was published at all."""
        return self.path.exists()

    def has_changed(self) -> bool:
        """Whether it is another than the last time this was asked: one ``stat``. Raises OSError when it has gone."""
        found = self.path.stat()
        before, self._stamp = self._stamp, (found.st_mtime_ns, found.st_ino)
        return before != self._stamp

    def forget(self) -> None:
        """Take the next look for a change, because what was read could not be used."""
        self._stamp = (0, 0)
