"""Missing values: filled, or marked."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.builder import Builder, Column, NotLowerable, Table
from garcom.model.lowering.encoding import is_missing
from garcom.model.lowering.registry import transformer


@transformer("sklearn.SimpleImputer")
def simple_imputer(b: Builder, model: Any, table: Table) -> Table:
    """Each column's statistic where a value is missing; columns without a statistic go, unless they are kept."""
    statistics = np.asarray(model.statistics_, dtype=object).tolist()
    kept = [position for position, value in enumerate(statistics) if model.keep_empty_features or not is_missing(value)]
    columns: list[Column] = []
    for positions in _by_kind(table, kept):
        part = tuple(table[position] for position in positions)
        fill = [statistics[position] for position in positions]
        columns += _filled_texts(b, model, part, fill) if part[0].kind == "text" else _filled(b, model, part, fill)
    if model.add_indicator:
        columns += _marked(b, model.indicator_, table)
    return tuple(columns)


def _by_kind(table: Table, positions: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for position in positions:
        same = runs and table[runs[-1][-1]].kind == table[position].kind
        if same and (table[position].kind == "number" or table[runs[-1][-1]].value == table[position].value):
            runs[-1].append(position)
        else:
            runs.append([position])
    return runs


def _filled(b: Builder, model: Any, part: Table, fill: list[Any]) -> Table:
    marker: dict[str, Any] = {} if is_missing(model.missing_values) else {"missing": float(model.missing_values)}
    numbers = np.array([0.0 if is_missing(value) else float(value) for value in fill])
    value = b.emit("impute", b.matrix(part), fill=numbers, **marker)
    left = bool(marker) and any(column.missing for column in part)
    return b.table(value, len(part), missing=left, names=[column.name for column in part])


def _filled_texts(b: Builder, model: Any, part: Table, fill: list[Any]) -> Table:
    index = [column.position for column in part]
    options = {
        "missing": _text_marker(model),
        "fill": [value if isinstance(value, int) else str(value) for value in fill],
    }
    value = b.emit("impute_texts", part[0].value, index=index, options=options)
    left = options["missing"] is not None
    return tuple(
        Column(value, position, "text", left and column.missing, column.name) for position, column in enumerate(part)
    )


def _text_marker(model: Any) -> Any:
    return None if is_missing(model.missing_values) else model.missing_values


@transformer("sklearn.MissingIndicator")
def missing_indicator(b: Builder, model: Any, table: Table) -> Table:
    """1 where a value is missing."""
    others = [column for position, column in enumerate(table) if position not in set(model.features_.tolist())]
    if model.error_on_new and model.features == "missing-only" and any(column.missing for column in others):
        raise NotLowerable("MissingIndicator with error_on_new=True refuses rows that the signature admits.")
    return tuple(_marked(b, model, table))


def _marked(b: Builder, indicator: Any, table: Table) -> list[Column]:
    marker: dict[str, Any] = {} if is_missing(indicator.missing_values) else {"missing": indicator.missing_values}
    columns: list[Column] = []
    for position in indicator.features_.tolist():
        column = table[position]
        if column.kind == "text":
            options = {"missing": _text_marker(indicator)}
            value = b.emit("missing_texts", column.value, index=[column.position], options=options)
        else:
            value = b.emit("missing", b.matrix((column,)), **marker)
        columns += b.table(value, 1, names=[f"missing {column.name}"])
    return columns
