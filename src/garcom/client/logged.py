"""Rows and what was predicted for them, as bodies of predictions made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from garcom.client import tables
from garcom.client.json_rows import MAX_BYTES, MAX_ROWS, Part, plain
from garcom.errors import Fault, InputError, InvalidRows
from garcom.model.frames import named
from garcom.model.signature import Output

_encode = msgspec.json.Encoder().encode


def bodies(
    X: Any,
    y_pred: Any,
    output: Callable[[], Output],
    *,
    probabilities: Any = None,
    **parts: Any,
) -> Iterator[Part]:
    """The rows as JSON bodies of bounded size.

    ``output`` says what the model answers, where a matrix does not name its columns. ``parts`` are further parts of a
    row by name: a value for all of them, or one for each; None is left out. Raises InputError for what cannot be sent.
    """
    inputs = _records(X, "X")
    n = len(inputs)
    columns: dict[str, Sequence[Any]] = {"input": inputs, "prediction": _each("y_pred", _answers(y_pred, output), n)}
    if probabilities is not None:
        columns["probabilities"] = _each("probabilities", _shares(probabilities, output), n)
    for name, values in parts.items():
        if values is not None:
            given = _listed(values)
            columns[name] = [values] * n if given is None else _each(name, given, n)
    held: list[bytes] = []
    size = first = 0
    for row in range(n):
        body = _body({name: values[row] for name, values in columns.items()}, f"predictions[{row}]")
        if held and (len(held) == MAX_ROWS or size + len(body) > MAX_BYTES):
            yield Part(first, b"[" + b",".join(held) + b"]")
            held, size, first = [], 0, row
        held.append(body)
        size += len(body) + 1
    yield Part(first, b"[" + b",".join(held) + b"]")


def _records(X: Any, name: str) -> Sequence[Any]:
    """A dict for each row."""
    if isinstance(X, Mapping):
        return [X]
    if tables.is_pandas(X, "DataFrame"):
        found: list[Any] = named(X).to_dict("records")
        return found
    if tables.is_table(X):
        listed: list[Any] = tables.to_arrow(X).to_pylist()
        return listed
    if isinstance(X, Sequence) and not isinstance(X, str | bytes | bytearray):
        return X
    raise InputError(
        f"Expected {name} as a DataFrame, a list of dicts or a dict, got {type(X).__name__}. A matrix has no field "
        "names: put it into a DataFrame with the model's."
    )


def _answers(y_pred: Any, output: Callable[[], Output]) -> Sequence[Any]:
    """An answer for each row; a table, or a matrix, is one of several targets."""
    if tables.is_table(y_pred) and hasattr(y_pred, "columns"):  # a series hands itself over the Arrow way too
        return _records(y_pred, "y_pred")
    given = _listed(y_pred)
    if isinstance(y_pred, np.ndarray) and y_pred.ndim == 2 and given:
        # scikit-learn answers one target as a matrix too, where it was trained on one.
        return y_pred[:, 0].tolist() if y_pred.shape[1] == 1 else _by_name("y_pred", given, output().names, "target")
    return [y_pred] if given is None else given


def _shares(probabilities: Any, output: Callable[[], Output]) -> Sequence[Any]:
    if isinstance(probabilities, Mapping) or tables.is_table(probabilities):
        return _records(probabilities, "probabilities")
    given = _listed(probabilities)
    if given and not isinstance(given[0], Mapping):
        return _by_name("probabilities", given, output().probability_names, "label")
    return [probabilities] if given is None else given


def _by_name(what: str, rows: Sequence[Any], names: Sequence[str], of_each: str) -> Sequence[Any]:
    matrix = np.asarray(rows, np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise InputError(
            f"Expected {what} with a column for each {of_each} ({', '.join(names)}), in that order, got an array of "
            f"shape {matrix.shape}. A DataFrame may name them."
        )
    return [dict(zip(names, row, strict=True)) for row in matrix.tolist()]


def _listed(values: Any) -> Sequence[Any] | None:
    """The values of a series, an array or a list; None for a single value."""
    if isinstance(values, str | bytes | Mapping):
        return None
    if isinstance(values, Sequence):
        return values
    listed = getattr(values, "to_list", None) or getattr(values, "to_pylist", None)
    if listed is None and isinstance(values, np.ndarray) and values.ndim:
        # Moments of numpy become numbers when they are listed.
        return list(values) if values.dtype.kind in "mM" else values.tolist()
    if listed is None:
        return None
    found: list[Any] = listed()
    return found


def _each(name: str, values: Sequence[Any], n: int) -> Sequence[Any]:
    if len(values) != n:
        raise InputError(f"Expected one of {name} for each of the {n:,} rows, got {len(values):,}.")
    return values


def _body(row: dict[str, Any], where: str) -> bytes:
    if not isinstance(row["input"], Mapping):
        fault = Fault(f"{where}.input", "a record (a dict of the model's fields)", type(row["input"]).__name__)
        raise InvalidRows(fault.sentence(), (fault,))
    told: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            told[name] = {str(key): plain(each, where, f"{name}.{key}") for key, each in value.items()}
        else:
            told[name] = plain(value, where, name)
    try:
        return _encode(told)
    except UnicodeEncodeError as error:
        fault = Fault(where, "text", "text with half a surrogate pair, which is not Unicode")
        raise InvalidRows(fault.sentence(), (fault,)) from error
