"""Requests that arrive in the same turn of the event loop share one call of the engine.

Nothing waits for a batch to fill: the call is made as soon as the loop has run every request that is ready.
Calls expected to take at most a millisecond run on the loop itself; a longer one runs in a thread, one at a time
per model, while requests gather for the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np

from garcom.errors import EngineError, GarcomError, Overloaded
from garcom.records import Batch, Outputs
from garcom.serving.codec.answers import Answer, Answers
from garcom.serving.guards import Warned
from garcom.serving.ids import uuid7s
from garcom.serving.predictor import Predictor
from garcom.serving.rows import Row

logger = logging.getLogger("garcom.serving")

#: What may hold up the event loop.
LOOP_BUDGET_S = 0.001
#: A long body is computed in slices of this many rows, so that short requests get their turn in between.
SLICE_ROWS = 2048


#: Gets the answer, or the error in its place; called once, on the event loop.
Deliver = Callable[[Answer | GarcomError], None]
DeliverBody = Callable[[Answers | GarcomError], None]


class _Single(NamedTuple):
    row: Row
    deliver: Deliver


class _Body:
    """A body of several rows, computed slice by slice."""

    def __init__(self, batch: Batch, deliver: DeliverBody) -> None:
        self.batch = batch
        self.deliver = deliver
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

    def __init__(self, predictor: Predictor, executor: Executor, max_queued_rows: int) -> None:
        self.predictor = predictor
        self._executor = executor
        self._max_queued_rows = max_queued_rows
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

    def submit(self, row: Row, deliver: Deliver) -> None:
        """Queue one row. Raises Overloaded."""
        self._admit(1)
        self._singles.append(_Single(row, deliver))

    def submit_body(self, rows: Sequence[Row] | Batch, deliver: DeliverBody) -> None:
        """Queue the rows of one request. Raises Overloaded."""
        batch = rows if isinstance(rows, Batch) else self.predictor.build(rows)
        self._admit(batch.n_rows)
        self._bodies.append(_Body(batch, deliver))

    def _admit(self, n_rows: int) -> None:
        if self.queued_rows >= self._max_queued_rows:
            raise Overloaded(
                f"Model {self.predictor.model!r} has {self.queued_rows:,} rows waiting, and its queue takes "
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
        within = self.predictor.rows_within(LOOP_BUDGET_S)
        n = min(within or SLICE_ROWS, SLICE_ROWS)
        singles, self._singles = self._singles[:n], self._singles[n:]
        if within:
            self._deliver(singles, self._answer_singles(singles))
        else:
            self._in_thread(lambda: self._answer_singles(singles), lambda found: self._deliver(singles, found))

    def _serve_slice(self, body: _Body) -> None:
        within = self.predictor.rows_within(LOOP_BUDGET_S)
        left = body.batch.n_rows - body.n_done
        if left <= within:
            self._advance(body, self._answer_slice(body, left))
        else:
            self._in_thread(lambda: self._answer_slice(body, SLICE_ROWS), lambda found: self._advance(body, found))

    def _in_thread(self, work: Callable[[], Any], deliver: Callable[[Any], None]) -> None:
        self._busy = True
        running = self._loop.run_in_executor(self._executor, work)

        def finished(future: asyncio.Future[Any]) -> None:
            self._busy = False
            deliver(future.result())
            self._schedule_rest()

        running.add_done_callback(finished)

    def _answer_singles(self, singles: Sequence[_Single]) -> list[Answer | GarcomError]:
        predictor = self.predictor
        try:
            batch = predictor.build([single.row for single in singles])
            outputs = predictor.run(batch)
            warnings = predictor.guards.find(batch)
            return [*predictor.codec.encoder.answers(outputs, uuid7s(len(singles)), warnings)]
        except EngineError as error:
            if len(singles) == 1:
                return [error]
            # One bad row must not take its neighbours with it: halve until only it fails.
            half = len(singles) // 2
            return self._answer_singles(singles[:half]) + self._answer_singles(singles[half:])
        except Exception as error:  # noqa: BLE001 - the boundary to engines: whoever waits must get an answer
            return [_unexpected(error)] * len(singles)

    def _deliver(self, singles: Sequence[_Single], found: Sequence[Answer | GarcomError]) -> None:
        self.queued_rows -= len(singles)
        for (_, deliver), answer in zip(singles, found, strict=True):
            deliver(answer)

    def _answer_slice(self, body: _Body, n_rows: int) -> Outputs | GarcomError:
        batch = body.next_slice(n_rows)
        try:
            return self.predictor.run(batch)
        except EngineError as error:
            return EngineError(str(error), row=body.n_done + self._first_failing(batch))
        except Exception as error:  # noqa: BLE001 - as above
            return _unexpected(error)

    def _first_failing(self, batch: Batch) -> int:
        """The position of the first row that fails, by halving; 0 if none fails by itself."""
        low, high = 0, batch.n_rows
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self.predictor.run(batch.rows(slice(low, middle)))
                low = middle
            except EngineError:
                high = middle
        return low

    def _advance(self, body: _Body, found: Outputs | GarcomError) -> None:
        if isinstance(found, GarcomError):
            self._drop(body)
            body.deliver(found)
            return
        body.add(found, _n_rows(found))
        if body.complete:
            self._drop(body)
            warnings: Mapping[int, list[Warned]] = self.predictor.guards.find(body.batch)
            body.deliver(Answers(uuid7s(body.batch.n_rows), _joined(body.done), warnings))

    def _drop(self, body: _Body) -> None:
        self._bodies.remove(body)
        self.queued_rows -= body.batch.n_rows


def _unexpected(error: Exception) -> EngineError:
    return EngineError(
        f"The engine failed in a way it should not ({type(error).__name__}). The log of packing may tell."
    )


def _n_rows(outputs: Outputs) -> int:
    return next(len(part) for part in outputs if part is not None)


def _joined(parts: Sequence[Outputs]) -> Outputs:
    if len(parts) == 1:
        return parts[0]
    return Outputs(*(None if columns[0] is None else np.concatenate(columns) for columns in zip(*parts, strict=True)))
