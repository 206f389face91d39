"""Rows for a comparison: files and frames, in pieces that fit the memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from garcom.errors import DataError, InputError

#: So many rows are held at a time.
PIECE_ROWS = 131_072
_PARQUET = frozenset({".parquet", ".pq"})


class Table(Protocol):
    """Rows that can be gone through more than once."""

    @property
    def name(self) -> str:
        """What people know it by."""

    @property
    def n_rows(self) -> int:
        """How many rows there are."""

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The rows in order; no piece is empty."""


class FrameTable:
    """A table in memory: a polars or pandas frame, an Arrow table, a mapping of columns, or a matrix."""

    def __init__(self, rows: Any, name: str) -> None:
        self.name = name
        self._frame = _frame(rows, name)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return self._frame.height

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The rows in order."""
        return self._frame.iter_slices(PIECE_ROWS) if self._frame.height else iter(())


class ParquetTable:
    """A Parquet file, read in pieces by polars: pyarrow takes longer, and twice the memory."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        try:
            self.n_rows = int(self._scan().select(pl.len()).collect().item())
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unreadable(path, error) from error

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The rows in order, the next ones read while these are looked at. Raises DataError for a damaged file."""
        try:
            for piece in self._scan().collect_batches(chunk_size=PIECE_ROWS, maintain_order=True):
                yield from piece.iter_slices(PIECE_ROWS) if piece.height else ()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unreadable(self._path, error) from error

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self._path, glob=False, hive_partitioning=False)


def open_table(path: Path) -> Table:
    """The table in a file: Parquet in pieces, everything else whole, as :func:`~garcom.model.tables.read_table` does.

    Raises DataError for a file that is not there, of another kind, or damaged; InputError where only Parquet can be
    read, because pandas is not installed.
    """
    if path.suffix.lower() in _PARQUET and path.is_file() and path.stat().st_size:
        return ParquetTable(path)
    from garcom.model.tables import read_table

    try:
        return FrameTable(read_table(path), path.name)
    except ModuleNotFoundError as error:
        raise InputError(
            f"Expected a Parquet file, got {path.name!r}: other kinds need pandas. Install it with `pip install "
            "garcom[pack]`."
        ) from error


def _frame(rows: Any, name: str) -> pl.DataFrame:
    if isinstance(rows, pl.DataFrame):
        frame = rows
    elif isinstance(rows, pl.LazyFrame):
        frame = rows.collect()
    else:
        try:
            frame = _made(rows)
        except (AttributeError, TypeError, ValueError, NotImplementedError, pl.exceptions.PolarsError) as error:
            raise InputError(
                f"Expected a table as {name} (a pandas or polars frame, an Arrow table, a mapping of columns), got "
                f"{type(rows).__name__}."
            ) from error
    return frame


def _made(rows: Any) -> pl.DataFrame:
    if type(rows).__module__.partition(".")[0] == "pandas":
        columns = {str(name): rows[name] for name in rows.columns}
        if len(columns) != rows.shape[1]:
            raise InputError("Expected columns with different names, got some twice.")
        return pl.DataFrame({name: _series(name, column) for name, column in columns.items()})
    if hasattr(rows, "__arrow_c_stream__"):
        return pl.DataFrame(rows)
    return pl.DataFrame(rows)


def _series(name: str, column: Any) -> pl.Series:
    """A pandas column; one of mixed values as texts."""
    try:
        return pl.Series(name, pl.from_pandas(column, nan_to_null=True))
    except (TypeError, ValueError, NotImplementedError, pl.exceptions.PolarsError, OverflowError):
        return pl.Series(name, [None if value != value or value is None else str(value) for value in column])


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"Expected a table in {path.name!r}, which cannot be read as one: {str(error)[:200]}.")
