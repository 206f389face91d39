"""A server on a real socket that does to each connection what the test wrote down."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Script:
    """What to do with one request after the other; ``RESET`` breaks the connection instead of answering.

    ``requests`` holds what came: the head of each request and its body.
    """

    steps: Sequence[bytes]
    url: str = ""
    requests: list[tuple[str, bytes]] = field(default_factory=list)


RESET = b""


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    """A whole HTTP answer that closes its connection."""
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def scripted(*steps: bytes) -> Iterator[Script]:
    """Serve the steps, one connection each, on a free port."""
    script = Script(steps)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        script.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=_serve, args=(listener, script))
        thread.start()
        try:
            yield script
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread if it still waits
            thread.join()


def _serve(listener: socket.socket, script: Script) -> None:
    for step in script.steps:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the test needed fewer steps
        with connection:
            script.requests.append(_read(connection))
            if step == RESET:
                # With a linger of nothing the kernel sends RST.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(step)


def _read(connection: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode().lower()
    length = next((int(line.split(":")[1]) for line in text.splitlines() if line.startswith("content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return text, body
