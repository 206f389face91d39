"""Small originals for the tests of the contest: real estimators, and functions that stand for a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources.base import Loaded
from garcom.records import Batch, FloatArray, Outputs


def numbers(n_fields: int, output: Output, **options: Any) -> Signature:
    fields = tuple(Field(name=f"x{at}", type=FieldType.FLOAT, **options) for at in range(n_fields))
    return Signature(fields=fields, output=output, example={field.name: 0.5 for field in fields})


def batch(table: Any) -> Batch:
    table = np.asarray(table, np.float64)
    return Batch(table, np.empty((len(table), 0), object))


BINARY = Output(task="classification", classes=(0, 1), probabilities=True)
LABELS = Output(task="classification", classes=(0, 1))
VALUE = Output(task="regression", names=("y",))


class Function:
    """An original, and an engine, that is a function of the matrix."""

    def __init__(self, signature: Signature, answer: Callable[[FloatArray], Outputs]) -> None:
        self.signature = signature
        self.loaded = Loaded(model=answer, framework="scikit-learn", input_kind="array", output=signature.output)
        self.answer = answer
        self.closed = False

    def run(self, batch: Batch) -> Outputs:
        return self.answer(batch.numbers)

    def close(self) -> None:
        self.closed = True


def of_probability(p: FloatArray, threshold: float = 0.5) -> Outputs:
    return Outputs((p >= threshold).astype(np.int64), np.column_stack([1 - p, p]), None)


class Estimator:
    """A scikit-learn estimator on a matrix as an original."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self.signature = signature
        self.loaded = Loaded(
            model=model,
            framework="scikit-learn",
            input_kind="array",
            output=signature.output,
            n_fields=len(signature.fields),
        )

    def run(self, batch: Batch) -> Outputs:
        model, output = self.loaded.model, self.signature.output
        answer = model.predict(batch.numbers)
        if output.task == "regression":
            return Outputs(None, None, np.asarray(answer, np.float64).reshape(batch.n_rows, -1))
        labels = np.array([output.classes.index(value) for value in answer.tolist()], np.int64)
        return Outputs(labels, model.predict_proba(batch.numbers) if output.probabilities else None, None)
