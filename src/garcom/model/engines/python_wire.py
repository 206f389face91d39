"""What a web worker and the process of a Python engine say to each other: plain typed bytes, never pickle.

A message is its length (8 bytes, big-endian) and one MessagePack document. Arrays travel as raw little-endian
float64 or int64 blocks, texts as MessagePack strings.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any, cast

import msgspec
import numpy as np

from garcom.errors import EngineError
from garcom.model.signature import Output, Signature
from garcom.records import Batch, Outputs

#: The largest batch that is sent, in bytes.
REQUEST_LIMIT = 512 * 2**20
#: What a reply may hold besides its arrays.
REPLY_MARGIN = 64 * 2**10
_LENGTH = struct.Struct(">Q")
#: How long is waited at most without looking at the process.
_WATCH_EVERY_S = 0.1
#: struct ucred: the number, user and group of who sent a message.
_CREDENTIALS = struct.Struct("iII")


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Worker → process, once: the signature to bind the model to."""

    signature: Signature


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Worker → confined process, once: the walls are the ones that were wanted, so the model may be read."""


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Worker → process: a batch. ``numbers`` is float64 ``[n_rows, n_numbers]``."""

    n_rows: int
    numbers: bytes
    texts: list[list[str | int | None]]


class Walled(msgspec.Struct, frozen=True, tag="walled"):
    """Confined process → worker, once, before anything of the model is read: the walls that stand around it."""

    walls: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Process → worker, once: the model is loaded."""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Process → worker: labels as int64, the others as float64, row by row."""

    labels: bytes | None
    probabilities: bytes | None
    values: bytes | None


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """Process → worker: why the model could not be loaded, or could not answer.

    ``refused`` tells that the model's own code raised on the rows; otherwise something is wrong with the model.
    """

    message: str
    refused: bool = False


Request = Hello | Load | Rows
Reply = Walled | Ready | Answer | Failure

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


class Channel:
    """One end of the socket; ``deadline`` is a :func:`time.monotonic` time, None waits for ever.

    Every method raises ``TimeoutError`` past the deadline, ``EOFError`` when the other side has gone, another
    ``OSError`` when the socket fails, and ``ValueError`` for bytes that are no message.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Request | Reply, deadline: float | None = None) -> None:
        """Send one message."""
        data = _encoder.encode(message)
        self._end.settimeout(_remaining(deadline))
        self._end.sendall(_LENGTH.pack(len(data)))
        self._end.sendall(data)

    def request(self, limit: int, deadline: float | None = None) -> Request:
        """Receive what a worker sends."""
        return cast(Request, _decoded(_requests, self._receive(limit, deadline)))

    def reply(self, limit: int, deadline: float | None = None, watch: Callable[[], object] | None = None) -> Reply:
        """Receive what a process sends, of at most ``limit`` bytes.

        ``watch`` is called again and again until it is there, and may raise an error of its own.
        """
        return cast(Reply, _decoded(_replies, self._receive(limit, deadline, watch)))

    def tell_senders(self) -> None:
        """Let :meth:`sender` know who sends; call it before the other side sends anything. Linux only."""
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def sender(self, deadline: float) -> int:
        """The number of the process that sent what comes next, as the kernel tells it; nothing of it is taken.

        To be asked once. The other end of the socket may be in several processes' hands.
        """
        self._end.settimeout(_remaining(deadline))
        data, told, _, _ = self._end.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_PEEK)
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if not data:
            raise EOFError("the other side closed the connection")
        for level, kind, content in told:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                return cast(int, _CREDENTIALS.unpack(content)[0])
        raise OSError(0, "the kernel does not tell who sent a message")

    def is_quiet(self) -> bool:
        """Whether the other side is there and says nothing, as it should between two calls."""
        # A socket with a timeout waits for it even under MSG_DONTWAIT.
        self._end.settimeout(0)
        try:
            self._end.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close the socket; twice is harmless."""
        self._end.close()

    def _receive(self, limit: int, deadline: float | None, watch: Callable[[], object] | None = None) -> bytearray:
        (size,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline, watch))
        if size > limit:
            raise ValueError(f"a message of {size} bytes, and at most {limit} were expected")
        return self._read(size, deadline, watch)

    def _read(self, size: int, deadline: float | None, watch: Callable[[], object] | None) -> bytearray:
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size:
            left = _remaining(deadline)
            self._end.settimeout(left if watch is None else min(left or _WATCH_EVERY_S, _WATCH_EVERY_S))
            try:
                got = self._end.recv_into(view[done:])
            except TimeoutError:
                if watch is None:
                    raise
                watch()
                continue
            if watch is not None:
                watch()
            if got == 0:
                raise EOFError("the other side closed the connection")
            done += got
        return data


def _decoded(decoder: Any, data: bytearray) -> object:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


def rows_of(batch: Batch) -> Rows:
    """The batch as a message."""
    numbers = np.ascontiguousarray(batch.numbers, dtype="<f8")
    return Rows(n_rows=batch.n_rows, numbers=numbers.tobytes(), texts=batch.texts.tolist())


def batch_of(rows: Rows, signature: Signature) -> Batch:
    """The message as a batch; raises ``ValueError`` when it does not fit the signature."""
    texts = np.empty((rows.n_rows, len(signature.text_fields)), dtype=object)
    if len(rows.texts) != rows.n_rows:
        raise ValueError(f"expected {rows.n_rows} rows of texts, got {len(rows.texts)}")
    for at, row in enumerate(rows.texts):
        texts[at] = row
    shape = (rows.n_rows, len(signature.number_fields))
    return Batch(np.frombuffer(rows.numbers, dtype="<f8").reshape(shape).copy(), texts)


def answer_of(outputs: Outputs) -> Answer:
    """The outputs as a message."""
    labels, probabilities, values = outputs
    return Answer(
        labels=None if labels is None else labels.astype("<i8").tobytes(),
        probabilities=None if probabilities is None else probabilities.astype("<f8").tobytes(),
        values=None if values is None else values.astype("<f8").tobytes(),
    )


def outputs_of(answer: Answer, n_rows: int, output: Output) -> Outputs:
    """The message as outputs: the arrays that the task calls for, of the right size, labels within the classes.

    Raises :class:`~garcom.errors.EngineError` for anything else.
    """
    k, m = len(output.classes), n_values(output)
    labels = _block("labels", answer.labels, "<i8", n_rows, 1 if output.task != "regression" else 0)
    probabilities = _block("probabilities", answer.probabilities, "<f8", n_rows, k if output.probabilities else 0)
    values = _block("values", answer.values, "<f8", n_rows, m)
    if labels is not None:
        labels = labels[:, 0]
        if n_rows and (labels.min() < 0 or labels.max() >= k):
            raise EngineError(f"Expected labels from 0 to {k - 1}, got {labels.min()} to {labels.max()}.")
    return Outputs(labels, probabilities, values)


def n_values(output: Output) -> int:
    """The number of columns of ``Outputs.values``; 0 where there are none."""
    return {"regression": len(output.names), "outlier": 1}.get(output.task, 0)


def reply_limit(n_rows: int, output: Output) -> int:
    """The most bytes that an honest answer for ``n_rows`` rows takes."""
    return REPLY_MARGIN + 8 * n_rows * (1 + len(output.classes) + n_values(output))


def _block(name: str, data: bytes | None, dtype: str, n_rows: int, width: int) -> Any:
    expected = 8 * n_rows * width if width else None
    got = None if data is None else len(data)
    if got != expected:
        raise EngineError(f"Expected {name} of {expected} bytes for {n_rows} rows from the model's process, got {got}.")
    return None if data is None else np.frombuffer(data, dtype=dtype).reshape(n_rows, width).copy()
