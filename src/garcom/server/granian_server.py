"""granian on a socket that the supervisor opened (the extra ``granian``): its own parser and its own TLS, in Rust.

Its limit for a head counts between requests too, so ``client_timeout_s`` stands for ``keep_alive_s`` here. It has no
limit for clients that do not read, and one of its own, 10 s, for TLS handshakes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server as EmbeddedServer

from garcom.app import Worker
from garcom.server.certificates import contexts_of, follow
from garcom.server.listening import BACKLOG, QUEUE_S, close_queue
from garcom.settings import Settings
from garcom.tls.files import TlsFiles


class Server(EmbeddedServer):  # type: ignore[misc]
    """granian's embedded server, with the supervisor's socket in place of one of its own."""

    def __init__(self, app: Any, settings: Settings, listener: socket.socket, files: TlsFiles | None) -> None:
        timeout_ms = int(settings.client_timeout_s * 1000)
        tls = settings.tls
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            # With HTTP/2 beside it, granian waits without limit for the first bytes of a connection.
            http=HTTPModes.auto if tls.http2 else HTTPModes.http1,
            websockets=False,
            log_enabled=False,
            http1_settings=HTTP1Settings(header_read_timeout=timeout_ms),
            http2_settings=HTTP2Settings(
                keep_alive_interval=timeout_ms, keep_alive_timeout=max(1, round(settings.client_timeout_s))
            ),
            ssl_cert=files and files.certificate,
            ssl_key=files and files.key,
            ssl_protocol_min=SSLProtocols.tls13 if tls.min_version == "1.3" else SSLProtocols.tls12,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # One of its own: granian closes it at its end, and another may take its place.
        self._sfd = os.dup(self._listener.fileno())
        self._shd = SocketHolder(self._sfd, False, BACKLOG)  # type: ignore[call-arg]  # not in its stub


class Generations:
    """granian reads its certificate once, so a new one is served by a new server beside the old, which then ends."""

    def __init__(self, make: Callable[[], Server]) -> None:
        self._make = make
        self._tasks: set[asyncio.Task[None]] = set()
        self._newest: Server | None = None
        self._stopping = False

    def renew(self) -> None:
        """Let a new server accept, and the one before, if any, finish what it has."""
        if self._stopping:
            return
        if self._newest is not None:
            asyncio.get_running_loop().call_later(QUEUE_S, self._newest.stop)
        self._newest = self._make()
        self._tasks.add(asyncio.get_running_loop().create_task(self._newest.serve()))

    def stop(self) -> None:
        """Finish what is in flight."""
        self._stopping = True
        if self._newest is not None:
            self._newest.stop()

    async def ended(self) -> None:
        """Wait until every server has ended."""
        while self._tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            self._tasks -= done
            for task in done:
                with contextlib.suppress(asyncio.CancelledError):
                    task.result()


def serve(worker: Worker, settings: Settings, listener: socket.socket, on_started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight."""
    contexts = contexts_of(settings)
    files = contexts.files if contexts is not None else None

    async def run() -> None:
        loop = asyncio.get_running_loop()
        generations = Generations(lambda: Server(worker.application, settings, listener, files))
        following = loop.create_task(follow(contexts, settings, generations.renew)) if contexts is not None else None

        def stop() -> None:
            if following is not None:
                following.cancel()
            close_queue(listener)
            loop.call_later(QUEUE_S, generations.stop)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        await worker.start()
        generations.renew()
        # The socket listens already: what arrives before granian accepts waits in its queue.
        loop.call_soon(on_started)
        try:
            await generations.ended()
        finally:
            await worker.stop()

    with contextlib.suppress(asyncio.CancelledError):
        uvloop.run(run())
