"""One of the two versions: how it reads rows, answers them, and how long that takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from garcom.errors import EngineError
from garcom.model.compile.comparison import concatenate
from garcom.records import Outputs
from garcom.replay.inputs import Cause, Inputs, Personal
from garcom.replay.numbers import Numbers
from garcom.replay.records import Latency
from garcom.replay.said import Said
from garcom.serving.predictor import Predictor
from garcom.serving.rows import Row

#: Rows are answered in batches of so many.
BATCH_ROWS = 1024
#: How many calls are timed at most for each size, and for how long.
_SINGLES = 1000
_BATCHES = 20
_BUDGET_S = 2.0


class Side:
    """A loaded version, as it takes part in a replay."""

    def __init__(self, predictor: Predictor, personal: Mapping[int, Personal]) -> None:
        self.reference = f"{predictor.model}:{predictor.version}"
        self.output = predictor.signature.output
        self.inputs = Inputs(self.reference, predictor.signature, personal)
        self._predictor = predictor
        self._singles: list[float] = []
        self._batches: list[float] = []
        self._last: list[Row] = []

    def answers(self, rows: Sequence[Row]) -> tuple[Said | None, dict[int, Cause]]:
        """What it says of the rows that it has an answer for (None: of no row), and why it has none, by position."""
        failed: dict[int, Cause] = {}
        found = list(self._run(rows, 0, failed)) if rows else []
        if not found:
            return None, failed
        self._last = [row for i, row in enumerate(rows) if i not in failed] if failed else list(rows)
        return Said.now(concatenate(found), self.output), failed

    def _run(self, rows: Sequence[Row], first: int, failed: dict[int, Cause]) -> Iterator[Outputs]:
        batch = self._predictor.build(rows)
        began = time.perf_counter()
        try:
            outputs = self._predictor.run(batch)
        except EngineError as error:
            if len(rows) == 1:
                failed[first] = self._cause(error)
                return
            # One bad row must not take its neighbours with it: halve until only it fails.
            half = len(rows) // 2
            yield from self._run(rows[:half], first, failed)
            yield from self._run(rows[half:], first + half, failed)
            return
        if len(rows) == BATCH_ROWS:
            self._batches.append((time.perf_counter() - began) / BATCH_ROWS)
        yield outputs

    def _cause(self, error: EngineError) -> Cause:
        fault = error.faults[0] if error.faults else None
        detail = str(error) if fault is None else f"expected {fault.expected}, got {fault.got}"
        return Cause(self.reference, "no answer", "" if fault is None else fault.where, detail)

    def time(self) -> None:
        """Time single rows, and batches where too few came by, on the last rows that it answered."""
        if not self._last:
            return
        rows = self._last
        with contextlib.suppress(EngineError):
            self._time(self._singles, [[row] for row in (rows * (_SINGLES // len(rows) + 1))[:_SINGLES]])
            filled = (rows * (BATCH_ROWS // len(rows) + 1))[:BATCH_ROWS]
            self._time(self._batches, [filled] * max(0, _BATCHES - len(self._batches)))

    def _time(self, durations: list[float], calls: Sequence[Sequence[Row]]) -> None:
        ends = time.perf_counter() + _BUDGET_S
        for rows in calls:
            batch = self._predictor.build(rows)
            began = time.perf_counter()
            self._predictor.run(batch)
            durations.append((time.perf_counter() - began) / len(rows))
            if time.perf_counter() > ends:
                break

    def latency(self) -> list[Latency]:
        """Per row, alone and in full batches."""
        return [
            _latency(self.reference, size, durations)
            for size, durations in ((1, self._singles), (BATCH_ROWS, self._batches))
            if durations
        ]


class ServedLatency:
    """How long requests took as they were served."""

    def __init__(self) -> None:
        self._numbers = Numbers()

    def add(self, latency_us: pl.Series) -> None:
        """Take the column of a batch."""
        self._numbers.add(latency_us.drop_nulls().cast(pl.Float64).to_numpy())

    def latency(self, of: str) -> list[Latency]:
        """The record, if any was written down."""
        told = self._numbers.distribution()
        if not told.n:
            return []
        p50, p99 = told.quantiles["p50"], told.quantiles["p99"]
        return [Latency(of=of, rows_per_call=None, calls=told.n, p50_us=p50, p99_us=p99)]


def _latency(of: str, rows_per_call: int, durations_s: Sequence[float]) -> Latency:
    p50, p99 = (np.quantile(durations_s, [0.5, 0.99]) * 1e6).tolist()
    return Latency(of=of, rows_per_call=rows_per_call, calls=len(durations_s), p50_us=p50, p99_us=p99)
