"""Request bodies: read whole, within limits of size, memory and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from garcom.errors import BodyTooLarge, MalformedBody, Overloaded, UnsupportedMediaType
from garcom.http.edge import Header

#: A client that sends nothing for so long, in the middle of a body that is refused already, is told so.
PAUSE_S = 0.5

#: The part of a client's time after which it is told that it is late; at the whole of it, it is cut off.
BEFORE_THE_CUT = 0.85

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Bodies:
    """The bodies that one worker holds: each at most ``max_body_bytes``, all together ``max_buffered_bytes``.

    A client has ``timeout_s`` to send one: a little less than after which the server cuts it off, so that it is told.
    """

    def __init__(self, *, max_body_bytes: int, max_buffered_bytes: int, timeout_s: float) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_buffered_bytes = max_buffered_bytes
        self.timeout_s = BEFORE_THE_CUT * timeout_s
        self._held_bytes = 0

    def check_head(self, headers: Iterable[Header]) -> None:
        """Refuse what the head already tells is too long or packed, before any of it is read.

        Raises BodyTooLarge and UnsupportedMediaType.
        """
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > self._max_body_bytes:
                raise self._too_large()
            if name == b"content-encoding" and value.lower() not in (b"", b"identity"):
                raise UnsupportedMediaType(
                    f"Expected a body that is not packed, got Content-Encoding {value.decode('latin-1')[:50]!r}. "
                    "Send it as it is."
                )

    def hold(self, n_bytes: int, of_body: int) -> None:
        """Count bytes that came, of a body with ``of_body`` so far. Raises BodyTooLarge and Overloaded."""
        self._held_bytes += n_bytes
        if of_body > self._max_body_bytes:
            raise self._too_large()
        if self._held_bytes > self._max_buffered_bytes:
            raise Overloaded("The server holds as many request bodies as it may. Try again shortly.")

    def release(self, n_bytes: int) -> None:
        """Count bytes that are no longer held."""
        self._held_bytes -= n_bytes

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"Expected a body of at most {self._max_body_bytes:,} bytes, got a longer one. Send it in parts."
        )


class Body:
    """The body of one request; it counts as held until it is released."""

    def __init__(self, bodies: Bodies, receive: Receive) -> None:
        self._bodies = bodies
        self._receive = receive
        self._length = 0
        self._deadline = asyncio.get_running_loop().time() + bodies.timeout_s
        self.ended = False

    async def read(self) -> bytes:
        """The whole body, however many pieces it comes in.

        Raises Disconnected, BodyTooLarge, Overloaded, and MalformedBody when it takes too long.
        """
        parts: list[bytes] = []
        try:
            async with asyncio.timeout_at(self._deadline):
                while not self.ended:
                    part = await self._part()
                    parts.append(part)
                    self._length += len(part)
                    self._bodies.hold(len(part), self._length)
        except TimeoutError:
            raise MalformedBody(
                f"Expected the whole body within {self._bodies.timeout_s:g} s, got {self._length:,} bytes of it."
            ) from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def discard(self) -> bool:
        """Read what is left of a refused body and keep none of it; gives whether its end came.

        A client that writes all before it reads anything would otherwise never learn what was wrong. One that pauses
        is waiting for its answer already.
        """
        clock = asyncio.get_running_loop().time
        try:
            while not self.ended:
                async with asyncio.timeout_at(min(clock() + PAUSE_S, self._deadline)):
                    await self._part()
        except (TimeoutError, Disconnected):
            return False
        return True

    def release(self) -> None:
        """Hold it no longer."""
        self._bodies.release(self._length)

    async def _part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.ended = not message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part


async def read_short(bodies: Bodies, headers: Iterable[Header], receive: Receive, most_bytes: int) -> bytes:
    """A body of a few fields, whole; it counts for nothing, because it is so short.

    Raises what :meth:`Bodies.check_head` and :meth:`Body.read` raise.
    """
    short = Bodies(
        max_body_bytes=most_bytes, max_buffered_bytes=most_bytes, timeout_s=bodies.timeout_s / BEFORE_THE_CUT
    )
    short.check_head(headers)
    return await Body(short, receive).read()
