"""The supervisor: opens the socket, keeps the workers alive, and publishes the traffic plan to them.

It holds the listening socket itself, so a worker that dies takes no waiting connection with it.
"""

from __future__ import annotations

import logging
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import msgspec

from garcom.errors import GarcomError
from garcom.settings import Settings

logger = logging.getLogger("garcom.supervisor")

#: A worker that ends sooner than this after its start is restarted after a pause that doubles each time.
SHORT_LIFE_S = 5.0
MAX_PAUSE_S = 30.0
#: How often the database is asked for its revision.
PLAN_INTERVAL_S = 0.5

#: Publishes the traffic plan to a file if it has changed; called at the start and then by the clock.
Publish = Callable[[Path], None]


class _Worker:
    """One worker process and its lifeline."""

    def __init__(self, run_folder: Path, listener: socket.socket) -> None:
        self.lifeline, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "garcom.server.worker",
                    str(run_folder),
                    str(listener.fileno()),
                    str(theirs.fileno()),
                ],
                pass_fds=(listener.fileno(), theirs.fileno()),
                stdin=subprocess.DEVNULL,
                # A session of its own: Ctrl-C is for the supervisor, which stops the workers in order.
                start_new_session=True,
            )
        self.began = time.monotonic()
        self.ready = False


class Supervisor:
    """Runs until SIGTERM or SIGINT.

    ``on_ready`` is called once, when the first worker accepts requests.
    """

    def __init__(
        self, settings: Settings, listener: socket.socket, publish: Callable[[], Publish], on_ready: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._open_plan = publish
        self._on_ready = on_ready
        self._run_folder = Path(tempfile.mkdtemp(prefix="garcom-run-"))
        self._plan_path = self._run_folder / "plan.json"
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._told = False
        self._pause_s = 0.0
        self._not_before = 0.0

    def run(self) -> int:
        """Serve until a signal, and give the exit status, 0. Raises what opening the registry raises."""
        (self._run_folder / "settings.json").write_bytes(msgspec.json.encode(self._settings))
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._selector.register(wake, selectors.EVENT_READ)
        try:
            self._start_workers()
            # The workers import their libraries while this process opens the database.
            publish = self._open_plan()
            publish(self._plan_path)
            self._watch(publish, wake)
            return 0
        finally:
            self._stop_workers()
            signal.set_wakeup_fd(-1)
            shutil.rmtree(self._run_folder, ignore_errors=True)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            for worker in self._workers:
                worker.process.kill()  # asked twice: now
        self._stopping = True

    def _watch(self, publish: Publish, wake: socket.socket) -> None:
        while True:
            for key, _ in self._selector.select(PLAN_INTERVAL_S):
                if key.fileobj is wake:
                    wake.recv(1024)
                else:
                    self._hear(key.data)
            if self._stopping:
                return
            try:
                publish(self._plan_path)
            except (GarcomError, OSError) as error:
                logger.error("traffic plan cannot be read; the last one stays", extra={"why": str(error)})
            self._start_workers()

    def _hear(self, worker: _Worker) -> None:
        """A worker said that it is ready, or its end of the lifeline closed."""
        if worker.lifeline.recv(16):
            worker.ready = True
            if not self._told:
                self._told = True
                self._on_ready()
            return
        self._selector.unregister(worker.lifeline)
        worker.lifeline.close()
        status = worker.process.wait()
        self._workers.remove(worker)
        if not self._stopping:
            short = time.monotonic() - worker.began < SHORT_LIFE_S
            self._pause_s = min(max(2 * self._pause_s, 0.1), MAX_PAUSE_S) if short else 0.0
            self._not_before = time.monotonic() + self._pause_s
            logger.error(
                "worker ended; starting another",
                extra={"worker": worker.process.pid, "status": status, "pause_s": self._pause_s},
            )

    def _start_workers(self) -> None:
        while len(self._workers) < self._settings.workers and time.monotonic() >= self._not_before:
            worker = _Worker(self._run_folder, self._listener)
            self._workers.append(worker)
            self._selector.register(worker.lifeline, selectors.EVENT_READ, worker)

    def _stop_workers(self) -> None:
        """Ask every worker to finish what it has, and end those that do not."""
        self._listener.close()  # nobody should queue for what is about to end
        for worker in self._workers:
            if worker.ready:
                worker.process.terminate()
            else:
                worker.process.kill()  # it has nothing in flight, and may be waiting for a plan that never comes
        deadline = time.monotonic() + self._settings.grace_s + 2.0
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
