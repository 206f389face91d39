"""Requests that arrive in the same turn of the event loop share one call of the engine.

Nothing waits for a batch to fill: the call is made as soon as the loop has run every request that is ready.
Calls expected to take at most a millisecond run on the loop itself; a longer one runs in a thread, one at a time
per model, while requests gather for the next.

What was predicted in one call is written to the journal in one piece, and delivered when that is done; meanwhile the
next call may run.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from garcom.errors import EngineError, GarcomError, JournalUnavailable, Overloaded
from garcom.ids import uuid7s
from garcom.journal.journal import Origin
from garcom.records import Batch, Outputs
from garcom.serving.codec.answers import Answer, Answers
from garcom.serving.guards import Warned
from garcom.serving.predictor import Predictor, unexpected
from garcom.serving.rows import Row
from garcom.serving.scribe import Origins, Scribe

logger = logging.getLogger("garcom.serving")

#: What may hold up the event loop.
LOOP_BUDGET_S = 0.001
#: A long body is computed in slices of this many rows, so that short requests get their turn in between.
SLICE_ROWS = 2048


#: How long to look for the row that makes a batch fail; an engine that hangs must not hang once per half.
SPLIT_BUDGET_S = 5.0

#: Gets the answer, or the error in its place; called once, on the event loop.
Deliver = Callable[[Answer | GarcomError], None]
#: Makes of a body's answers what is delivered; called where the body is computed, maybe in a thread.
Finish = Callable[[Answers], Any]
DeliverBody = Callable[[Any], None]


class _Single(NamedTuple):
    row: Row
    deliver: Deliver
    origin: Origin
    began: float


class _Found(NamedTuple):
    """What becomes of some rows: what is delivered for them, and the lines that have to be written before."""

    answer: Any
    lines: bytes = b""


class _Body:
    """A body of several rows, computed slice by slice."""

    def __init__(self, batch: Batch, finish: Finish, deliver: DeliverBody, origins: Origins, began: float) -> None:
        self.batch = batch
        self.finish = finish
        self.deliver = deliver
        self.origins = origins
        self.began = began
        self.done: list[Outputs] = []
        self.n_done = 0

    def next_slice(self, n_rows: int) -> Batch:
        return self.batch.rows(slice(self.n_done, self.n_done + n_rows))

    def add(self, outputs: Outputs, n_rows: int) -> None:
        self.done.append(outputs)
        self.n_done += n_rows

    @property
    def complete(self) -> bool:
        return self.n_done >= self.batch.n_rows


class Batcher:
    """The queue before one predictor. Its public methods are called on the event loop only."""

    def __init__(
        self,
        predictor: Predictor,
        executor: Executor,
        max_queued_rows: int,
        *,
        scribe: Scribe | None = None,
        loop_budget_s: float = LOOP_BUDGET_S,
        split_budget_s: float = SPLIT_BUDGET_S,
    ) -> None:
        self.predictor = predictor
        self._scribe = scribe
        self._executor = executor
        self._max_queued_rows = max_queued_rows
        self._loop_budget_s = loop_budget_s
        self._split_budget_s = split_budget_s
        self._loop = asyncio.get_running_loop()
        self._singles: list[_Single] = []
        self._bodies: deque[_Body] = deque()
        self.queued_rows = 0
        self._scheduled = False
        self._busy = False
        self._bodies_turn = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.queued_rows and not self._busy

    def submit(self, row: Row, deliver: Deliver, origin: Origin, began: float) -> None:
        """Queue one row of a request that began at ``began`` (``time.perf_counter``). Raises Overloaded."""
        self._admit(1, waiting=len(self._singles))
        self._singles.append(_Single(row, deliver, origin, began))

    def submit_body(
        self, rows: Sequence[Row] | Batch, finish: Finish, deliver: DeliverBody, origins: Origins, began: float
    ) -> None:
        """Queue the rows of one request; ``deliver`` gets what ``finish`` makes of them. Raises Overloaded."""
        batch = rows if isinstance(rows, Batch) else self.predictor.build(rows)
        # The body in front is being served, however long it is; only what waits behind it counts.
        self._admit(batch.n_rows, waiting=sum(body.batch.n_rows for body in islice(self._bodies, 1, None)))
        self._bodies.append(_Body(batch, finish, deliver, origins, began))

    def _admit(self, n_rows: int, waiting: int) -> None:
        """Long bodies and single rows are served by turns, so each kind only has its own queue to fear."""
        if waiting >= self._max_queued_rows:
            raise Overloaded(
                f"Model {self.predictor.model!r} has {waiting:,} rows waiting, and its queue takes "
                f"{self._max_queued_rows:,}. Try again shortly."
            )
        self.queued_rows += n_rows
        if not self._scheduled and not self._busy:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Serve what is queued: single rows and slices of bodies by turns."""
        self._scheduled = False
        if self._bodies and (self._bodies_turn or not self._singles):
            self._bodies_turn = False
            self._serve_slice(self._bodies[0])
        elif self._singles:
            self._bodies_turn = True
            self._serve_singles()
        self._schedule_rest()

    def _schedule_rest(self) -> None:
        if (self._singles or self._bodies) and not self._scheduled and not self._busy:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _serve_singles(self) -> None:
        within = self.predictor.rows_within(self._loop_budget_s)
        n = min(within or SLICE_ROWS, SLICE_ROWS)
        singles, self._singles = self._singles[:n], self._singles[n:]
        if within:
            self._write_singles(singles, self._find_singles(singles))
        else:
            self._in_thread(lambda: self._find_singles(singles), lambda found: self._write_singles(singles, found))

    def _serve_slice(self, body: _Body) -> None:
        within = self.predictor.rows_within(self._loop_budget_s)
        left = body.batch.n_rows - body.n_done
        if left <= within:
            self._advance(body, self._answer_slice(body, left))
        else:
            self._in_thread(lambda: self._answer_slice(body, SLICE_ROWS), lambda found: self._advance(body, found))

    def _in_thread(self, work: Callable[[], Any], deliver: Callable[[Any], None]) -> None:
        running = self._loop.run_in_executor(self._executor, work)
        self._busy = True

        def finished(future: asyncio.Future[Any]) -> None:
            self._busy = False
            broken = future.cancelled() or future.exception() is not None
            ended = _Found(EngineError("The engine was ended before it could answer."))
            deliver(ended if broken else future.result())
            self._schedule_rest()

        running.add_done_callback(finished)

    def _find_singles(self, singles: Sequence[_Single]) -> _Found:
        answers = self._answer_singles(singles)
        if self._scribe is None:
            return _Found(answers)
        written = [
            (single.row, answer, single.origin, single.began)
            for single, answer in zip(singles, answers, strict=True)
            if isinstance(answer, Answer)
        ]
        try:
            return _Found(answers, self._scribe.lines(written) if written else b"")
        except Exception as error:  # noqa: BLE001 - as above; what is not written is not answered
            return _Found(unexpected(error))

    def _answer_singles(self, singles: Sequence[_Single], give_up_at: float = 0.0) -> list[Answer | GarcomError]:
        predictor = self.predictor
        began = time.monotonic()
        try:
            batch = predictor.build([single.row for single in singles])
            outputs = predictor.run(batch)
            warnings = predictor.guards.find(batch)
            return [*predictor.codec.encoder.answers(outputs, uuid7s(len(singles)), warnings)]
        except EngineError as error:
            give_up_at = give_up_at or began + self._split_budget_s
            if len(singles) == 1 or time.monotonic() > give_up_at:
                return [error] * len(singles)
            # One bad row must not take its neighbours with it: halve until only it fails.
            half = len(singles) // 2
            return self._answer_singles(singles[:half], give_up_at) + self._answer_singles(singles[half:], give_up_at)
        except Exception as error:  # noqa: BLE001 - a boundary: whoever waits must get an answer
            return [unexpected(error)] * len(singles)

    def _write_singles(self, singles: Sequence[_Single], found: _Found) -> None:
        answers: Sequence[Answer | GarcomError] | GarcomError
        answers, lines = found

        def deliver(refusal: JournalUnavailable | None) -> None:
            self.queued_rows -= len(singles)
            told = [answers] * len(singles) if isinstance(answers, GarcomError) else answers
            for single, answer in zip(singles, told, strict=True):
                _hand_over(single.deliver, answer if refusal is None or isinstance(answer, GarcomError) else refusal)

        self._write(lines, len(singles), deliver)

    def _write(self, lines: bytes, n_rows: int, deliver: Callable[[JournalUnavailable | None], None]) -> None:
        """Deliver when the lines are written; at once where there are none."""
        if lines and self._scribe is not None:
            self._scribe.write(lines, n_rows, deliver)
        else:
            deliver(None)

    def _answer_slice(self, body: _Body, n_rows: int) -> _Found | None:
        """Compute the next rows of a body: None while some are left, then what is to be delivered."""
        batch = body.next_slice(n_rows)
        try:
            body.add(self._run_slice(batch, body.n_done), n_rows)
            return self._finished(body) if body.complete else None
        except GarcomError as error:
            return _Found(error)
        except Exception as error:  # noqa: BLE001 - as above
            return _Found(unexpected(error))

    def _run_slice(self, batch: Batch, first: int) -> Outputs:
        began = time.monotonic()
        try:
            return self.predictor.run(batch)
        except EngineError as error:
            # Found alone, a row says itself what is wrong with it.
            told = error if error.row is not None else self._first_failure(batch, began + self._split_budget_s)
            if told is None or told.row is None:
                raise
            told.row += first
            raise told from None

    def _first_failure(self, batch: Batch, give_up_at: float) -> EngineError | None:
        """The error of the first row that fails, by halving; None if none fails by itself."""
        low, high = 0, batch.n_rows
        while high - low > 1:
            if time.monotonic() > give_up_at:
                return None
            middle = (low + high) // 2
            if self._failure(batch.rows(slice(low, middle))) is not None:
                high = middle
            else:
                low = middle
        failure = self._failure(batch.rows(slice(low, high)))
        if failure is not None:
            failure.row = low
        return failure

    def _failure(self, batch: Batch) -> EngineError | None:
        try:
            self.predictor.run(batch)
        except EngineError as error:
            return error
        return None

    def _finished(self, body: _Body) -> _Found:
        batch, predictor = body.batch, self.predictor
        warnings: Mapping[int, list[Warned]] = predictor.guards.find(batch)
        answers = Answers(uuid7s(batch.n_rows), _joined(body.done), warnings)
        lines = (
            b"" if self._scribe is None else self._scribe.lines_of(predictor, batch, answers, body.origins, body.began)
        )
        return _Found(body.finish(answers), lines)

    def _advance(self, body: _Body, found: _Found | None) -> None:
        if found is None:
            return
        self._bodies.remove(body)

        def deliver(refusal: JournalUnavailable | None) -> None:
            self.queued_rows -= body.batch.n_rows
            _hand_over(body.deliver, found.answer if refusal is None else refusal)

        self._write(found.lines, body.batch.n_rows, deliver)


def _hand_over(deliver: Callable[[Any], None], answer: Any) -> None:
    """Deliver to one client; what goes wrong there must not keep the others from their answers."""
    try:
        deliver(answer)
    except Exception as error:  # noqa: BLE001 - the boundary between the clients of one batch
        logger.error("answer cannot be delivered", extra={"error": type(error).__name__})


def _joined(parts: Sequence[Outputs]) -> Outputs:
    if len(parts) == 1:
        return parts[0]
    return Outputs(*(None if columns[0] is None else np.concatenate(columns) for columns in zip(*parts, strict=True)))
