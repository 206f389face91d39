"""How a worker asks the controller of its node."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec

from garcom.controller.messages import (
    LENGTHS_BYTES,
    AnyQuestion,
    Refusal,
    Reply,
    decode_head,
    encode,
    lengths,
    lengths_of,
)
from garcom.errors import Unavailable

#: The controller's socket in the run folder.
SOCKET = "controller.sock"
#: How long the controller may take to start, and how often it is looked for.
START_S = 5.0
POLL_S = 0.05
#: The longest that a question may take.
PATIENCE_S = 120.0


class Controller:
    """The controller, as a worker sees it."""

    def __init__(self, run_folder: Path) -> None:
        self._socket = run_folder / SOCKET

    async def ask(self, question: AnyQuestion, body: bytes = b"") -> tuple[Reply, bytes]:
        """The answer to a question.

        Raises what the controller raised, and Unavailable when it cannot be reached or does not answer in time.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                head, answer = await self._exchange(encode(question), body)
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            raise Unavailable(
                "The controller, which keeps the predictions, is starting or has just ended. Try again shortly."
            ) from error
        except TimeoutError as error:
            raise Unavailable(f"The controller has not answered within {PATIENCE_S:g} s. Ask for less.") from error
        if isinstance(head, Refusal):
            raise head.error()
        return head, answer

    async def _exchange(self, question: bytes, body: bytes) -> tuple[Reply | Refusal, bytes]:
        reader, writer = await self._connect()
        try:
            writer.write(lengths(question, body) + question)
            writer.write(body)
            await writer.drain()
            head_bytes, body_bytes = lengths_of(await reader.readexactly(LENGTHS_BYTES))
            return decode_head(await reader.readexactly(head_bytes)), await reader.readexactly(body_bytes)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, waiting a little for a controller that is just starting."""
        deadline = asyncio.get_running_loop().time() + START_S
        while True:
            try:
                return await asyncio.open_unix_connection(self._socket)
            except (FileNotFoundError, ConnectionRefusedError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(POLL_S)
