"""Who of the processes that share a folder is alive: each locks one byte of one file, and the system frees it."""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
from pathlib import Path

#: ``struct flock``: type, whence, start, length, process. Locks of an open file description must name no process.
_FLOCK = struct.Struct("@hhqqi4x")


class Owner:
    """This process under a number of its own, alive until it is closed or dies, however it dies.

    The locks belong to the open file (``F_OFD_SETLK``), so that closing another descriptor of the file frees nothing.
    They cross a fork: make it after forking. Asking after another owner is one system call, and dead owners leave
    nothing to be tidied. Raises OSError where the file cannot be opened or locked.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            #: Never 0, and drawn from so many that it is nobody else's, today or in an older file.
            self.number = 1 + secrets.randbelow(1 << 62)
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK, self.number))
        except BaseException:
            os.close(self._fd)
            raise

    def lives(self, number: int) -> bool:
        """Whether the owner of this number, another one than this, is alive."""
        answer = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK, number))
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)

    def close(self) -> None:
        """Count as dead from now on."""
        os.close(self._fd)


def _lock(kind: int, number: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, number, 1, 0)
