"""Real receivers of messages, on loopback: a web server and a mail server."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

#: However slow the machine is.
PATIENCE_S = 30.0


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Hooks:
    """What came, and what is answered: statuses one after the other, then 200. An answer waits while it is held."""

    def __init__(self) -> None:
        self.came: queue.Queue[Request] = queue.Queue()
        self.statuses: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://user:secretpassword@127.0.0.1:{self.port}/hooks/T0PSECRET?token=alsosecret"

    def next(self) -> Request:
        return self.came.get(timeout=PATIENCE_S)


@contextmanager
def webhooks() -> Iterator[Hooks]:
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            hooks.came.put(Request(self.path, names, body))
            hooks.free.wait(PATIENCE_S)
            status = hooks.statuses.pop(0) if hooks.statuses else 200
            try:
                self.send_response(status)
                self.end_headers()
            except OSError:
                pass  # whoever sent it was killed

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hooks.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hooks
        finally:
            hooks.free.set()
            server.shutdown()
            thread.join()


class Mails:
    """The mails that came; ``password`` is the only one that is let in."""

    def __init__(self) -> None:
        self.came: queue.Queue[EmailMessage] = queue.Queue()
        self.refusal = ""
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        self.came.put(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def next(self) -> EmailMessage:
        return self.came.get(timeout=PATIENCE_S)


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and data.password == b"secretpassword"
    return AuthResult(success=is_right, handled=is_right)


class _Server(Controller):
    """A server on a port that is free: the library takes only one that is known before."""

    def __init__(self, handler: Mails) -> None:
        self._free = socket.create_server(("127.0.0.1", 0))
        handler.port = self._free.getsockname()[1]
        super().__init__(
            handler,
            "127.0.0.1",
            handler.port,
            authenticator=_authenticate,
            auth_require_tls=False,
        )

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._free)


@contextmanager
def mails() -> Iterator[Mails]:
    received = Mails()
    server = _Server(received)
    server.start()
    try:
        yield received
    finally:
        server.stop()
