"""granian on a socket that the supervisor opened (the extra ``granian``): its own parser, in Rust.

Its limit for a head counts between requests too, so ``client_timeout_s`` stands for ``keep_alive_s`` here. It has no
limit for clients that do not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server as EmbeddedServer

from garcom.app import Worker
from garcom.server.listening import BACKLOG, QUEUE_S, close_queue
from garcom.settings import Settings


class Server(EmbeddedServer):  # type: ignore[misc]
    """granian's embedded server, with the supervisor's socket in place of one of its own."""

    def __init__(self, app: Any, settings: Settings, listener: socket.socket) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            # With HTTP/2 beside it, granian waits without limit for the first bytes of a connection.
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
            http1_settings=HTTP1Settings(header_read_timeout=int(settings.client_timeout_s * 1000)),
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._shd = SocketHolder(self._listener.fileno(), False, BACKLOG)  # type: ignore[call-arg]  # not in its stub
        self._sfd = self._listener.fileno()


def serve(worker: Worker, settings: Settings, listener: socket.socket, on_started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight."""

    async def run() -> None:
        server = Server(worker.application, settings, listener)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            close_queue(listener)
            loop.call_later(QUEUE_S, server.stop)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        await worker.start()
        # The socket listens already: what arrives before granian accepts waits in its queue.
        loop.call_soon(on_started)
        try:
            await server.serve()
        finally:
            await worker.stop()

    with contextlib.suppress(asyncio.CancelledError):
        uvloop.run(run())
