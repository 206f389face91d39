"""HTTP/1.1 written and read by hand, because a client library would not send what these tests send."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from typing import Any, NamedTuple

#: For machines with more to do than they have cores.
TIMEOUT_S = 30.0
#: The ports on which TLS is spoken, with a context that trusts the server there.
secured: dict[int, ssl.SSLContext] = {}


class Answer(NamedTuple):
    """One answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Closed(Exception):
    """The server closed the connection where an answer was expected; ``args[0]`` is what it had sent of it."""


class Connection:
    """One connection to a server on loopback, over TLS where the port is secured."""

    def __init__(self, port: int, receive_buffer: int = 0, *, plain: bool = False) -> None:
        self.socket: socket.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_S)
        try:
            self.socket.connect(("127.0.0.1", port))
            if port in secured and not plain:
                self.socket = secured[port].wrap_socket(self.socket, server_hostname="127.0.0.1")
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Connection:
        self.socket.sendall(data)
        return self

    def end(self) -> None:
        """Say that no more is sent. Over TLS that would end both directions, so it is left to the closing."""
        if not isinstance(self.socket, ssl.SSLSocket):
            self.socket.shutdown(socket.SHUT_WR)

    def answer(self, to_head: bool = False) -> Answer:
        """The next answer. Raises Closed."""
        while True:
            while b"\r\n\r\n" not in self._buffer:
                self._more()
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            version, status = first.split(" ")[:2]
            assert version == "HTTP/1.1", first
            pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
            headers = dict(pairs)
            assert len(headers) == len(pairs), f"a header came twice: {pairs}"
            if status != "100":
                return Answer(int(status), headers, b"" if to_head or status == "204" else self._body(headers))

    def closed(self) -> bytes:
        """Wait for the server to close; gives what else it sent."""
        with contextlib.suppress(Closed):
            while True:
                self._more()
        return self._buffer

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                length = int(self._line(), 16)
                body += self._exactly(length)
                assert self._line() == b""
                if not length:
                    return body
        return self._exactly(int(headers["content-length"]))

    def _exactly(self, n: int) -> bytes:
        while len(self._buffer) < n:
            self._more()
        found, self._buffer = self._buffer[:n], self._buffer[n:]
        return found

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _more(self) -> None:
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self._buffer)
        self._buffer += data


def request(
    method: str, path: str, body: bytes | None = None, *, content_type: str = "application/json", **headers: str
) -> bytes:
    """The bytes of a request; ``x_request_id="a"`` is the header X-Request-ID."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if body is not None:
        lines += [f"Content-Length: {len(body)}"]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def post(path: str, value: Any, **headers: str) -> bytes:
    """The bytes of a request with a JSON body."""
    return request("POST", path, json.dumps(value).encode(), **headers)


def ask(port: int, data: bytes) -> Answer:
    """Send one request on a connection of its own."""
    with Connection(port) as connection:
        return connection.send(data).answer(to_head=data.startswith(b"HEAD"))
