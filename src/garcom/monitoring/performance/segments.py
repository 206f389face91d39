"""Segments: the rows in which a field has a value, or each of a field's values in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

#: So many values of a field are told, those with the most rows.
MOST_VALUES = 50
_PARTS = 4


def parted(segment: str | None) -> tuple[str, str] | None:
    """The field and the value of ``field=value``; None for all rows.

    >>> parted("region=SP")
    ('region', 'SP')
    """
    if segment is None:
        return None
    field, _, value = segment.partition("=")
    return field.strip(), value.strip()


def texts(fields: Sequence[str]) -> pl.Expr:
    """The fields of the inputs as texts, one struct a row; null where a row has none of this name.

    Numbers are texts as JSON writes them, booleans are true and false.
    """
    return pl.col("input").str.json_decode(pl.Struct(dict.fromkeys(fields, pl.String)))


def condition(told: pl.Expr, value: str) -> pl.Expr:
    """What is true of texts that are this value; 1 and 1.0 are the same, nothing is a missing value."""
    if not value:
        return told.is_null()
    found = told == value
    try:
        number = float(value)
    except ValueError:
        return found | (told.str.to_lowercase() == value.lower()) if value.lower() in ("true", "false") else found
    return found | (told.cast(pl.Float64, strict=False) == number).fill_null(False)


def always_in(value: str) -> pl.Expr | None:
    """What is true of every input that can hold this value, and is seen without decoding it; None where nothing is.

    Numbers are written in several ways, booleans in any case, and texts can be escaped.
    """
    try:
        float(value)
    except ValueError:
        if value and value.lower() not in ("true", "false"):
            text = pl.col("input")
            return text.str.contains(value, literal=True) | text.str.contains("\\", literal=True)
    return None


def parts(field: str, values: pl.Series) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """``field=value`` and its rows, those with the most rows first; a missing value is nothing after the ``=``.

    A field of more than 50 numbers is told in four parts between its quartiles, of more than 50 texts the 50 that
    occur most.
    """
    counts = values.value_counts(sort=True)
    if counts.height > MOST_VALUES:
        numbers = values.cast(pl.Float64, strict=False)
        if numbers.null_count() == values.null_count():
            yield from _quartiles(field, numbers.fill_null(np.nan).to_numpy())
            return
    for value in counts[counts.columns[0]].head(MOST_VALUES):
        rows = values.is_null() if value is None else values == value
        yield f"{field}={'' if value is None else value}", rows.fill_null(False).to_numpy()


def _quartiles(field: str, numbers: npt.NDArray[np.float64]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    borders = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _PARTS + 1)))
    for low, high in pairwise(borders):
        last = high == borders[-1]
        rows = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        yield f"{field}={low:.6g} to {high:.6g}", rows
    if (missing := np.isnan(numbers)).any():
        yield f"{field}=", missing
