"""Operations on categories: values become slots, slots become numbers or columns.

A column with ``m`` known categories has ``m + 1`` slots, the last for everything unknown; the slots of all
columns are numbered in one sequence, so that one table serves all columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from garcom.errors import Fault, RowsRefused
from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Array, Step
from garcom.records import FloatArray, TextArray


@operation("slots_of_texts")
def slots_of_texts(step: Step) -> Call:
    """Texts (or integers held as such) to slots ``[n, n_columns]``; ``None`` in the categories is a missing value."""
    index = step.arrays["index"]
    lookups: list[tuple[Callable[[Any, int], int], int]] = []
    first = step.options["first"]
    for known in step.options["categories"]:
        slots = {value: first + position for position, value in enumerate(known)}
        lookups.append((slots.get, first + len(known)))
        first += len(known) + 1

    def call(texts: TextArray) -> Array:
        found = [
            [get(value, unknown) for value in column]
            for (get, unknown), column in zip(lookups, texts.T[index].tolist(), strict=True)
        ]
        return np.array(found, dtype=np.intp).T

    return call


@operation("slots_of_numbers")
def slots_of_numbers(step: Step) -> Call:
    """Numbers to slots ``[n, n_columns]``; a NaN category is the missing value."""
    index, sizes, known = step.arrays["index"], step.arrays["sizes"], step.arrays["categories"]
    first = step.options["first"]
    parts = []
    for column, values in zip(index.tolist(), np.split(known, np.cumsum(sizes)[:-1]), strict=True):
        order = np.argsort(values, kind="stable")
        parts.append((column, values[order], np.append(order, len(values)) + first, first + len(values)))
        first += len(values) + 1

    def call(X: FloatArray) -> Array:
        result = np.empty((len(X), len(parts)), dtype=np.intp)
        for position, (column, values, slots, unknown) in enumerate(parts):
            x = X[:, column]
            place = values.searchsorted(x)
            near = values.take(place, mode="clip")
            same = (near == x) | ((near != near) & (x != x))
            result[:, position] = np.where(same, slots.take(place), unknown)
        return result

    return call


@operation("refuse_unknown")
def refuse_unknown(step: Step) -> Call:
    """The slots themselves; :class:`RowsRefused` where one is the slot of the unknown."""
    unknown, names = step.arrays["unknown"], step.options["names"]

    def call(slots: Array) -> Array:
        bad = slots == unknown
        if bad.any():
            row, column = (int(position) for position in np.argwhere(bad)[0])
            raise RowsRefused(Fault(names[column], *_UNKNOWN), row)
        return slots

    return call


_UNKNOWN = (
    "a category that the model was trained with",
    "another one",
    "Send a known category, or train the encoder with handle_unknown='ignore'.",
)


@operation("lookup")
def lookup(step: Step) -> Call:
    """Each slot's number: ``table`` is ``[n_slots]``, the result ``[n, n_columns]``."""
    table = step.arrays["table"]
    return lambda slots: table.take(slots)


@operation("lookup_rows")
def lookup_rows(step: Step) -> Call:
    """Each slot's row: ``table`` is ``[n_slots, width]``, the result ``[n, n_columns * width]``."""
    table = step.arrays["table"]
    return lambda slots: table.take(slots, axis=0).reshape(len(slots), -1)


@operation("one_hot")
def one_hot(step: Step) -> Call:
    """Each slot's column is 1, the others 0; ``target`` is the column of a slot, ``width`` for none."""
    target, width = step.arrays["target"], step.options["width"]

    def call(slots: Array) -> FloatArray:
        n = len(slots)
        result = np.zeros((n, width + 1))
        if n == 1:
            result[0, target.take(slots[0])] = 1.0
        else:
            result[np.arange(n)[:, np.newaxis], target.take(slots)] = 1.0
        return result[:, :width]

    return call


@operation("category_sides")
def category_sides(step: Step) -> Call:
    """For each column of slots, the row of ``table<column>`` at its slot; all rows side by side."""
    first = step.arrays["first"].tolist()
    tables = [step.arrays[f"table{column}"] for column in range(len(first))]

    def call(slots: Array) -> FloatArray:
        rows = [table.take(slots[:, column] - first[column], axis=0) for column, table in enumerate(tables)]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    return call
