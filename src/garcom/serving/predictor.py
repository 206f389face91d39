"""One version of a model, loaded: codec, guards and engine together."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import numpy as np

from garcom.errors import EngineError
from garcom.model.bundle import Bundle, read_bundle
from garcom.model.engines.base import AllowPython, Engine, PythonTerms
from garcom.model.signature import Signature
from garcom.records import Batch, Outputs
from garcom.serving.codec import Codec
from garcom.serving.guards import Guards
from garcom.serving.named_rows import NamedRows, NameFields
from garcom.serving.rows import BatchBuilder, Row

#: What a loaded engine takes compared with its files, by experience; it only steers which models are dropped first.
_MEMORY_PER_FILE_BYTE = 3


#: Readers of rows with names that a version keeps; clients choose the fields, but few at a time.
NAMED_ROWS = 8


class Predictor:
    """Answers rows for one version of a model.

    ``seconds`` estimates how long the engine takes, from runs on the example row at load and from what was seen
    since; the batcher decides by it what may run on the event loop.
    """

    def __init__(self, bundle: Bundle, engine: Engine, model: str, version: int, max_rows: int) -> None:
        self.model = model
        self.version = version
        self.digest = bundle.digest
        self.signature: Signature = bundle.signature
        self.memory_bytes = bundle.size_bytes * _MEMORY_PER_FILE_BYTE
        self.codec = Codec(model, version, bundle.signature, max_rows)
        self._max_rows = max_rows
        self.named_rows = functools.lru_cache(NAMED_ROWS)(self._named_rows)
        self.build = BatchBuilder(bundle.signature)
        self.guards = Guards(bundle.signature)
        self._runs_python = bundle.needs_python
        self._bundle = bundle  # a zip's unpacked files live as long as it does
        self._engine = engine
        self._fixed_s = 0.0
        self._per_row_s = 0.0
        self._warm_up()

    def run(self, batch: Batch) -> Outputs:
        """Answer every row. Raises EngineError, also for whatever else the engine raises."""
        began = time.perf_counter()
        try:
            outputs = self._engine.run(batch)
        except EngineError:
            raise
        except Exception as error:
            raise unexpected(error) from error
        self._learn(time.perf_counter() - began, batch.n_rows)
        answered = outputs.values if outputs.labels is None else outputs.labels
        if answered is None or len(answered) != batch.n_rows:
            n_answered = 0 if answered is None else len(answered)
            raise EngineError(f"Expected {batch.n_rows} answers from the engine, got {n_answered}.")
        return outputs

    def _learn(self, seconds: float, n_rows: int) -> None:
        # No call takes less than what every call takes: a fast one corrects a slow moment at load.
        self._fixed_s = min(self._fixed_s, seconds)
        self._per_row_s += 0.05 * ((seconds - self._fixed_s) / n_rows - self._per_row_s)

    def seconds(self, n_rows: int) -> float:
        """How long the engine is expected to take for ``n_rows``."""
        return self._fixed_s + n_rows * self._per_row_s

    def rows_within(self, seconds: float) -> int:
        """How many rows the engine is expected to answer in ``seconds``; 0 if not even one.

        Always 0 for a Python engine: the code of its model may do anything, sleep included.
        """
        if self._runs_python:
            return 0
        room = seconds - self._fixed_s
        if room <= self._per_row_s:
            return 0
        return 1 << 20 if self._per_row_s <= 0.0 else int(room / self._per_row_s)

    def _named_rows(self, fields: NameFields) -> NamedRows:
        return NamedRows(self.model, self.version, self.signature, self._max_rows, fields)

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

    def _warm_up(self) -> None:
        """Run the example, so that the first guest does not wait for what is done only once."""
        one = self.build([self._example_row()])
        many = Batch(np.repeat(one.numbers, 32, axis=0), np.repeat(one.texts, 32, axis=0))
        timings = {}
        for batch in (one, many):
            self.run(batch)
            timings[batch.n_rows] = min(self._timed(batch) for _ in range(3))
        self._per_row_s = max(timings[32] - timings[1], 0.0) / 31
        self._fixed_s = max(timings[1] - self._per_row_s, 0.0)

    def _timed(self, batch: Batch) -> float:
        began = time.perf_counter()
        self._engine.run(batch)
        return time.perf_counter() - began

    def _example_row(self) -> Row:
        import msgspec

        order = self.codec.read_json(msgspec.json.encode(self.signature.example))
        if isinstance(order.rows, Batch):
            raise TypeError("a JSON record decodes to tuples")
        return order.rows[0]


def unexpected(error: Exception) -> EngineError:
    """What is told of an error that no engine should raise: its kind, never its text, which may quote the row."""
    return EngineError(
        f"The engine failed in a way it should not ({type(error).__name__}). Pack the model again, or tell who made it."
    )


def load_predictor(
    folder: Path,
    model: str,
    version: int,
    *,
    allow_python: AllowPython,
    max_rows: int,
    python_timeout_s: float | None = None,
    python_memory_mb: int = PythonTerms().memory_mb,
) -> Predictor:
    """Load a stored bundle, whose files were verified when it was stored.

    Raises BundleError for a damaged bundle, Conflict for a Python engine that is not allowed, and EngineError for one
    that cannot start.
    """
    bundle = read_bundle(folder, verify=False)
    engine = bundle.open_engine(
        allow_python=allow_python, python_timeout_s=python_timeout_s, python_memory_mb=python_memory_mb
    )
    try:
        return Predictor(bundle, engine, model, version, max_rows)
    except BaseException:
        engine.close()
        raise
