"""A disk whose calls fail when they are told to, and that knows what a power cut would leave of a folder."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from garcom.storage.disk import DISK, Disk


class Faults:
    """Makes the ``nth`` call of a kind fail, and with ``forever`` every one after it, until it is healed.

    ``calls`` lists those before. A write that fails has written half of its bytes.
    """

    def __init__(self, kind: str = "", nth: int = 0, *, forever: bool = False) -> None:
        self._kind = kind
        self._nth = nth
        self._forever = forever
        self._healed = False
        self._mutex = threading.Lock()
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.failed = False
        self.disk = Disk(**{name: self._watched(name, call) for name, call in DISK._asdict().items()})
        self._content: dict[int, bytes] = {}
        self._names: dict[str, int] = {}

    def count(self) -> Counter[str]:
        """How often each kind was called."""
        return Counter(name for name, _ in self.calls)

    def heal(self) -> None:
        """Fail no more."""
        self._healed = True

    def durable_bytes(self) -> bytes:
        """Everything that stands in files which a power cut would leave, one after the other."""
        return b"".join(self._content.get(inode, b"") for inode in self._names.values())

    def leave_durable(self, folder: Path) -> None:
        """Make a folder of what is sure to survive: the names of its last sync, and each file as it was synced."""
        folder.mkdir()
        for name, inode in self._names.items():
            (folder / name).write_bytes(self._content.get(inode, b""))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any) -> Any:
            if self._fails(name, arguments):
                if name == "write":
                    fd, data, at = arguments
                    os.pwrite(fd, data[: len(data) // 2], at)
                raise OSError(errno.EIO, "made to fail")
            result = call(*arguments)
            if name in ("sync", "sync_data", "sync_path"):
                self._note_sync(arguments[0])
            return result

        return watched

    def _fails(self, name: str, arguments: tuple[Any, ...]) -> bool:
        with self._mutex:
            if self._healed:
                return False
            self.calls.append((name, arguments))
            if name != self._kind:
                return False
            n = self.count()[name]
            fails = n == self._nth or (self._forever and n > self._nth)
            self.failed |= fails
            return fails

    def _note_sync(self, synced: int | Path) -> None:
        if isinstance(synced, Path) and synced.is_dir():
            self._names = {entry.name: entry.inode() for entry in os.scandir(synced)}
        elif isinstance(synced, int):
            # Opened anew, as the descriptor may be for writing only.
            self._content[os.fstat(synced).st_ino] = Path(f"/proc/self/fd/{synced}").read_bytes()


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Let no file be made in a folder. Raises OSError where root cannot be kept from it."""
    if os.geteuid() != 0:
        folder.chmod(0o500)
    elif subprocess.run(["chattr", "+i", str(folder)], capture_output=True, check=False).returncode:
        raise OSError(errno.ENOTSUP, "this file system cannot make a folder immutable", str(folder))
    try:
        yield
    finally:
        if os.geteuid() != 0:
            folder.chmod(0o700)
        else:
            subprocess.run(["chattr", "-i", str(folder)], check=True)
