"""Files of bundles that are being uploaded: written as they come, and gone when the request is over.

Each has a folder of its own under ``home/uploads``, in which the controller unpacks it. Whoever writes it holds a lock
on it; what nobody holds was left behind by a process that was killed, and goes with the next upload.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from pathlib import Path

from garcom.controller.messages import UPLOADED_ARCHIVE

#: Between making a file and locking it, nobody must take it for a leftover.
_YOUNG_S = 60.0


class UploadFile:
    """One upload on disk, for its owner's eyes only; its methods block. Use it in a ``with`` block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_leftovers(folder)
        self.name = uuid.uuid4().hex
        self._folder = folder / self.name
        self._folder.mkdir(mode=0o700)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._stream = open(os.open(self._folder / UPLOADED_ARCHIVE, flags, 0o600), "wb", buffering=0)  # noqa: SIM115
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append bytes. Raises OSError."""
        self._sha256.update(data)
        left = memoryview(data)
        while left:
            left = left[self._stream.write(left) :]

    @property
    def sha256(self) -> bytes:
        """The digest of all that was written."""
        return self._sha256.digest()

    def remove(self) -> None:
        """Remove the file, and whatever was made of it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._stream.close()


def clear_leftovers(folder: Path) -> None:
    """Remove the uploads that nobody holds."""
    for left in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _YOUNG_S and not _is_held(left / UPLOADED_ARCHIVE):
                shutil.rmtree(left)


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
