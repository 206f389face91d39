"""Columns of tables as what profiles count: numbers without gaps, or texts."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import numpy as np
import polars as pl

from garcom.profiles.columns import Of
from garcom.records import FloatArray


class Numbers(NamedTuple):
    """The numbers of a column (float64, none NaN), and how many of its rows have none: no value, or no number."""

    numbers: FloatArray
    missing: int
    unreadable: int


def is_numeric(dtype: pl.DataType) -> bool:
    """Whether a column is one of numbers: booleans are 0 and 1, moments microseconds since 1970 in UTC.

    Durations, and times of the day, are seconds.
    """
    return dtype.is_numeric() or dtype.is_temporal() or dtype in (pl.Boolean, pl.Null)


def as_floats(series: pl.Series, of: Of = "value") -> pl.Series:
    """A column as float64: its numbers, the lengths of its texts, or its moments in microseconds since 1970 (UTC).

    A text that says a number is that number, and one that says a moment (ISO 8601) is that moment; null where there is
    none.
    """
    if of == "length":
        return as_texts(series).str.len_chars().cast(pl.Float64)
    return moments(series) if of == "moment" and series.dtype == pl.String else floats(series)


def as_numbers(series: pl.Series, of: Of = "value") -> Numbers:
    """The same without its gaps."""
    n, missing = len(series), series.null_count()
    found = as_floats(series, of)
    unreadable = found.null_count() - missing
    numbers = (found.drop_nulls() if found.null_count() else found).to_numpy()
    nans = int(np.isnan(numbers).sum()) if len(numbers) and np.isnan(numbers.sum()) else 0
    if nans:
        numbers = numbers[~np.isnan(numbers)]
    return Numbers(np.ascontiguousarray(numbers), n - len(numbers) - unreadable, unreadable)


def as_texts(series: pl.Series) -> pl.Series:
    """A column as texts; whole numbers are written without a fraction, so that 1 and 1.0 are one category."""
    if series.dtype == pl.String:
        return series
    if series.dtype.is_float():
        whole = series.cast(pl.Int64, strict=False)
        if (series == whole).all():  # gaps count as equal
            return whole.cast(pl.String)
        return series.fill_nan(None).cast(pl.String)
    if series.dtype == pl.Duration:
        return as_texts(floats(series))
    if not (series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object)):
        with contextlib.suppress(pl.exceptions.PolarsError):  # types that other libraries have brought have no texts
            return series.cast(pl.String)
    return pl.Series(series.name, [None if value is None else str(value) for value in series], dtype=pl.String)


def floats(series: pl.Series) -> pl.Series:
    """A column as float64, null where there is no number."""
    dtype = series.dtype
    if dtype == pl.Float64:
        return series
    if isinstance(dtype, pl.Datetime | pl.Date):
        return series.cast(pl.Datetime("us")).to_physical().cast(pl.Float64)
    if isinstance(dtype, pl.Duration):
        return series.cast(pl.Duration("us")).to_physical().cast(pl.Float64) / 1e6
    if isinstance(dtype, pl.Time):
        return series.to_physical().cast(pl.Float64) / 1e9
    if dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)
    try:
        return series.cast(pl.Float64, strict=False)
    except pl.exceptions.PolarsError:  # types that other libraries have brought
        return as_texts(series).cast(pl.Float64, strict=False)


def moments(series: pl.Series) -> pl.Series:
    """A column of texts as moments, float64 microseconds since 1970 in UTC; null where a text says none (ISO 8601)."""
    if series.null_count() == len(series):
        return series.cast(pl.Float64)
    try:
        found = series.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    except pl.exceptions.ComputeError:  # no text looks like a moment
        return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)
    return found.to_physical().cast(pl.Float64)
