"""The supervisor: opens the socket, keeps the workers and the controller alive, and publishes the traffic plan.

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
from garcom.run_folder import SETTINGS
from garcom.settings import Settings

logger = logging.getLogger("garcom.supervisor")

#: A worker that ends sooner than this after its start is restarted after a pause that doubles each time.
SHORT_LIFE_S = 5.0
MAX_PAUSE_S = 30.0
#: How long the controller leaves the machine to the first answers.
CONTROLLER_AFTER_S = 0.5
#: How often it is looked whether the database has changed.
PUBLISH_INTERVAL_S = 0.05

#: Publishes the access list and the traffic plan to the run folder, if they have changed; called at the start and then
#: by the clock.
Publish = Callable[[Path], None]


class _Child:
    """A process that the supervisor keeps alive, and its lifeline."""

    def __init__(self, kind: _Kind, run_folder: Path, *listeners: socket.socket) -> None:
        self.kind = kind
        self.lifeline, theirs = socket.socketpair()
        with theirs:
            descriptors = [*(listener.fileno() for listener in listeners), theirs.fileno()]
            self.process = subprocess.Popen(
                [sys.executable, "-m", kind.module, str(run_folder), *map(str, descriptors)],
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                # A session of its own: Ctrl-C is for the supervisor, which stops its children in order.
                start_new_session=True,
            )
        self.began = time.monotonic()
        self.ready = False


class _Kind:
    """One kind of children, and how soon the next of it may be started."""

    def __init__(self, name: str, module: str) -> None:
        self.name = name
        self.module = module
        self.pause_s = 0.0
        self._not_before = 0.0

    @property
    def due(self) -> bool:
        """Whether one may be started now."""
        return time.monotonic() >= self._not_before

    def wait(self, seconds: float) -> None:
        """Start none before so many seconds have passed."""
        self._not_before = time.monotonic() + seconds

    def note_end(self, child: _Child) -> None:
        """Make the next wait, the longer the more often one has ended right after its start."""
        short = time.monotonic() - child.began < SHORT_LIFE_S
        self.pause_s = min(max(2 * self.pause_s, 0.1), MAX_PAUSE_S) if short else 0.0
        self.wait(self.pause_s)


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
        self._worker = _Kind("worker", "garcom.server.worker")
        self._controller = _Kind("controller", "garcom.controller.process")
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._told = False

    def run(self) -> int:
        """Serve until a signal, and give the exit status, 0. Raises what opening the registry raises."""
        (self._run_folder / SETTINGS).write_bytes(msgspec.json.encode(self._settings))
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._selector.register(wake, selectors.EVENT_READ)
        try:
            self._start_children()
            # The workers import their libraries while this process opens the database.
            publish = self._open_plan()
            publish(self._run_folder)
            self._watch(publish, wake)
            return 0
        finally:
            self._stop_children()
            signal.set_wakeup_fd(-1)
            shutil.rmtree(self._run_folder, ignore_errors=True)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            for child in self._children:
                child.process.kill()  # asked twice: now
        self._stopping = True

    def _watch(self, publish: Publish, wake: socket.socket) -> None:
        while True:
            for key, _ in self._selector.select(PUBLISH_INTERVAL_S):
                if key.fileobj is wake:
                    wake.recv(1024)
                else:
                    self._hear(key.data)
            if self._stopping:
                return
            try:
                publish(self._run_folder)
            except (GarcomError, OSError) as error:
                logger.error(
                    "traffic plan or access list cannot be read; the last one stays", extra={"why": str(error)}
                )
            self._start_children()

    def _hear(self, child: _Child) -> None:
        """A worker said that it is ready, or a child's end of the lifeline closed."""
        if child.lifeline.recv(16):
            child.ready = True
            if not self._told:
                self._told = True
                self._controller.wait(CONTROLLER_AFTER_S)
                self._on_ready()
            return
        self._selector.unregister(child.lifeline)
        child.lifeline.close()
        status = child.process.wait()
        self._children.remove(child)
        if not self._stopping:
            child.kind.note_end(child)
            logger.error(
                f"{child.kind.name} ended; starting another",
                extra={child.kind.name: child.process.pid, "status": status, "pause_s": child.kind.pause_s},
            )

    def _start_children(self) -> None:
        while self._count(self._worker) < self._settings.workers and self._worker.due:
            self._start(self._worker, self._listener)
        # The first answers come first.
        if self._told and not self._count(self._controller) and self._controller.due:
            self._start(self._controller)

    def _start(self, kind: _Kind, *listeners: socket.socket) -> None:
        child = _Child(kind, self._run_folder, *listeners)
        self._children.append(child)
        self._selector.register(child.lifeline, selectors.EVENT_READ, child)

    def _count(self, kind: _Kind) -> int:
        return sum(child.kind is kind for child in self._children)

    def _stop_children(self) -> None:
        """Ask every worker to finish what it has, and end those that do not; then the controller that they ask."""
        self._listener.close()  # nobody should queue for what is about to end
        deadline = time.monotonic() + self._settings.grace_s + 2.0
        for kind in (self._worker, self._controller):
            self._stop([child for child in self._children if child.kind is kind], deadline)

    @staticmethod
    def _stop(children: list[_Child], deadline: float) -> None:
        for child in children:
            if child.ready:
                child.process.terminate()
            else:
                # A worker has nothing in flight, and may be waiting for a plan that never comes; a controller may be
                # interrupted anywhere.
                child.process.kill()
        for child in children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
