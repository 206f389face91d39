"""Whether a home folder can keep what is written to it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec

#: Kinds of file systems that do not keep what is written, and what ends it.
_FLEETING = {"tmpfs": "a restart", "ramfs": "a restart", "overlay": "the end of the container"}
#: Kinds on which SQLite's locks are known to fail (https://sqlite.org/lockingv3.html, section 6).
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"}


class HomeReport(msgspec.Struct, frozen=True, kw_only=True):
    """A home folder, or the place where it would be made; ``detail`` tells what is wrong with it."""

    path: str
    writable: bool
    durable: bool
    file_system: str
    detail: str = ""


def examine(home: Path) -> HomeReport:
    """Try the folder, or the nearest one above it that exists; nothing is left there."""
    home = home.resolve()
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    kind = file_system(place)
    why = _unwritable(place)
    detail = why
    if not why and kind in _FLEETING:
        detail = f"what is on {kind} is lost with {_FLEETING[kind]}: choose another folder (--home) or mount one"
    elif not why and kind in _REMOTE:
        detail = f"locks are not sure on {kind}, and the database needs them: choose a local folder (--home)"
    return HomeReport(
        path=str(home),
        writable=not why,
        durable=not why and kind not in _FLEETING | dict.fromkeys(_REMOTE),
        file_system=kind,
        detail=detail,
    )


def file_system(place: Path) -> str:
    """The kind of file system that an existing folder is on, such as ``ext4``; "unknown" where nobody tells.

    Source: ``proc_pid_mountinfo(5)``.
    """
    device = os.stat(place).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            words = line.split()
            if words[2] == wanted:
                return words[words.index("-") + 1]
    return "unknown"


def _unwritable(place: Path) -> str:
    """Why nothing can be written and synced there; empty where it can."""
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"?")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"nothing can be written there ({error.strerror or error}): choose another folder (--home)"
    return ""
