"""Compares a lowered model, saved and loaded again, with the original on the same rows."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from garcom.model.engines.arrays import load
from garcom.model.engines.base import Engine, EngineSpec
from garcom.model.lowering import lower
from garcom.model.signature import Field, FieldType, Output, Signature, Task
from garcom.records import Batch, Outputs

SPEC = EngineSpec(name="arrays", kind="arrays")
#: Differences of the last bits: sums in another order, another library's exponential.
LAST_BITS = 1e-12


def fields_of(frame: pd.DataFrame) -> tuple[Field, ...]:
    """The frame's columns as fields."""
    return tuple(_field(str(name), frame[name]) for name in frame.columns)


def _field(name: str, column: Any) -> Field:
    nullable = bool(column.isna().any())
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = tuple(column.cat.categories.tolist())
        return Field(name=name, type=FieldType.CATEGORY, nullable=nullable, categories=categories)
    if pd.api.types.is_bool_dtype(column.dtype):
        return Field(name=name, type=FieldType.BOOLEAN)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return Field(name=name, type=FieldType.FLOAT, nullable=nullable)
    return Field(name=name, type=FieldType.STRING, nullable=nullable)


def batch_of(frame: pd.DataFrame, signature: Signature) -> Batch:
    """The frame's rows as an engine receives them."""
    numbers = np.empty((len(frame), len(signature.number_fields)))
    texts = np.empty((len(frame), len(signature.text_fields)), dtype=object)
    for position, field in enumerate(signature.number_fields):
        numbers[:, position] = frame[field.name].to_numpy(dtype=np.float64, na_value=np.nan)
    for position, field in enumerate(signature.text_fields):
        texts[:, position] = [None if pd.isna(value) else value for value in frame[field.name].tolist()]
    return Batch(numbers, texts)


def output_of(model: Any, task: Task, n_targets: int = 1) -> Output:
    """What the model says of its answers."""
    if task == "regression":
        return Output(task=task, names=tuple(f"y{number}" for number in range(n_targets)))
    if task == "outlier":
        return Output(task=task, classes=(-1, 1))
    if task == "clustering":
        return Output(task=task, classes=tuple(range(model.n_clusters)))
    classes = tuple(np.asarray(model.classes_).tolist())
    return Output(task=task, classes=classes, probabilities=hasattr(model, "predict_proba"))


@dataclass(frozen=True)
class Pair:
    """An original and its engine."""

    model: Any
    signature: Signature
    engine: Engine

    def run(self, frame: pd.DataFrame) -> Outputs:
        """The engine's answers."""
        return self.engine.run(batch_of(frame, self.signature))


def lowered(model: Any, frame: pd.DataFrame, task: Task, n_targets: int = 1) -> Pair:
    """The model's program, through a folder, as an engine; ``frame`` says what the fields are."""
    signature = Signature(fields=fields_of(frame), output=output_of(model, task, n_targets), example={})
    with tempfile.TemporaryDirectory() as folder:
        lower(model, signature).save(Path(folder))
        return Pair(model, signature, load(Path(folder), SPEC, signature))


def assert_same(
    model: Any,
    frame: pd.DataFrame,
    task: Task = "classification",
    *,
    rows: Any = None,
    n_targets: int = 1,
    tolerance: float = LAST_BITS,
) -> Pair:
    """0 label flips, and no difference of the numbers above ``tolerance``; the same row by row.

    ``rows`` is what the original predicts from, where that is not ``frame`` itself.
    """
    pair = lowered(model, frame, task, n_targets)
    given = frame if rows is None else rows
    found = pair.run(frame)
    if task == "regression":
        expected = np.asarray(model.predict(given), dtype=np.float64).reshape(len(frame), -1)
        _assert_close(found.values, expected, tolerance)
    else:
        classes = np.array(pair.signature.output.classes)
        assert found.labels is not None
        flips = int((classes[found.labels] != np.asarray(model.predict(given))).sum())
        assert flips == 0, f"{flips} of {len(frame)} labels differ"
    if task == "outlier":
        _assert_close(found.values, np.asarray(model.decision_function(given)).reshape(-1, 1), tolerance)
    if pair.signature.output.probabilities:
        _assert_close(found.probabilities, np.asarray(model.predict_proba(given)), tolerance)
    _assert_rows_independent(pair, frame, found)
    return pair


def _assert_close(found: Any, expected: npt.NDArray[Any], tolerance: float) -> None:
    assert found is not None
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def _assert_rows_independent(pair: Pair, frame: pd.DataFrame, together: Outputs) -> None:
    one: Any
    many: Any
    for row in range(min(5, len(frame))):
        alone = pair.run(frame.iloc[[row]])
        for one, many in zip(alone, together.rows(slice(row, row + 1)), strict=True):
            if many is not None:
                np.testing.assert_allclose(one, many, rtol=1e-9, atol=1e-9)
