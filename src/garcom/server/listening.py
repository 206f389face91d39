"""The listening socket, which the supervisor and all workers share."""

from __future__ import annotations

import socket

from garcom.errors import SettingsError

#: How many connections the system keeps until a worker accepts them.
BACKLOG = 4096
#: How long a stopping worker goes on accepting what was queued.
QUEUE_S = 0.05


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address. Raises SettingsError, saying what is in the way."""
    listener: socket.socket | None = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {why}. Choose another --port (0 takes a free one) or --host."
        ) from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def close_queue(listener: socket.socket) -> None:
    """Let no more connections queue, in any process.

    Those that wait when the last process closes the socket would be reset, requests and all; so a worker that stops
    does this first, and accepts for ``QUEUE_S`` more.
    """
    listener.listen(0)
