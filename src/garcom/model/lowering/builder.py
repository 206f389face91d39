"""What lowering writes into: columns that know where they come from, and the steps of the program."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from garcom.errors import UnsupportedModel
from garcom.model.engines.arrays.program import FIRST_STEP, NUMBERS, TEXTS, Array, Program, Result, Step
from garcom.model.signature import FieldType, Signature

#: A text matrix this wide is not made dense: a thousand rows of it would fill the memory.
DENSE_LIMIT = 20_000


class NotLowerable(UnsupportedModel):
    """The model cannot be carried exactly as a program of arrays; the message says which part, and why."""


class Column(NamedTuple):
    """One column of a table: column ``position`` of value ``value``.

    ``missing`` says whether NaN or None may stand in it. A ``sparse`` column is a whole value (the output
    of a text vectorizer) and counts as ``width`` columns.
    """

    value: int
    position: int
    kind: Literal["number", "text", "sparse"]
    missing: bool
    name: str
    width: int = 1


#: What transformers map: columns from left to right, of any values and kinds.
Table = tuple[Column, ...]


@dataclass(frozen=True)
class Prediction:
    """The values that a lowered estimator gives; ``None`` where the original has no such method.

    ``labels`` ``[n]`` index ``classes``; ``probabilities`` are ``[n, n_classes]``; ``decision`` is ``[n, 1]``
    for two classes; ``values`` are ``[n, n_targets]``.
    """

    classes: tuple[Any, ...] | None = None
    labels: int | None = None
    probabilities: int | None = None
    decision: int | None = None
    values: int | None = None
    n_targets: int = 1


class Builder:
    """Collects the steps of one program. The same operation on the same inputs is written once."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._steps: list[Step] = []
        self._known: dict[bytes, int] = {}
        self._widths = {NUMBERS: len(signature.number_fields), TEXTS: len(signature.text_fields)}

    def emit(
        self,
        op: str,
        *inputs: int,
        options: Mapping[str, Any] | None = None,
        graph: bytes = b"",
        **arrays: Any,
    ) -> int:
        """Add a step, and give the number of its value."""
        held = {name: np.asarray(array) for name, array in arrays.items()}
        for name, array in held.items():
            if array.dtype.kind not in "biuf":
                raise NotLowerable(f"{op}: expected {name} to be numbers, got {array.dtype}.")
        step = Step(op, inputs, dict(options or {}), held, graph)
        key = _key(step)
        if key not in self._known:
            self._steps.append(step)
            self._known[key] = FIRST_STEP + len(self._steps) - 1
        return self._known[key]

    def fields(self) -> Table:
        """The signature's fields as columns, in its order."""
        places = {NUMBERS: 0, TEXTS: 0}
        columns = []
        for field in self.signature.fields:
            value = TEXTS if field.type.is_text else NUMBERS
            missing = field.nullable or not field.required
            columns.append(Column(value, places[value], "text" if value == TEXTS else "number", missing, field.name))
            places[value] += 1
        return tuple(columns)

    def table(self, value: int, width: int, *, missing: bool = False, names: Sequence[str] = ()) -> Table:
        """A matrix of numbers as columns."""
        self._widths[value] = width
        shown = names or [f"column {index}" for index in range(width)]
        return tuple(Column(value, index, "number", missing, name) for index, name in enumerate(shown))

    def matrix(self, table: Table) -> int:
        """The table as one matrix of float64; texts that are integers become numbers."""
        parts: list[tuple[int, list[Column]]] = []
        for column in table:
            if parts and parts[-1][0] == column.value and column.kind != "sparse":
                parts[-1][1].append(column)
            else:
                parts.append((column.value, [column]))
        if not parts:
            raise NotLowerable("A step of the model has no input columns.")
        values = [self._part(value, columns) for value, columns in parts]
        return values[0] if len(values) == 1 else self.emit("join", *values)

    def numbers(self, table: Table, reader: object) -> int:
        """As :meth:`matrix`, for a ``reader`` that refuses missing values."""
        value = self.matrix(table)
        if has_missing(table):
            return self.emit("refuse_missing", value, options={"reader": type(reader).__name__})
        return value

    def linear(self, table: Table, coef: Array, intercept: npt.ArrayLike, reader: object) -> int:
        """``X @ coef.T + intercept``; texts stay sparse."""
        intercept = np.broadcast_to(np.asarray(intercept, dtype=np.float64), (len(coef),)).copy()
        if not any(column.kind == "sparse" for column in table):
            return self.emit("linear", self.numbers(table, reader), coef=coef, intercept=intercept)
        parts, start, dense = [], 0, []
        for column in table:
            stop = start + column.width
            if column.kind == "sparse":
                parts.append(self.emit("sparse_linear", column.value, coef=np.ascontiguousarray(coef[:, start:stop].T)))
            else:
                dense.append((column, start))
            start = stop
        if dense:
            rest = np.ascontiguousarray(coef[:, [position for _, position in dense]])
            parts.append(self.emit("linear", self.numbers(tuple(column for column, _ in dense), reader), coef=rest))
        total = parts[0] if len(parts) == 1 else self.emit("add", *parts)
        return self.emit("shift", total, constant=intercept)

    def finish(self, results: Mapping[Result, int]) -> Program:
        """The program, without the steps that no result needs."""
        needed = set(results.values())
        for number in range(len(self._steps) - 1, -1, -1):
            if FIRST_STEP + number in needed:
                needed.update(self._steps[number].inputs)
        kept = [number for number in range(len(self._steps)) if FIRST_STEP + number in needed]
        new = {FIRST_STEP + old: FIRST_STEP + position for position, old in enumerate(kept)}
        new |= {NUMBERS: NUMBERS, TEXTS: TEXTS}
        steps = tuple(
            replace(self._steps[old], inputs=tuple(new[value] for value in self._steps[old].inputs)) for old in kept
        )
        return Program(steps, {name: new[value] for name, value in results.items()})

    def _part(self, value: int, columns: list[Column]) -> int:
        first = columns[0]
        if first.kind == "sparse":
            if first.width > DENSE_LIMIT:
                raise NotLowerable(
                    f"{first.name}: {first.width} text features go into a step that needs a dense matrix "
                    f"(at most {DENSE_LIMIT}). Limit max_features, or put a linear model or TruncatedSVD behind."
                )
            return self.emit("dense", value, options={"width": first.width})
        index = [column.position for column in columns]
        if first.kind == "text":
            for column in columns:
                self._check_integers(column)
            return self.emit("numbers_of_texts", value, index=index)
        if index == list(range(self._widths[value])):
            return value
        return self.emit("columns", value, index=index)

    def _check_integers(self, column: Column) -> None:
        field = self.signature.text_fields[column.position] if column.value == TEXTS else None
        whole = field is not None and field.type is FieldType.CATEGORY and field.categories
        if not whole or not all(isinstance(value, int) for value in field.categories):  # type: ignore[union-attr]
            raise NotLowerable(f"{column.name} holds texts, and a step of the model computes with it as a number.")


def has_missing(table: Table) -> bool:
    """Whether a missing value may stand anywhere in the table."""
    return any(column.missing for column in table)


def width(table: Table) -> int:
    """How many features the table is."""
    return sum(column.width for column in table)


def _key(step: Step) -> bytes:
    digest = hashlib.sha256(msgspec.json.encode([step.op, step.inputs, dict(step.options)]))
    for name, array in step.arrays.items():
        digest.update(f"{name}:{array.dtype.str}:{array.shape}:{array.flags.f_contiguous}".encode())
        digest.update(array.tobytes(order="A"))
    digest.update(step.graph)
    return digest.digest()
