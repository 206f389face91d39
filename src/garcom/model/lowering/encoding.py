"""Encoders: each known category of a column is a slot, and a table says what a slot becomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from garcom.model.lowering.builder import Builder, Column, NotLowerable, Table
from garcom.model.lowering.registry import transformer


@dataclass(frozen=True)
class Slots:
    """The slots of some columns: column ``c`` has ``first[c]``, one per category, and one for the unknown."""

    value: int
    first: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def n_slots(self) -> int:
        """How many slots there are in all."""
        return sum(self.sizes) + len(self.sizes)

    @property
    def unknown(self) -> list[int]:
        """The slot of the unknown, per column."""
        return [first + size for first, size in zip(self.first, self.sizes, strict=True)]


def slots(b: Builder, table: Table, categories: Sequence[Any], *, refuse: bool = False) -> Slots:
    """Emit the steps from the table's columns to slots; ``refuse`` raises on an unknown category."""
    sizes = tuple(len(known) for known in categories)
    starts = np.concatenate([[0], np.cumsum(np.array(sizes) + 1)[:-1]]).astype(int).tolist()
    parts: list[int] = []
    position = 0
    while position < len(table):
        end = position + 1
        while end < len(table) and table[end][:1] + table[end][2:3] == table[position][:1] + table[position][2:3]:
            end += 1
        parts.append(_run(b, table[position:end], categories[position:end], starts[position]))
        position = end
    value = parts[0] if len(parts) == 1 else b.emit("join", *parts)
    found = Slots(value, tuple(starts), sizes)
    if refuse:
        names = [column.name for column in table]
        value = b.emit("refuse_unknown", value, unknown=found.unknown, options={"names": names})
        found = Slots(value, found.first, sizes)
    return found


def _run(b: Builder, columns: Table, categories: Sequence[Any], first: int) -> int:
    """Neighbouring columns of one value and kind."""
    index = [column.position for column in columns]
    if columns[0].kind == "sparse":
        raise NotLowerable("An encoder reads the output of a text vectorizer.")
    if columns[0].kind == "text":
        known = [
            [_text_category(value, column) for value in values]
            for column, values in zip(columns, categories, strict=True)
        ]
        return b.emit("slots_of_texts", columns[0].value, index=index, options={"categories": known, "first": first})
    numbers = [
        [_number_category(value, column) for value in values]
        for column, values in zip(columns, categories, strict=True)
    ]
    return b.emit(
        "slots_of_numbers",
        columns[0].value,
        index=index,
        sizes=[len(values) for values in numbers],
        categories=np.array([value for values in numbers for value in values], dtype=np.float64),
        options={"first": first},
    )


def is_missing(value: Any) -> bool:
    """Whether a trained category or marker stands for a missing value: None, NaN or pandas' NA."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _text_category(value: Any, column: Column) -> str | int | None:
    if is_missing(value):
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, np.integer, float, np.floating)) and not isinstance(value, bool) and value == int(value):
        return int(value)
    raise NotLowerable(f"{column.name}: expected categories that are texts or integers, got {value!r}.")


def _number_category(value: Any, column: Column) -> float:
    if is_missing(value):
        return math.nan
    if isinstance(value, (bool, np.bool_, int, np.integer, float, np.floating)):
        return float(value)
    raise NotLowerable(f"{column.name}: expected categories that are numbers, got {value!r}.")


@transformer("sklearn.OneHotEncoder")
def one_hot_encoder(b: Builder, model: Any, table: Table) -> Table:
    """One column per category left after grouping the infrequent and dropping."""
    found = slots(b, table, model.categories_, refuse=model.handle_unknown == "error")
    target: list[int] = []
    start = 0
    drop = model._drop_idx_after_grouping
    for column in range(len(table)):
        mapping, unknown = _grouping(model, column)
        dropped = None if drop is None else drop[column]
        width = int(model._n_features_outs[column])
        target += [_output(slot, dropped, start) for slot in mapping]
        target.append(-1 if unknown is None else _output(unknown, dropped, start))
        start += width
    target = [start if position < 0 else position for position in target]
    value = b.emit("one_hot", found.value, target=target, options={"width": start})
    return b.table(value, start)


def _output(slot: int, dropped: int | None, start: int) -> int:
    if dropped is None:
        return start + slot
    if slot == dropped:
        return -1
    return start + slot - (slot > dropped)


def _grouping(model: Any, column: int) -> tuple[list[int], int | None]:
    """Where each category goes after grouping, and where an unknown one goes (``None``: nowhere)."""
    size = len(model.categories_[column])
    mapping, unknown = list(range(size)), None
    if getattr(model, "_infrequent_enabled", False):
        grouped, infrequent = model._default_to_infrequent_mappings[column], model._infrequent_indices[column]
        if grouped is not None:
            mapping = [int(slot) for slot in grouped]
        if infrequent is not None and model.handle_unknown in ("infrequent_if_exist", "warn"):
            unknown = mapping[int(infrequent[0])]
    return mapping, unknown


@transformer("sklearn.OrdinalEncoder")
def ordinal_encoder(b: Builder, model: Any, table: Table) -> Table:
    """The category's number; missing and unknown become what the encoder was told."""
    found = slots(b, table, model.categories_, refuse=model.handle_unknown == "error")
    numbers: list[float] = []
    for column in range(len(table)):
        mapping, infrequent = _ordinal_grouping(model, column)
        values = [float(slot) for slot in mapping]
        if column in model._missing_indices:
            values[model._missing_indices[column]] = float(model.encoded_missing_value)
        if model.handle_unknown == "use_encoded_value":
            unknown = float(np.nan if model.unknown_value is None else model.unknown_value)
        else:
            unknown = float(infrequent)
        numbers += [*values, unknown]
    return _looked_up(b, found, table, np.array(numbers).astype(model.dtype).astype(np.float64))


def _ordinal_grouping(model: Any, column: int) -> tuple[list[int], int]:
    mapping = list(range(len(model.categories_[column])))
    if getattr(model, "_infrequent_enabled", False):
        grouped = model._default_to_infrequent_mappings[column]
        missing = model._missing_indices.get(column)
        if grouped is not None:
            mapping = [slot if slot == missing else int(grouped[slot]) for slot in mapping]
    return mapping, 0


def _looked_up(b: Builder, found: Slots, table: Table, numbers: Any) -> Table:
    value = b.emit("lookup", found.value, table=numbers)
    missing = bool(np.isnan(numbers).any())
    return b.table(value, len(table), missing=missing, names=[column.name for column in table])


@transformer("sklearn.TargetEncoder")
def target_encoder(b: Builder, model: Any, table: Table) -> Table:
    """The category's mean of the target; for more than two classes, one mean per class."""
    found = slots(b, table, model.categories_)
    if model.target_type_ != "multiclass":
        numbers = [
            number for encoding in model.encodings_ for number in [*encoding.tolist(), float(model.target_mean_)]
        ]
        return _looked_up(b, found, table, np.array(numbers))
    n_classes = len(model.classes_)
    rows = []
    for column in range(len(table)):
        means = np.stack(model.encodings_[column * n_classes : (column + 1) * n_classes], axis=1)
        rows += [means, np.asarray(model.target_mean_).reshape(1, -1)]
    value = b.emit("lookup_rows", found.value, table=np.concatenate(rows))
    return b.table(value, len(table) * n_classes)
