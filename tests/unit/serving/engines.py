"""Small real engines that count their calls, sleep, or misbehave on request, and predictors around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from garcom.errors import EngineError
from garcom.model.bundle import read_bundle
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch, Outputs
from garcom.serving.predictor import Predictor
from tests.bundles import make_bundle

#: Answers twice ``x``.
TWICE = Signature(
    fields=(Field(name="x", type=FieldType.FLOAT, minimum=-1e6, maximum=1e6),),
    output=Output(task="regression", names=("y",)),
    example={"x": 1.0},
)


class Twice:
    """Answers 2x. Rows with an ``x`` in ``bad`` make the whole call raise ``error``, once it is loaded."""

    armed = False

    def __init__(self, seconds: float = 0.0, bad: frozenset[float] = frozenset()) -> None:
        self.seconds = seconds
        self.bad = bad
        self.error: Callable[[], BaseException] = lambda: EngineError("this row is poison")
        self.calls: list[list[float]] = []
        self.threads: list[str] = []
        self.closed = 0

    def run(self, batch: Batch) -> Outputs:
        if self.closed:
            raise RuntimeError("the engine is closed")
        self.calls.append(batch.numbers[:, 0].tolist())
        self.threads.append(threading.current_thread().name)
        time.sleep(self.seconds)
        if self.armed and self.bad & set(self.calls[-1]):
            raise self.error()
        return Outputs(None, None, 2 * batch.numbers)

    def close(self) -> None:
        self.closed += 1

    def forget(self) -> None:
        """Forget the calls made so far, those of the warm-up for one."""
        self.calls.clear()
        self.threads.clear()


class Short(Twice):
    """Answers all rows but the last, once ``wrong`` is set."""

    wrong = False

    def run(self, batch: Batch) -> Outputs:
        found = super().run(batch)
        return found.rows(slice(0, -1)) if self.wrong else found


def predictor(folder: Path, engine: Twice, *, model: str = "wine", version: int = 1) -> Predictor:
    """A predictor over the engine, its calls of the warm-up forgotten."""
    bundle = read_bundle(folder if folder.exists() else make_bundle(folder, name=model, signature=TWICE))
    made = Predictor(bundle, engine, model, version, max_rows=100_000)
    engine.forget()
    engine.armed = True
    return made


def batch(*values: float) -> Batch:
    """Rows of ``TWICE``."""
    return Batch(np.array(values, np.float64).reshape(-1, 1), np.empty((len(values), 0), object))
