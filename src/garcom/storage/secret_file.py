"""Secrets of an installation: made once, in files that only their owner may read."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from garcom.errors import SettingsError
from garcom.storage.durable import sync


def secret(home: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """The bytes of ``home/secrets/<name>``; where the file is not there, it is written with what ``make`` gives.

    Processes that come at the same time all get the bytes of whichever was first, and those are on the disk by
    then: what was encrypted or hashed with a secret is worth nothing without it.
    """
    path = home / "secrets" / name
    try:
        if not path.exists():
            _publish(path, make())
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The secret {path} can be neither read nor made ({error.strerror}). Check that its folder belongs to the "
            "user who runs Garçom, or choose another home folder with --home or GARCOM_HOME."
        ) from error


def exposure(home: Path) -> str:
    """Which secrets other users of this machine may open, and the command that mends it; empty where none.

    The owner's group is left alone: a container's volume may belong to it.
    """
    folder = home / "secrets"
    try:
        # What lies beside as a lock holds nothing.
        found = [path for path in (folder, *sorted(folder.iterdir())) if path.suffix != ".lock" and _is_exposed(path)]
    except OSError:  # there are none yet, or they are another user's
        return ""
    if not found:
        return ""
    return (
        "Expected the secrets to be for their owner only, and other users of this machine may open "
        f"{', '.join(map(str, found))}. `chmod -R o= {shlex.quote(str(folder))}` ends that."
    )


def _is_exposed(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & stat.S_IRWXO)


def give_to_owner(path: Path) -> None:
    """Let what root has made belong to whom its folder belongs: a server that runs as that user needs it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


@contextlib.contextmanager
def drafted(path: Path, data: bytes) -> Iterator[Path]:
    """The whole file under another name beside its own, for its owner only and on the disk; it is gone in the end."""
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        give_to_owner(draft)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _publish(path: Path, data: bytes) -> None:
    """Write the whole file under another name, then link it to its own, which fails where somebody was faster."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        give_to_owner(path.parent)
    with drafted(path, data) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, path)
    # Durable for the slower ones too: their answers may leave before the first has come so far.
    for folder in (path.parent, path.parent.parent):
        sync(folder)
