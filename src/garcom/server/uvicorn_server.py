"""uvicorn on a socket that the supervisor opened, with the short way and guarded against slow clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from garcom.app import Worker
from garcom.server.certificates import contexts_of, follow
from garcom.server.listening import QUEUE_S, close_queue
from garcom.server.secure_way import Handshakes, SecureProtocol
from garcom.server.short_way import Protocol
from garcom.server.sweeper import Sweeper
from garcom.settings import Settings


class Server(uvicorn.Server):
    """uvicorn's server; ``on_started`` is called once it accepts."""

    def __init__(self, worker: Worker, settings: Settings, on_started: Callable[[], None]) -> None:
        self._contexts = contexts_of(settings)
        self._handshakes = Handshakes(self._contexts, settings.client_timeout_s) if self._contexts else None

        class WorkerProtocol(Protocol):
            plane = worker.plane
            edge = worker.edge
            admission = worker.admission

        class SecureWorkerProtocol(SecureProtocol, WorkerProtocol):
            users = settings.tls.users

        # uvicorn takes whatever makes a protocol, though it asks for a class.
        make: Any = self._handshakes.front(SecureWorkerProtocol) if self._handshakes else WorkerProtocol
        super().__init__(
            uvicorn.Config(
                worker.application,
                http=make,
                ws="none",
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=4096,
                timeout_graceful_shutdown=settings.grace_s,  # type: ignore[arg-type]  # passed on to wait_for
            )
        )
        self._sweeper = Sweeper(self.server_state.connections, settings.client_timeout_s, settings.keep_alive_s)
        self._settings = settings
        self._tasks: list[asyncio.Task[None]] = []
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting."""
        await super().startup(sockets)
        self._tasks.append(asyncio.create_task(self._sweeper.run()))
        if self._contexts is not None:
            self._tasks.append(asyncio.create_task(follow(self._contexts, self._settings)))
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: first accept what waits in the system's queue, then finish what is in flight."""
        for listener in sockets or []:
            close_queue(listener)
        await asyncio.sleep(QUEUE_S)
        if self._handshakes is not None:
            self._handshakes.stop()
        await super().shutdown(sockets)
