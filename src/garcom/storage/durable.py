"""Files and folders: on the disk when it matters, and for their owner only."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


def sync(path: Path) -> None:
    """Return when a file's content, or a folder's names, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no way to sync a folder
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, or take everybody else's rights to it away.

    One that is somebody else's stays as it is. Raises OSError where it can be neither made nor looked at.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "nt" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        with contextlib.suppress(PermissionError):
            folder.chmod(0o700)
