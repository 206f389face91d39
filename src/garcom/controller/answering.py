"""The controller's socket: one question per connection, answered in a thread.

Questions for which a password is hashed have threads of their own, and few of them: a flood of logins takes neither the
memory of the machine (64 MiB for each hash) nor the place of other questions.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import msgspec

from garcom.controller.messages import (
    LENGTHS_BYTES,
    AnyQuestion,
    PasswordCheck,
    Refusal,
    Reply,
    decode_question,
    encode,
    lengths,
    lengths_of,
)
from garcom.errors import GarcomError, LakeUnavailable, MalformedBody, Overloaded, SettingsError, Unavailable

logger = logging.getLogger("garcom.controller")

#: Passwords that are hashed at the same time, and questions that may wait for it; more are refused.
HASHED_AT_ONCE = 2
MAX_WAITING = 32

#: Answers a question and its body; runs in a thread, and raises GarcomError for what cannot be answered.
Answer = Callable[[AnyQuestion, bytes], tuple[Reply, bytes]]


class Answering:
    """Serves a Unix socket; only the owner of the folder that it is in can reach it."""

    def __init__(self, socket: Path, answer: Answer, executor: Executor) -> None:
        self._socket = socket
        self._answer = answer
        self._executor = executor
        self._hashing = ThreadPoolExecutor(HASHED_AT_ONCE, thread_name_prefix="passwords")
        self._n_hashing = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a socket that a predecessor left is replaced."""
        self._socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._socket)  # lives as long as it is held

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        self._hashing.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head_bytes, body_bytes = lengths_of(await reader.readexactly(LENGTHS_BYTES))
            head, body = await reader.readexactly(head_bytes), await reader.readexactly(body_bytes)
            found, answer = await self._answered(head, body)
            told = encode(found)
            writer.write(lengths(told, answer) + told)
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answered(self, head: bytes, body: bytes) -> tuple[Reply | Refusal, bytes]:
        try:
            question: AnyQuestion = decode_question(head)
        except msgspec.DecodeError as error:
            return Refusal.of(MalformedBody(f"Expected a question to the controller, but {error}.")), b""
        loop = asyncio.get_running_loop()
        if not isinstance(question, PasswordCheck):
            return await loop.run_in_executor(self._executor, self._find, question, body)
        if self._n_hashing >= HASHED_AT_ONCE + MAX_WAITING:
            return Refusal.of(Overloaded("Too many logins are waiting already. Try again shortly.")), b""
        self._n_hashing += 1
        try:
            return await loop.run_in_executor(self._hashing, self._find, question, body)
        finally:
            self._n_hashing -= 1

    def _find(self, question: AnyQuestion, body: bytes) -> tuple[Reply | Refusal, bytes]:
        try:
            return self._answer(question, body)
        except (LakeUnavailable, OSError) as error:
            # The texts of stores name their addresses, which callers need not know.
            why = error.strerror if isinstance(error, OSError) else str(error)
            logger.error("lake cannot be reached", extra={"why": why})
            return Refusal.of(
                LakeUnavailable("The lake cannot be read or written now; the server's log says why.")
            ), b""
        except SettingsError as error:
            # A disk that is full, or rights that have changed: that is the operator's, and so are the paths it names.
            logger.error("home folder cannot be used", extra={"why": str(error)})
            return Refusal.of(
                Unavailable("The server cannot read or write its own files now; its log says why. Try again later.")
            ), b""
        except GarcomError as error:
            return Refusal.of(error), b""
        except Exception as error:
            # The process boundary: whoever waits must get an answer, and the log the place.
            logger.exception("question cannot be answered")
            return Refusal.of(
                GarcomError(f"The controller failed in a way it should not ({type(error).__name__}).")
            ), b""
