"""uvicorn, guarded against clients that are slow on purpose or send too much before the application sees them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from garcom.app import Worker
from garcom.errors import GarcomError
from garcom.http import problems
from garcom.http.edge import Edge, Reply
from garcom.serving.batching import Batcher
from garcom.serving.dataplane import DataPlane, Served
from garcom.serving.runtime import Route, Slot
from garcom.settings import Settings

#: Request line and headers together; RFC 9110 §5.4 leaves the limit to the server.
MAX_HEAD_BYTES = 64 * 1024
#: A longer body goes the way that counts what the worker holds.
MAX_SHORT_BODY_BYTES = 64 * 1024
SWEEP_INTERVAL_S = 0.5


class Exchange(NamedTuple):
    """A prediction on the short way: from the parsed request to its answer without an ASGI task."""

    route: Route
    slot: Slot
    batcher: Batcher
    content_type: bytes
    request_id: bytes


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a short way for predictions, a bound on the head, and problem+json for broken HTTP.

    A short prediction on a quiet connection to a loaded model needs neither task, scope nor event: it is decoded
    where it is parsed, joins the batch of this turn of the loop, and its answer is written in one piece. Every
    other request takes uvicorn's own way through the ASGI application, which answers the same.
    """

    plane: DataPlane
    edge: Edge

    #: Counts the requests of this connection; the sweeper sees by it that something moved.
    n_requests = 0
    exchange: Exchange | None = None
    #: Whether the short way's request has come whole and its answer is being made.
    answering = False
    _head_bytes = 0
    _body: bytes = b""
    _last = False

    def on_message_begin(self) -> None:
        """A new request starts; what uvicorn prepares here is left until it is known to be needed."""
        self.n_requests += 1
        self._head_bytes = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_url(self, url: bytes) -> None:
        """A part of the request line."""
        self._count_head(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: choose the way."""
        if not self._take_short_way():
            url, headers, expect = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expect
            self.headers += headers
            if self.answering:
                self.cycle = _UNFINISHED  # type: ignore[assignment]  # so that uvicorn queues this request behind the one on the short way
            super().on_headers_complete()

    def _take_short_way(self) -> bool:
        route = self.plane.runtime.routes_by_url.get(self.url)
        if route is None or self.exchange is not None or (self.cycle is not None and not self.cycle.response_complete):
            return False
        batcher = route.slot.batcher
        parser = self.parser
        if (
            batcher is None
            or parser.get_method() != b"POST"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or parser.get_http_version() != "1.1"
            or self.expect_100_continue
            or self.flow.write_paused
        ):
            return False
        length = content_type = request_id = b""
        for name, value in self.headers:
            if name == b"content-length":
                length = value
            elif name == b"content-type":
                content_type = value
            elif name == b"x-request-id":
                request_id = value
        if not length.isdigit() or int(length) > MAX_SHORT_BODY_BYTES:
            return False
        if request_id:
            content_type, request_id = self.edge.read_headers(self.headers)
        self.exchange = Exchange(route, route.slot, batcher, content_type, request_id)
        self._body = b""
        return True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self.exchange is None or self.answering:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        exchange = self.exchange
        if exchange is None or self.answering:
            super().on_message_complete()
            return
        self.answering = True
        try:
            self.plane.submit(exchange.slot, exchange.batcher, self._body, exchange.content_type, self._deliver)
        except Exception as error:  # noqa: BLE001 - the process boundary: every request gets an answer
            self._write(exchange, self.edge.refuse(exchange.route, error, exchange.request_id))

    def _deliver(self, served: Served | GarcomError) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        if isinstance(served, GarcomError):
            reply = self.edge.refuse(exchange.route, served, exchange.request_id)
        else:
            reply = self.edge.reply(exchange.route, served, exchange.request_id)
        self._write(exchange, reply)

    def _write(self, exchange: Exchange, reply: Reply) -> None:
        """Send the answer in one piece, and let the next request of this connection come."""
        self.exchange = None
        self.answering = False
        if self.transport.is_closing():
            return
        status, headers, body = reply
        parts = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        parts += (b"connection: close\r\n\r\n", body) if self._last else (b"\r\n", body)
        self.transport.write(b"".join(parts))
        self.server_state.total_requests += 1
        if self._last:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()

    def shutdown(self) -> None:
        """Finish the request in flight, if there is one, then close."""
        if self.exchange is not None:
            self._last = True
        else:
            super().shutdown()

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


class _Unfinished:
    """Stands for a request on the short way where uvicorn asks whether the one before has been answered."""

    response_complete = False


_UNFINISHED = _Unfinished()


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
    request: int
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
    cycle, request = connection.cycle, connection.n_requests
    if connection.answering:
        return _Seen("working", request, 0, now)
    if connection.exchange is not None:
        return _Seen("body", request, 0, now)
    waiting = connection.transport.get_write_buffer_size()
    if waiting:
        return _Seen("reading", request, waiting, now)
    if cycle is None or (cycle.response_complete and not cycle.more_body):
        return _Seen("request", request, 0, now)
    return _Seen("body" if cycle.more_body else "working", request, 0, now)


class Server(uvicorn.Server):
    """uvicorn on a socket that the supervisor opened; ``on_started`` is called once it accepts."""

    def __init__(self, worker: Worker, settings: Settings, on_started: Callable[[], None]) -> None:
        class WorkerProtocol(Protocol):
            plane = worker.plane
            edge = worker.edge

        super().__init__(
            uvicorn.Config(
                worker.application,
                http=WorkerProtocol,
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
