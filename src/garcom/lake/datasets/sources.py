"""What datasets are made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from garcom import __version__
from garcom.errors import Fault, GarcomError, InputError
from garcom.model.bundle import file_sha256

if TYPE_CHECKING:
    import pandas as pd


class Source(NamedTuple):
    """Rows, and where they come from."""

    frame: pl.DataFrame
    lineage: dict[str, Any]


def from_file(path: Path) -> Source:
    """The rows of a CSV, Parquet, Arrow or JSON file, read as ``garcom pack`` reads training data.

    Raises :class:`~garcom.errors.DataError` for a file that is absent, damaged or empty, and
    :class:`~garcom.errors.InputError` for columns whose values are of several kinds.
    """
    try:
        from garcom.model.tables import read_table

        table = read_table(path)
    except ModuleNotFoundError as error:
        raise GarcomError(f"Reading {path.name} needs the library {error.name!r}. Install 'garcom[pack]'.") from error
    frame = _from_pandas(table)
    lineage = {"source": "file", "file": path.name, "sha256": file_sha256(path), "garcom": __version__}
    return Source(frame, lineage)


def _from_pandas(table: pd.DataFrame) -> pl.DataFrame:
    series, faults = [], []
    for name, column in table.items():
        try:
            series.append(_series(str(name), column))
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
            kinds = sorted({type(value).__name__ for value in column.dropna()})
            got = f"values of {len(kinds)} kinds ({', '.join(kinds)})" if len(kinds) > 1 else str(error)
            faults.append(Fault(str(name), "values of one kind", got, "Convert or leave out the column."))
    if faults:
        lines = "\n  ".join(fault.sentence() for fault in faults)
        raise InputError(f"These columns cannot stand in a dataset:\n  {lines}", tuple(faults))
    return pl.DataFrame(series)


def _series(name: str, column: pd.Series[Any]) -> pl.Series:
    # pyarrow's errors are ValueErrors and TypeErrors.
    return pl.from_pandas(column, nan_to_null=True).alias(name)
