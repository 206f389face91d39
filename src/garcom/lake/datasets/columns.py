"""The few types that a dataset's columns have, whatever they were read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from garcom.errors import Fault, InputError
from garcom.lake.datasets.records import METADATA, RESERVED, Column, ColumnType

_DTYPES: dict[ColumnType, pl.DataType] = {
    "boolean": pl.Boolean(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "text": pl.String(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us", "UTC"),
}
_TYPES = {dtype: name for name, dtype in _DTYPES.items()}
_MOST_FAULTS = 100


def canonical(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column as one of the types of datasets, NaN as null, instants in UTC.

    Raises :class:`~garcom.errors.InputError` that names every column that cannot become one, or whose name is taken.
    """
    faults = [*_name_faults(frame.columns), *_type_faults(frame)]
    if faults:
        lines = "\n  ".join(fault.sentence() for fault in faults[:_MOST_FAULTS])
        raise InputError(f"These columns cannot stand in a dataset:\n  {lines}", tuple(faults[:_MOST_FAULTS]))
    try:
        return frame.select(_as_canonical(column) for column in frame.iter_columns())
    except pl.exceptions.InvalidOperationError as error:
        raise InputError(f"Expected whole numbers and instants that fit into 64 bits, but {error}.") from error


def describe_columns(frame: pl.DataFrame) -> tuple[Column, ...]:
    """The names and types of a canonical frame."""
    return tuple(Column(name, _TYPES[dtype]) for name, dtype in frame.schema.items())


def schema_of(columns: Iterable[Column]) -> pl.Schema:
    """The columns as polars names them."""
    return pl.Schema({column.name: _DTYPES[column.type] for column in columns})


def _name_faults(names: list[str]) -> list[Fault]:
    # Delta does not tell "A" from "a".
    folded = Counter(name.casefold() for name in names)
    faults = [
        Fault(name, "a name that no other column has", "the same in other letters", "Rename one of the columns.")
        for name in names
        if folded[name.casefold()] > 1
    ]
    faults += [
        Fault(repr(name), "a name", "none", "Give the column a name.")
        for name in names
        if not name.strip() or "\0" in name
    ]
    return faults + [
        Fault(
            name, f"a name that does not begin with {RESERVED!r}", "a reserved one", "Rename or leave out the column."
        )
        for name in names
        if name.casefold().startswith(RESERVED) and name not in METADATA
    ]


def _type_faults(frame: pl.DataFrame) -> list[Fault]:
    expected = "booleans, numbers, texts, dates or instants"
    faults = [
        Fault(name, expected, f"{dtype}", "Convert or leave out the column.")
        for name, dtype in frame.schema.items()
        if _dtype_for(dtype) is None
    ]
    return faults + [
        Fault(name, "texts, as `garcom dataset export` writes them", f"{frame.schema[name]}", "Leave out the column.")
        for name in METADATA
        if name in frame.columns and frame.schema[name] not in (pl.String(), pl.Null())
    ]


def _dtype_for(dtype: pl.DataType) -> pl.DataType | None:
    """The type that a column of this type gets; None where there is none."""
    if dtype.is_integer() and dtype not in (pl.Int128(), pl.UInt128()):
        return _DTYPES["integer"]
    if dtype.is_float() or dtype.is_decimal():
        return _DTYPES["number"]
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return _DTYPES["text"]
    if isinstance(dtype, pl.Datetime):
        return _DTYPES["datetime"]
    if isinstance(dtype, pl.Null):  # no value at all: missing numbers, as a model takes them
        return _DTYPES["number"]
    return dtype if dtype in _TYPES else None


def _as_canonical(column: pl.Series) -> pl.Series:
    dtype = _dtype_for(column.dtype)
    if isinstance(column.dtype, pl.Null) and column.name in METADATA:
        dtype = _DTYPES["text"]
    if isinstance(column.dtype, pl.Datetime):
        # An instant without a zone is taken for UTC, as a model's datetime field takes it.
        naive = column.dtype.time_zone is None
        column = column.dt.replace_time_zone("UTC") if naive else column.dt.convert_time_zone("UTC")
    converted = column if dtype is None or column.dtype == dtype else column.cast(dtype)
    return converted.fill_nan(None) if converted.dtype == _DTYPES["number"] else converted
