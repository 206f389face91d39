"""A lock between the processes of one machine, freed by the system when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from garcom.errors import SettingsError, Unavailable

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_POLL_S = 0.02


@contextlib.contextmanager
def locked(path: Path, timeout_s: float = 120.0) -> Iterator[None]:
    """Hold the lock file ``path``, waiting up to ``timeout_s`` seconds for another holder.

    The file is left behind: removing it would let two processes lock two files of one name. Not
    re-entrant. Raises :class:`~garcom.errors.Unavailable` when the time is up, and
    :class:`~garcom.errors.SettingsError` when there can be no such file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        raise SettingsError(
            f"The lock file {path} cannot be opened ({error.strerror}). "
            "Choose another home folder with --home or GARCOM_HOME."
        ) from error
    try:
        _wait(descriptor, path, time.monotonic() + timeout_s)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            return _try_lock(descriptor)
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"Another garcom process is changing the same home folder and still holds {path}. "
                    "Wait until it is done, then try again."
                ) from None
        time.sleep(_POLL_S)
