"""Closes connections whose client has kept them waiting for too long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any, Literal, NamedTuple

#: The least that a client has to read of a waiting answer within the limit.
MIN_READ_BYTES = 64 * 1024
MAX_INTERVAL_S = 0.5
#: How long a connection may take to close once everything was sent: over TLS, the client has to say goodbye too.
GOODBYE_S = 2.0

#: What a connection waits for: its first request or the next one, the rest of a head or of a body, the client's
#: reading, the client's end after the last answer, the client's goodbye, or the application.
Stage = Literal["first", "idle", "head", "body", "reading", "lingering", "closing", "working"]


class Seen(NamedTuple):
    """Where a connection stood when it was first seen there."""

    stage: Stage
    request: int
    unread_bytes: int
    since: float
    #: Whether it was overdue when it was last looked at.
    overdue: bool = False


class Sweeper:
    """Looks at all connections now and then instead of arming a timer per request: good clients pay nothing.

    A client has ``timeout_s`` to send its head, as much for its body, and as much to read some of its answer; a
    connection without a request is kept for ``keep_alive_s``. No connection is closed while its request is computed.
    """

    def __init__(
        self,
        connections: Collection[Any],
        timeout_s: float,
        keep_alive_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._timeout_s = timeout_s
        self._keep_alive_s = keep_alive_s
        self._clock = clock
        self._seen: dict[Any, Seen] = {}
        self.interval_s = min(timeout_s / 20, keep_alive_s / 20, MAX_INTERVAL_S)

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(self.interval_s)
            self.sweep()

    def sweep(self) -> None:
        """Look at every connection once."""
        now = self._clock()
        seen: dict[Any, Seen] = {}
        for connection in list(self._connections):
            found = look(connection, now)
            before = self._seen.get(connection)
            if before is not None and _stands_still(before, found):
                found = before
                if before.overdue:
                    connection.transport.abort()
                # It was seen up to one interval late, and closed one after the look that is the first to find this: a
                # process that has slept has to tell the client first that it is late.
                elif now - before.since >= self._limit_s(before.stage) - 3 * self.interval_s:
                    found = before._replace(overdue=True)
            seen[connection] = found
        self._seen = seen

    def _limit_s(self, stage: Stage) -> float:
        if stage == "working":
            return float("inf")
        if stage == "closing":
            return min(GOODBYE_S, self._timeout_s)
        return self._keep_alive_s if stage == "idle" else self._timeout_s


def look(connection: Any, now: float) -> Seen:
    """Where a connection of :class:`~garcom.server.short_way.Protocol` stands."""
    unread_bytes = connection.unread_bytes
    stage: Stage
    if connection.lingering:
        stage = "lingering"
    elif unread_bytes:
        stage = "reading"
    elif connection.transport.is_closing():
        stage = "closing"
    elif connection.working:
        stage = "working"
    elif connection.receiving:
        stage = "head" if connection.head_open else "body"
    else:
        stage = "idle" if connection.n_requests else "first"
    return Seen(stage, connection.n_requests, unread_bytes, now)


def _stands_still(before: Seen, now: Seen) -> bool:
    return before[:2] == now[:2] and now.unread_bytes > before.unread_bytes - MIN_READ_BYTES
