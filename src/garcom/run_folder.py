"""The run folder: files by which a supervisor tells its children what to do. It lives as long as the server."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TypeVar

import msgspec

from garcom.errors import Unavailable

T = TypeVar("T")

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


def publish_json(path: Path, value: object) -> None:
    """Put a value, as JSON, in place of the file at ``path``."""
    publish(path, msgspec.json.encode(value))


def read_published(path: Path, kind: type[T]) -> T:
    """What a file of JSON says; raises :class:`~garcom.errors.Unavailable` where there is none, or another."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        # The text of a decoder's error may tell of what it has read.
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise Unavailable(
            f"Expected the file {path} as `garcom serve` writes it, but it cannot be read ({why}). Restart the server."
        ) from error


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
