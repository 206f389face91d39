"""The protocol over TLS: the handshake, and what a secured connection cannot do as a plain one does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from functools import partial
from typing import Any

from garcom.http.gate import certificate_credential
from garcom.server.short_way import FAREWELL_S, Protocol
from garcom.tls.contexts import Contexts
from garcom.tls.peer import CERTIFICATE_USER, principal_name

#: The sweeper closes connections; asyncio's own limit would cut off those that read a long last answer slowly.
_NEVER_S = 86_400.0


class SecureProtocol(Protocol):
    """A connection whose TLS handshake is done.

    TLS as asyncio and uvloop have it cannot be closed in one direction: a client that says it sends no more
    (close_notify) gets no answer any longer, and closing sends the last words, then throws away what comes until the
    client has closed too.
    """

    users: Mapping[str, str] = {}
    #: The connection under TLS: what a client does not read waits there.
    carrier: asyncio.Transport

    def secured(self, carrier: asyncio.Transport, transport: asyncio.Transport) -> None:
        """Begin to serve."""
        self.carrier = carrier
        self.certificate_user = principal_name(transport.get_extra_info("peercert"), self.users)
        self._certificate = certificate_credential(self.certificate_user)
        self.connection_made(transport)

    @property
    def unread_bytes(self) -> int:
        """What was answered and has not left yet."""
        return self.transport.get_write_buffer_size() + self.carrier.get_write_buffer_size()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio.Protocol says so, uvicorn has None only
        """The client sends no more, and the connection is being closed."""
        super().eof_received()
        return False

    def shutdown(self) -> None:
        """Finish the requests in flight, then close."""
        if self.lingering:
            self.transport.abort()
        else:
            super().shutdown()

    def _end_writing(self) -> None:
        self.transport.close()

    def _begin_scope(self) -> None:
        super()._begin_scope()
        self.scope["state"][CERTIFICATE_USER] = self.certificate_user


class Handshake(asyncio.Protocol):
    """A new connection: it becomes a :class:`SecureProtocol`, or is closed without a word."""

    def __init__(self, handshakes: Handshakes, protocol: SecureProtocol) -> None:
        self._handshakes = handshakes
        self._protocol = protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a server's are no others
        """Begin the handshake."""
        self._handshakes.begin(transport, self._protocol)


class Handshakes:
    """All connections that are not secured yet; each has ``timeout_s``."""

    def __init__(self, contexts: Contexts, timeout_s: float) -> None:
        self._contexts = contexts
        self._timeout_s = timeout_s
        self._tasks: dict[asyncio.Task[None], asyncio.Transport] = {}
        self._stopping = False

    def front(self, make: Callable[..., SecureProtocol]) -> Callable[..., Handshake]:
        """The factory of a server's protocols: each makes one of ``make``'s when its handshake is done."""
        return lambda **arguments: Handshake(self, make(**arguments))

    def begin(self, carrier: asyncio.Transport, protocol: SecureProtocol) -> None:
        """Shake hands in a task of its own."""
        loop = asyncio.get_running_loop()
        securing = loop.start_tls(
            carrier,
            protocol,
            self._contexts.current,
            server_side=True,
            ssl_handshake_timeout=self._timeout_s,
            ssl_shutdown_timeout=_NEVER_S,
        )
        task = loop.create_task(self._shake(carrier, protocol, _Begun(securing)))
        self._tasks[task] = carrier
        task.add_done_callback(self._tasks.pop)

    def stop(self) -> None:
        """Let those that have begun become connections that close, but not for long."""
        self._stopping = True
        asyncio.get_running_loop().call_later(FAREWELL_S, self._abort)

    def _abort(self) -> None:
        for carrier in self._tasks.values():
            carrier.abort()

    async def _shake(self, carrier: asyncio.Transport, protocol: SecureProtocol, securing: _Begun) -> None:
        try:
            transport = await securing
        except OSError:  # no TLS, no version or certificate in common, too slow, gone
            carrier.abort()
            return
        if transport.get_extra_info("ssl_object") is None:
            return  # aborted before it was done
        protocol.secured(carrier, transport)
        if self._stopping:
            protocol.shutdown()


class _Begun:
    """A coroutine that has run up to where it waits; a task awaits the rest.

    A task begins in the next turn of the loop only, and by then the client's first bytes may have come to a protocol
    that has no use for them. (From Python 3.12 on, asyncio has eager tasks for this.)
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._awaited = coroutine.send(None)

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                sent = yield awaited
            except BaseException as error:  # noqa: BLE001 - handed on: the coroutine decides
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, sent)
            try:
                awaited = step()
            except StopIteration as done:
                return done.value
