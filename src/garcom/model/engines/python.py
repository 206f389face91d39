"""The Python engine: the original model in a process of its own, for models that no data format can carry.

The process stands behind walls (:mod:`garcom.model.walls`) unless the operator wants none, and behind them it stands
still between two calls. It gets nothing of the worker but one socket, and speaks plain typed bytes
(:mod:`.python_wire`), all of which are checked. It ends with the worker, is ended when it takes too long or answers
nonsense, and is started again by the next call. When it ends by itself, the call is made once more in a fresh process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from garcom.errors import EngineError, Fault, RowsRefused
from garcom.model.engines.base import EngineSpec, PythonTerms
from garcom.model.engines.python_wire import (
    REPLY_MARGIN,
    REQUEST_LIMIT,
    Answer,
    Channel,
    Failure,
    Hello,
    Load,
    Ready,
    Reply,
    Rows,
    Walled,
    outputs_of,
    reply_limit,
    rows_of,
)
from garcom.model.signature import Signature
from garcom.model.walls import WALLS
from garcom.model.walls.hold import Hold, TooMuchMemory
from garcom.model.walls.process import spawn
from garcom.records import Batch, Outputs

if TYPE_CHECKING:
    from garcom.model.sources.base import Original

#: What runs the model, without walls and with them.
_HOST = (sys.executable, "-P", "-m", "garcom.model.engines.python_host")
_CONFINED = (sys.executable, "-P", "-m", "garcom.model.walls.confined")
#: Seconds for one call, and for starting the process with its libraries; a bundle's spec may ask for less.
CALL_TIMEOUT_S = 30.0
START_TIMEOUT_S = 120.0
#: How much of what a model's process says goes into an error.
_TOLD = 2000


def write(folder: Path, original: Original) -> EngineSpec:
    """Write the original into ``folder`` (made if absent): a pickle, and beside it what it takes to run it.

    Classes and functions of the training script and of modules that are not installed packages go in by value.
    Raises :class:`~garcom.errors.UnsupportedModel` when the model cannot be pickled.
    """
    # Only packing writes, and only packing has cloudpickle.
    from garcom.model.engines.python_freeze import freeze

    freeze(original.loaded, folder)
    return EngineSpec(name="python", kind="python")


def load(folder: Path, spec: EngineSpec, signature: Signature, terms: PythonTerms | None = None) -> PythonEngine:
    """Start the process on these terms, by default behind walls, and wait until it has the model.

    ``spec.options`` may hold ``timeout_s`` and ``start_timeout_s``. Raises :class:`~garcom.errors.EngineError` when
    the walls cannot stand, and when the model cannot be loaded, above all because a library here is not the version
    that the model was packed with.
    """
    terms = terms or PythonTerms()
    if terms.confined:
        from garcom.model.walls.check import require_walls

        require_walls()
    engine = PythonEngine(
        folder,
        signature,
        timeout_s=terms.timeout_s or _seconds(spec, "timeout_s", CALL_TIMEOUT_S),
        start_timeout_s=_seconds(spec, "start_timeout_s", START_TIMEOUT_S),
        command=(*_CONFINED, str(terms.memory_mb)) if terms.confined else _HOST,
        confined=terms.confined,
        memory_bytes=terms.memory_mb * 2**20,
    )
    engine.start()
    return engine


def _seconds(spec: EngineSpec, name: str, most: float) -> float:
    """The bundle's own number, if it is one and asks for no more."""
    asked = spec.options.get(name)
    return float(asked) if isinstance(asked, int | float) and 0 < asked < most else most


class _Ended(EngineError):
    """The process ended by itself, or by somebody else's hand; the message says how."""


class PythonEngine:
    """An :class:`~garcom.model.engines.base.Engine` whose work is done by another process.

    ``command`` is what to run, given the number of the inherited socket and the folder; tests put fakes there. One that
    is ``confined`` has to tell its walls before it may read the model, stands still between two calls, and is ended
    when it has taken more than ``memory_bytes``.
    """

    def __init__(
        self,
        folder: Path,
        signature: Signature,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        start_timeout_s: float = START_TIMEOUT_S,
        command: tuple[str, ...] = _HOST,
        confined: bool = False,
        memory_bytes: int = PythonTerms().memory_mb * 2**20,
    ) -> None:
        self._folder = folder.resolve()
        self._signature = signature
        self._timeout_s = timeout_s
        self._start_timeout_s = start_timeout_s
        self._command = command
        self._confined = confined
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._hold: Hold | None = None
        self._end: weakref.finalize[..., PythonEngine] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process's number, None while none runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, unless it runs; raises :class:`~garcom.errors.EngineError` if it does not get ready."""
        # A process that dies keeps its number until its last thread has gone, so its socket is asked as well.
        if self._process is not None and self._process.poll() is None and self._channel and self._channel.is_quiet():
            return
        self._stop()
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        if self._confined:
            self._channel.tell_senders()
        with theirs:
            self._process = spawn(self._command, theirs, self._folder)
        self._end = weakref.finalize(self, _finish, self._process, self._channel)
        deadline = time.monotonic() + self._start_timeout_s
        reply = self._exchange(Hello(self._signature), REPLY_MARGIN, self._start_timeout_s)
        if self._confined and not isinstance(reply, Failure):
            if not isinstance(reply, Walled) or set(reply.walls) != set(WALLS):
                self._stop()
                raise EngineError("The model's Python process did not put up its walls, so it was ended.")
            reply = self._exchange(Load(), REPLY_MARGIN, deadline - time.monotonic())
        if not isinstance(reply, Ready):
            self._stop()
            reason = _told(reply) if isinstance(reply, Failure) else "it answered before it was ready"
            raise EngineError(f"The model's Python process did not start: {reason}")

    def run(self, batch: Batch) -> Outputs:
        """Answer every row of the batch, in order.

        Raises :class:`~garcom.errors.RowsRefused` when the model fails on the rows, and
        :class:`~garcom.errors.EngineError` when it takes longer than its time, or when two processes in a row end on
        them; the next call starts a new one.
        """
        message = rows_of(batch)
        if len(message.numbers) > REQUEST_LIMIT:
            raise EngineError(
                f"Expected at most {REQUEST_LIMIT} bytes of rows, got {len(message.numbers)}. Send fewer."
            )
        output = self._signature.output
        reply = self._reply(message, reply_limit(batch.n_rows, output))
        if isinstance(reply, Failure):
            if not reply.refused:
                raise EngineError(_told(reply))
            got = f"one that it cannot: {_told(reply).rstrip('.')}"
            raise RowsRefused(Fault("", "a row that the model can answer", got))
        try:
            if not isinstance(reply, Answer):
                raise EngineError(f"Expected an answer from the model's process, got {type(reply).__name__}.")
            return outputs_of(reply, batch.n_rows, output)
        except EngineError:
            # What answers nonsense once is not asked again.
            self._stop()
            raise

    def close(self) -> None:
        """End the process; calling it twice is harmless."""
        self._closed = True
        self._stop()

    def _reply(self, message: Rows, limit: int) -> Reply:
        """The reply of the process; a fresh one is asked once if it ends, for what ended it may not be the rows."""
        try:
            return self._ask(message, limit)
        except _Ended:
            if self._closed:
                raise
        try:
            return self._ask(message, limit)
        except _Ended as error:
            raise EngineError(
                f"{error} So did the one before it, with the same rows: they may be what ends it. Try them one by one "
                "with the original model."
            ) from error

    def _ask(self, message: Rows, limit: int) -> Reply:
        self.start()
        return self._exchange(message, limit, self._timeout_s)

    def _stop(self) -> None:
        if self._end is not None:
            self._end()
        if self._hold is not None:
            self._hold.close()
        self._process = self._channel = self._hold = self._end = None

    def _exchange(self, message: Hello | Load | Rows, limit: int, timeout_s: float) -> Reply:
        # Another thread may close the engine meanwhile, which forgets both.
        process, channel = self._process, self._channel
        assert process is not None
        assert channel is not None
        deadline = time.monotonic() + timeout_s
        try:
            if not self._confined:
                channel.send(message, deadline)
                return channel.reply(limit, deadline)
            return self._held_exchange(channel, message, limit, deadline)
        except TooMuchMemory:
            self._stop()
            raise
        except TimeoutError as error:
            self._stop()
            raise EngineError(
                f"The model's Python process took longer than {timeout_s:.6g} s and was ended."
            ) from error
        except (EOFError, OSError) as error:
            how = _how_it_ended(process)
            self._stop()
            raise _Ended(f"The model's Python process ended ({how}).") from error
        except ValueError as error:
            self._stop()
            raise EngineError(f"The model's Python process sent no valid message ({error}) and was ended.") from error

    def _held_exchange(self, channel: Channel, message: Hello | Load | Rows, limit: int, deadline: float) -> Reply:
        """The reply of a confined process, which goes on only until then."""
        hold = self._hold
        if hold is not None:
            hold.go_on()
        channel.send(message, deadline)
        if hold is None:
            # There are two processes, and what confines the one that answers does not hold for the other.
            hold = self._hold = Hold(channel.sender(deadline), self._memory_bytes)
        reply = channel.reply(limit, deadline, hold.look)
        hold.stop()
        return reply


def _how_it_ended(process: subprocess.Popen[bytes]) -> str:
    try:
        status = process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return "it closed its socket"
    if status >= 0:
        return f"exit status {status}"
    known = -status in set(signal.Signals)  # those for real time have no names
    return f"signal {signal.Signals(-status).name if known else -status}"


def _told(failure: Failure) -> str:
    """What a model says, in one line of what can be printed: it goes to callers and into the log."""
    return "".join(c if c.isprintable() else " " for c in failure.message[:_TOLD])


def _finish(process: subprocess.Popen[bytes], channel: Channel) -> None:
    channel.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
