"""uvicorn, guarded against clients that are slow on purpose or send too much before the application sees them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from garcom.http import problems
from garcom.settings import Settings

#: Request line and headers together; RFC 9110 §5.4 leaves the limit to the server.
MAX_HEAD_BYTES = 64 * 1024
SWEEP_INTERVAL_S = 0.5


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on the head of a request, and problem+json for what breaks HTTP itself."""

    _head_bytes = 0

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the request line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close."""
        if not self.transport.is_closing():
            self.transport.write(_bare_answer(400, "Expected an HTTP/1.1 request, got something else."))
            self.transport.close()

    def _count_head(self, n_bytes: int) -> None:
        self._head_bytes += n_bytes
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_bare_answer(431, f"Expected a request head of at most {MAX_HEAD_BYTES:,} bytes."))
            self.transport.close()


def _bare_answer(status: int, detail: str) -> bytes:
    problem = problems.plain_problem(status, detail)
    body = problems.encoded(problem)
    head = (
        f"HTTP/1.1 {status} {problem.title}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


class _Seen(NamedTuple):
    """Where a connection stood when it was last looked at."""

    stage: str
    cycle: int
    waiting_bytes: int
    since: float


class Sweeper:
    """Closes connections whose client has kept them waiting for longer than the limit.

    It looks at all connections now and then instead of arming a timer per request: good clients pay nothing.
    """

    def __init__(self, connections: set[Any], timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._timeout_s = timeout_s
        self._clock = clock
        self._seen: dict[Any, _Seen] = {}

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            self.sweep()

    def sweep(self) -> None:
        """Look at every connection once."""
        now = self._clock()
        seen: dict[Any, _Seen] = {}
        for connection in list(self._connections):
            before = self._seen.get(connection)
            found = _look(connection, now)
            if before is not None and before[:3] == found[:3]:
                found = before
                if found.stage != "working" and now - found.since >= self._timeout_s:
                    connection.transport.abort()
            seen[connection] = found
        self._seen = seen


def _look(connection: Any, now: float) -> _Seen:
    """What the connection waits for: the client's next request, its body, its reading, or the application."""
    cycle = connection.cycle
    if cycle is None:
        return _Seen("request", 0, 0, now)
    if cycle.more_body:
        return _Seen("body", id(cycle), 0, now)
    waiting = connection.transport.get_write_buffer_size()
    if waiting:
        return _Seen("reading", id(cycle), waiting, now)
    return _Seen("request" if cycle.response_complete else "working", id(cycle), 0, now)


class Server(uvicorn.Server):
    """uvicorn on a socket that the supervisor opened; ``on_started`` is called once it accepts."""

    def __init__(self, app: Any, settings: Settings, on_started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=4096,
                timeout_keep_alive=settings.keep_alive_s,  # type: ignore[arg-type]  # passed on to call_later
                timeout_graceful_shutdown=settings.grace_s,  # type: ignore[arg-type]  # passed on to wait_for
            )
        )
        self._sweeper = Sweeper(self.server_state.connections, settings.client_timeout_s)
        self._sweeping: asyncio.Task[None] | None = None
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting."""
        await super().startup(sockets)
        self._sweeping = asyncio.create_task(self._sweeper.run())
        self._on_started()
