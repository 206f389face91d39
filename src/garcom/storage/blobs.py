"""Bundles on disk, stored by content: ``<folder>/<digest>/`` is complete and checked, or is not there."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from garcom.errors import SettingsError
from garcom.storage.durable import sync
from garcom.storage.lock import locked

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INCOMING = ".incoming-"


class Blobs:
    """The folder of the stored contents. Nobody changes a content in place, so readers need no lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def under(cls, home: Path) -> Blobs:
        """The stored contents of a home folder."""
        return cls(home / "bundles")

    def path(self, digest: str) -> Path:
        """Where the content of this digest is or would be."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"a digest is 64 hexadecimal digits, got {digest!r}")
        return self.folder / digest

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).is_dir()

    @contextlib.contextmanager
    def changing(self, timeout_s: float = 120.0) -> Iterator[None]:
        """The right to change the folder and the database rows that refer to it; one process has it at a time.

        Whoever holds it also clears away what a process left behind that was killed while it held it.
        """
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock", timeout_s):
            with _explained(self.folder):
                for left in self.folder.glob(f"{_INCOMING}*"):
                    shutil.rmtree(left)
            yield

    def put(self, digest: str, fill: Callable[[Path], None]) -> Path:
        """Store a content; needs :meth:`changing`.

        ``fill`` writes it into the new folder it is given and checks it there. Only when it returns, and all is
        on the disk, does the folder get its name: a crash at any moment leaves the whole content or nothing.
        A folder that already has the name is replaced.
        """
        incoming = self.folder / f"{_INCOMING}{uuid.uuid4().hex}"
        try:
            with _explained(self.folder):
                incoming.mkdir()
                fill(incoming)
                _sync_tree(incoming)
                self.discard(digest)
                incoming.rename(self.path(digest))
                sync(self.folder)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        return self.path(digest)

    def discard(self, digest: str) -> None:
        """Remove a content, if it is there; needs :meth:`changing`."""
        if digest not in self:
            return
        # Renamed first, so that it is never there by half.
        leaving = self.folder / f"{_INCOMING}{uuid.uuid4().hex}"
        with _explained(self.folder):
            self.path(digest).rename(leaving)
            shutil.rmtree(leaving)

    def keep_only(self, digests: Set[str]) -> int:
        """Remove every content but these; needs :meth:`changing`. Answers how many were removed."""
        stored = [entry.name for entry in self.folder.iterdir() if _DIGEST.fullmatch(entry.name)]
        unused = [digest for digest in stored if digest not in digests]
        for digest in unused:
            self.discard(digest)
        return len(unused)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"The folder of the bundles, {folder}, cannot be changed: {error}. Check that it is writable and has "
            "space left, or choose another home folder with --home or GARCOM_HOME."
        ) from error


def _sync_tree(folder: Path) -> None:
    for parent, _folders, files in os.walk(folder):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))
