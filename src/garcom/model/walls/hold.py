"""Holds a confined process from outside: it stands still between two calls, and its memory is looked at in between.

The second line behind :mod:`.limits`. A model's threads cannot go on once its answer is there, and memory that no limit
of the kernel's counts, such as page tables, is seen.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
import weakref
from pathlib import Path

from garcom.errors import EngineError

#: How often memory is looked at, at most.
LOOK_EVERY_S = 0.1
#: What a process may have beside the memory that it may write to, at least: stack and page tables.
_SLACK_BYTES = 64 * 2**20
#: proc_pid_status(5): memory that only this process has, in kB.
_COUNTED = (b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")


class TooMuchMemory(EngineError):
    """A process has more memory than it may."""


class Hold:
    """A process by its number, which must be its own while this is made; harmless after the process or the hold ended.

    Raises :class:`OSError` where the kernel has no such holds (Linux has since 5.3).
    """

    def __init__(self, pid: int, memory_bytes: int) -> None:
        self._lock = threading.Lock()
        self._memory_bytes = memory_bytes
        self._process: int | None = os.pidfd_open(pid)
        self._close = weakref.finalize(self, os.close, self._process)
        self._status = Path("/proc", str(pid), "status")
        self._look_at = 0.0

    def stop(self) -> None:
        """Let the process stand still, all of its threads."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def look(self) -> None:
        """Raise :class:`TooMuchMemory` if the process has more than it may; looks now and then only."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        most = self._memory_bytes + max(_SLACK_BYTES, self._memory_bytes // 64)
        if (taken := self._taken_bytes()) > most:
            raise TooMuchMemory(
                f"The model's Python process may take {self._memory_bytes >> 20} MB of memory (python_memory_mb), took "
                f"{taken >> 20}, and was ended."
            )

    def close(self) -> None:
        """Leave the process alone; twice is harmless."""
        with self._lock:
            self._process = None
            self._close()

    def _signal(self, number: int) -> None:
        # Another thread may close this meanwhile, and the descriptor's number then be another process's.
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._process, number)

    def _taken_bytes(self) -> int:
        """What the process has taken; 0 once it has ended, and where no /proc tells."""
        try:
            lines = self._status.read_bytes().splitlines()
        except OSError:
            return 0
        with self._lock:
            # The number may be another's as soon as the process has ended.
            if self._process is None or _ended(self._process):
                return 0
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(_COUNTED))


def _ended(process: int) -> bool:
    ended = select.poll()
    ended.register(process, select.POLLIN)
    return bool(ended.poll(0))
