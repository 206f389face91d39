"""The calls by which journal and lake reach their disk, in one place, so that a test can make each of them fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from garcom.storage import durable


class Disk(NamedTuple):
    """What is asked of a disk; each raises OSError. The fields are the system's own calls, and cost nothing more."""

    #: Path, flags, mode.
    open: Callable[[Path, int, int], int] = os.open
    #: Descriptor, bytes, offset; gives how many were written.
    write: Callable[[int, memoryview, int], int] = os.pwrite
    sync: Callable[[int], None] = os.fsync
    #: As ``sync``, without the times of the file.
    sync_data: Callable[[int], None] = os.fdatasync
    #: As ``sync``, by the path of a file, or of a folder, whose names it makes durable.
    sync_path: Callable[[Path], None] = durable.sync
    truncate: Callable[[int, int], None] = os.ftruncate
    rename: Callable[[Path, Path], None] = os.rename
    unlink: Callable[[Path], None] = os.unlink

    def write_all(self, fd: int, data: bytes | memoryview, at: int) -> None:
        """Write every byte, in as many calls as the system wants."""
        view = memoryview(data)
        while view:
            n = self.write(fd, view, at)
            view, at = view[n:], at + n


#: The disk of this machine.
DISK = Disk()
