"""uvicorn's HTTP protocol with a short way for predictions, and order kept whatever a client sends."""

from __future__ import annotations

from typing import Any, NamedTuple

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from garcom.access.limit_headers import spelled
from garcom.access.limits import Pass
from garcom.access.principals import Principal
from garcom.errors import GarcomError, RateLimited
from garcom.http import problems
from garcom.http.admission import REFUSAL_PAUSE_S, Admission
from garcom.http.edge import CREDENTIAL_HEADERS, PACED, PRIVATE, Edge, Head, Header, Reply, credential_of
from garcom.http.gate import PROXIED
from garcom.ids import uuid7s
from garcom.serving.batching import Batcher
from garcom.serving.dataplane import DataPlane, Served
from garcom.serving.runtime import Route, Slot

#: Request line and headers together; RFC 9110 §5.4 leaves the limit to the server.
MAX_HEAD_BYTES = 64 * 1024
#: How long a connection without a request is still listened to when the server stops: one may be on the wire.
FAREWELL_S = 0.2
#: Headers that say more of a prediction than its content type.
_TELLING_HEADERS = frozenset({b"x-request-id", b"garcom-subject"})
#: Headers that ask for what only the long way does.
_LONG_WAY_HEADERS = frozenset(
    # The last comes from browsers, whose pages may be of other origins.
    {b"content-encoding", b"idempotency-key", b"garcom-subject-field", b"garcom-key-field", b"origin"}
)
#: Stands for more than one Host header, which is none of ours.
_UNFIT_HOST = b" "
_UPGRADE_HEADERS = (b"upgrade", b"http2-settings")
#: A longer body goes the way that counts what the worker holds.
MAX_SHORT_BODY_BYTES = 64 * 1024


class Exchange(NamedTuple):
    """A prediction on the short way: from the parsed request to its answer without an ASGI task.

    It holds the batcher, so that the model is not unloaded before its answer.
    """

    route: Route
    slot: Slot
    batcher: Batcher
    head: Head
    caller: Principal


class ConstantLines:
    """The header lines that every answer has; uvicorn makes its own anew each second."""

    def __init__(self) -> None:
        self._made_of: list[Header] = []
        self._lines = spelled(PRIVATE)

    def lines(self, default_headers: list[Header]) -> bytes:
        """The lines of these headers, and of those that keep an answer private."""
        if default_headers is not self._made_of:
            self._made_of, self._lines = default_headers, spelled([*default_headers, *PRIVATE])
        return self._lines


class Protocol(HttpToolsProtocol):
    """A short prediction on a quiet connection to a loaded model needs neither task, scope nor event.

    It is decoded where it is parsed, joins the batch of this turn of the loop, and its answer is written in one
    piece. Every other request takes uvicorn's own way through the ASGI application, which answers the same.

    What is no HTTP gets a problem, after the answers to the requests before it. Whoever stops sending is still
    answered what came whole.
    """

    plane: DataPlane
    edge: Edge
    admission: Admission
    #: uvicorn's exchange, the newest of this connection; or ``_UNFINISHED`` for a moment.
    cycle: Any

    _always = ConstantLines()
    #: Counts the requests of this connection; the sweeper sees by it that something moved.
    n_requests = 0
    #: Whether a request has begun to come, and whether its head is not yet whole.
    receiving = False
    head_open = False
    #: Whether everything is said, and the client's end is awaited so that it can read the last words.
    lingering = False
    #: Over TLS: the user whom the client's certificate names.
    certificate_user: str | None = None
    #: What that proves, where the client says nothing else.
    _certificate: bytes = b""
    _exchange: Exchange | None = None
    #: What limits the request on the short way, while it is answered.
    _passed: Pass | None = None
    #: Whether the short way's request has come whole and its answer is being made.
    _answering = False
    #: Whether the head that has just come asks for another protocol.
    _declining = False
    _body: bytes = b""
    #: The last words, said after the answers that are still owed; None while the connection is to stay.
    _parting: bytes | None = None
    #: Whether what comes is thrown away.
    _deaf = False
    #: Counts what the parser told; bytes that move nothing are a head, a trailer or worse.
    _moves = 0
    _unmoved_bytes = 0
    _fed_bytes = 0
    #: What was fed since the newest request began, with what came before it in the same piece.
    _head_fed_bytes = 0

    @property
    def working(self) -> bool:
        """Whether a request that came whole waits for its answer, or one whose route guards its body by itself."""
        cycle = self.cycle
        if self._answering or self.pipeline:
            return True
        if cycle is None or cycle.response_complete:
            return False
        return not cycle.more_body or cycle.scope["state"].get(PACED, False)

    @property
    def unread_bytes(self) -> int:
        """What was answered and has not left yet, because the client does not read."""
        return self.transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._deaf:
            return
        moves = self._moves
        self._fed_bytes = len(data)
        self._head_fed_bytes += self._fed_bytes
        try:
            self._feed(data)
        except httptools.HttpParserInvalidMethodError:
            # The parser knows the registered methods only, and cannot tell others from what is no HTTP at all.
            self._part(_bare_answer(400, "Expected an HTTP/1.1 request, got none with a known method (GET, POST, …)."))
            return
        except httptools.HttpParserError:
            if not self._deaf:
                self._part(_bare_answer(400, "Expected an HTTP/1.1 request, got something else."))
            return
        if moves != self._moves:
            self._unmoved_bytes = 0
            return
        self._unmoved_bytes += len(data)
        if self._unmoved_bytes > MAX_HEAD_BYTES:
            self._refuse_head()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        """The head of a request that asks for another protocol, without asking for it.

        None is spoken here, as RFC 9110 §7.8 allows; but the parser takes what follows such a head for the other
        protocol, and some clients (Java's among them) ask with every request, bodies included.
        """
        self._declining = False
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token for token in value.split(b",") if token.strip().lower() not in _UPGRADE_HEADERS]
                value = b",".join(tokens)
            if name not in _UPGRADE_HEADERS:
                lines.append(name + b": " + value)
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """A new request starts; what uvicorn prepares here is left until it is known to be needed."""
        self._moves += 1
        self._head_fed_bytes = self._fed_bytes
        self.n_requests += 1
        self.receiving = self.head_open = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. Trailers come here too, after the head; nobody asked for them."""
        if self.head_open:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: choose the way."""
        if self._head_fed_bytes > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES:
            self._refuse_head()
            raise _Refused  # it has got its answer
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _Refused  # this is no proxy
            self._declining = True  # the parser stops here, and gets the head again
        elif not self._take_short_way():
            self._take_long_way()
        self.head_open = False

    def _take_short_way(self) -> bool:
        route = self.plane.runtime.routes_by_url.get(self.url)
        if route is None or self._exchange is not None or (self.cycle is not None and not self.cycle.response_complete):
            return False
        parser = self.parser
        batcher = route.slot.batcher
        if (
            batcher is None
            or parser.get_method() != b"POST"
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
            or self.expect_100_continue
            or self.flow.write_paused
        ):
            return False
        length = content_type = host = credential = b""
        tells_more = False
        for name, value in self.headers:
            if name == b"content-length":
                length = value
            elif name == b"content-type":
                content_type = value
            elif name == b"host":
                host = _UNFIT_HOST if host else value
            elif name in CREDENTIAL_HEADERS:
                credential = credential_of(name, value, credential)
            elif name in _TELLING_HEADERS:
                tells_more = True
            elif name in _LONG_WAY_HEADERS or (name in PROXIED and self.admission.gate.is_open):
                return False
        if not length.isdigit() or int(length) > MAX_SHORT_BODY_BYTES:
            return False
        caller = self.admission.quickly(host, credential or self._certificate, route.slot.model)
        if caller is None:
            return False
        head = self.edge.read_headers(self.headers) if tells_more else Head(content_type)
        self._exchange = Exchange(route, route.slot, batcher, head, caller)
        self._body = b""
        return True

    def _take_long_way(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        self._begin_scope()
        self.url, self.expect_100_continue = url, expect
        self.headers += headers
        before = self.cycle
        if self._answering:
            self.cycle = _UNFINISHED  # so that uvicorn queues this request behind it
        try:
            super().on_headers_complete()
        finally:
            if self.cycle is _UNFINISHED:
                self.cycle = before  # the request had no path that can be read
        if self._parting is not None:
            self.cycle.keep_alive = False

    def _begin_scope(self) -> None:
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._moves += 1
        if self._exchange is None or self._answering:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._declining:
            return
        self._moves += 1
        self.receiving = False
        exchange = self._exchange
        if exchange is None or self._answering:
            super().on_message_complete()
            return
        self._answering = True
        body = self._body
        try:
            self._passed = passed = self.admission.limiter.admit(exchange.caller, exchange.slot.model, len(body))
            origin = self.edge.origin(exchange.route, exchange.head)
            content_type = exchange.head.content_type
            self.plane.submit(exchange.slot, exchange.batcher, body, content_type, origin, self._deliver, passed)
        except Exception as error:  # noqa: BLE001 - the process boundary: every request gets an answer
            self._leave_door()
            reply = self.edge.refuse(exchange.route, error, exchange.head.request_id)
            if isinstance(error, RateLimited):
                self.loop.call_later(REFUSAL_PAUSE_S, self._write, reply)
            else:
                self._write(reply)

    def _deliver(self, served: Served | GarcomError) -> None:
        limits = self._leave_door()
        exchange = self._exchange
        if exchange is None:
            return
        if isinstance(served, GarcomError):
            self._write(self.edge.refuse(exchange.route, served, exchange.head.request_id))
        else:
            self._write(self.edge.reply(exchange.route, served, exchange.head.request_id), limits)

    def _leave_door(self) -> bytes:
        """Give the short way's place among its caller's requests back; gives lines that tell what is left of them."""
        passed, self._passed = self._passed, None
        if passed is None:
            return b""
        passed.release()
        return passed.lines

    def _write(self, reply: Reply, limits: bytes = b"") -> None:
        """Send the short way's answer in one piece, and let the next request of this connection come."""
        self._exchange = None
        self._answering = False
        if self.transport.is_closing():
            return
        status, headers, body = reply
        last = self._parting is not None and not self._parting and not self.pipeline
        end = b"connection: close\r\n\r\n" if last else b"\r\n"
        always = self._always.lines(self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[status], always, spelled(headers), limits, end, body)))
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """An answer is written: start the request that waits behind it, or leave if this was the last one owed.

        uvicorn's own timer for idle connections is not needed beside the sweeper.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._parting is not None:
            self._leave(self._parting)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio.Protocol says so, uvicorn has None only
        """The client sends no more; it may still read, so what it sent whole is answered."""
        if self.lingering:
            return False
        self._part(b"")
        return not self.transport.is_closing()

    def shutdown(self) -> None:
        """Finish the requests in flight, those on the wire included, then close."""
        if self.lingering:
            self.transport.close()
            return
        if self._parting is None:
            self._parting = b""
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self.loop.call_later(FAREWELL_S, self._leave_if_quiet)

    def _leave_if_quiet(self) -> None:
        if not self.working and (self.head_open or not self.receiving):
            self._leave(b"")

    def _part(self, last_words: bytes) -> None:
        """Listen no more: drop the request that is coming, answer those before it, say the last words and leave."""
        self._deaf = True
        self._parting = last_words
        if not self._drop_unfinished():
            self._leave(self._parting)

    def _drop_unfinished(self) -> bool:
        """Forget the request whose body is still coming; gives whether there are requests before it to answer."""
        if self.receiving and not self.head_open:
            if self._exchange is not None and not self._answering:
                self._exchange = None
                return False
            cycle = self.cycle
            cycle.disconnected = True
            cycle.message_event.set()
            if not self.pipeline:
                if cycle.response_started:
                    self._parting = b""  # it has got its answer, or half of it
                return False
            # It is the newest; at least one that came whole is before it.
            self.pipeline.popleft()
            return True
        return self.working

    def _leave(self, last_words: bytes) -> None:
        """Say the last words, if any, and close: at once, or when the client has had the chance to read them."""
        if self.transport.is_closing():
            return
        if not last_words:
            self.transport.close()
            return
        # Closing with unread input would reset the connection, and the client lose the answer (RFC 9112 §9.6).
        self.lingering = True
        self.transport.write(last_words)
        self._end_writing()

    def _end_writing(self) -> None:
        self.transport.write_eof()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        self._part(_bare_answer(431, f"Expected a request head of at most {MAX_HEAD_BYTES:,} bytes, got a longer one."))


class _Refused(Exception):
    """Makes the parser stop at a request that will not be served."""


class _Unfinished:
    """Stands for a request on the short way where uvicorn asks whether the one before has been answered."""

    response_complete = False


_UNFINISHED = _Unfinished()


def _bare_answer(status: int, detail: str) -> bytes:
    request_id = uuid7s(1)[0]
    problem = problems.plain_problem(status, detail, request_id)
    body = problems.encoded(problem)
    head = (
        f"HTTP/1.1 {status} {problem.title}\r\ncontent-type: application/problem+json\r\nx-request-id: {request_id}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
