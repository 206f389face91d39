"""Servers as real subprocesses: frozen while others are measured, ended without leftovers (Linux: reads /proc)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

STOP_TIMEOUT_S = 10.0


class NotStarted(Exception):
    """A server ended, or did not answer in time; the message ends with what it printed."""


class ProcessId(NamedTuple):
    """A process for certain: its number alone may be given to another one later."""

    pid: int
    start_ticks: int


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on, or ``None`` if there is no such process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return None


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now, unless it is gone or a zombie."""
    stat = _stat(pid)
    return None if stat is None or stat[0] in "ZX" else ProcessId(pid, int(stat[19]))


def descendants(root: int) -> list[ProcessId]:
    """The process ``root`` and everything below it, parents first; zombies are left out."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, pending = [], [root]
    while pending:
        pid = pending.pop(0)
        pending += children.get(pid, [])
        if process := identify(pid):
            found.append(process)
    return found


def free_ports(n: int) -> list[int]:
    """``n`` different loopback ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for candidate in sockets:
            candidate.bind(("127.0.0.1", 0))
        return [candidate.getsockname()[1] for candidate in sockets]


class Server:
    """A running server and its children."""

    def __init__(
        self, command: Sequence[str | Path], cwd: Path, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self.started_at = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def processes(self) -> list[ProcessId]:
        """The server's processes, the first one the one that was started."""
        return descendants(self._process.pid)

    def require_running(self) -> None:
        """Raise NotStarted if the process has ended."""
        if self._process.poll() is not None:
            raise NotStarted(f"ended with status {self._process.returncode}: {self.tail()}")

    def tail(self) -> str:
        """The end of what the server printed."""
        return self.log.read_text(errors="replace")[-600:].strip() or "(it printed nothing)"

    def freeze(self) -> None:
        """Stop the clock for the server, so that it takes nothing from the one that is measured."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        """End the server and everything it started: politely, then by force."""
        known = self.processes
        self._signal_all(signal.SIGCONT)
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
        # Children that outlived their parent were adopted by another process: only the list still names them.
        for process in dict.fromkeys([*known, *self.processes]):
            if identify(process.pid) == process:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
