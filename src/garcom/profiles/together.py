"""Columns looked at together: a change of how they hang together shows in none of them alone.

Rows are told by numbers (a category by its place among those that are not rare), of which principal components keep
what they have in common; the error of rebuilding rows from these grows when they hang together otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from garcom.profiles.columns import CategoryColumn, Column, NumberColumn
from garcom.profiles.grid import N_CELLS, Grid, grid_of
from garcom.profiles.reading import as_floats, as_texts
from garcom.profiles.sparse import SparseCounts, sum_of
from garcom.records import FloatArray, IntArray
from garcom.stats.principal_components import Basis, fit_basis, reconstruction_errors

#: More columns are not looked at together.
MOST_COLUMNS = 64
#: So many rows are enough for the components.
ROWS = 100_000
#: Of one frame so many rows, at the most, are rebuilt: enough for the distribution of their errors.
_ERROR_ROWS = 4_096
_SEED = 13
#: Categories of fewer rows count as one with those that the reference does not have. Which of them it has, and how many
#: of each, is chance: its own rows must not be told from others by that.
_LEAST_OF_CATEGORY = 20
_RARE = 0.5
#: With so many rows, components fit others as well as their own; with fewer, so many parts of them tell how well.
_SURELY_ENOUGH = 20_000
_PARTS = 5


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """The columns, those of them that are moments, the places of categories (0 to 1), and the components."""

    names: tuple[str, ...]
    moments: tuple[str, ...] = ()
    places: dict[str, dict[str, float]] = {}
    basis: Basis
    #: Where the errors of rebuilding rows are counted.
    grid: Grid
    #: Errors of the reference rows, each rebuilt by components that were fitted without it (Stone 1974): those of other
    #: rows like them. None where the components have seen so many rows that these are like their own.
    of_others: SparseCounts | None = None

    def matrix(self, frame: pl.DataFrame) -> FloatArray:
        """Rows as float64 ``[n_rows, n_columns]``; NaN where there is no number."""
        return _matrix(frame, self.names, self.moments, self.places)

    def errors(self, frame: pl.DataFrame) -> tuple[FloatArray, int]:
        """The error of rebuilding each row, of at most 4,096 that are drawn, and how many rows each stands for.

        Counted so many times, the errors of a frame weigh as much as its rows, and it does not matter how rows were put
        into frames. A test takes the counts for rows, of which they are worth fewer: (Σw)² / Σw² (Kish 1965), which is
        at least 2,048 wherever one stands for several. That makes up to a fifth more of what a few hundred rows on the
        other side tell, and with more there any difference that is large enough to be drift is certain anyway: its size
        decides, not the p-value.
        """
        stride = max(1, -(-frame.height // _ERROR_ROWS))
        if stride > 1:
            # Not each n-th row: where stations or hours take turns, that would be some of them only.
            frame = frame.sample(-(-frame.height // stride), seed=_SEED)
        return reconstruction_errors(self.basis, self.matrix(frame)), stride

    def errors_of_others(self) -> IntArray | None:
        """:attr:`of_others` as counts of the grid's cells (int64 ``[N_CELLS]``)."""
        return None if self.of_others is None else sum_of([self.of_others], N_CELLS)


def _matrix(
    frame: pl.DataFrame, names: Sequence[str], moments: Collection[str], places: Mapping[str, Mapping[str, float]]
) -> FloatArray:
    """Rows as float64 ``[n_rows, n_columns]``; NaN where there is no number, no text, or no column.

    Numbers are rounded to float32, as those of a bundle are kept: what is equal must not be told apart by its rounding.
    """
    found = np.full((frame.height, len(names)), np.nan)
    for at, name in enumerate(names):
        if name not in frame.columns:
            continue
        if name in places:
            told: dict[Any, Any] = {**places[name], None: None}
            series = as_texts(frame[name]).replace_strict(told, default=_RARE, return_dtype=pl.Float64)
        else:
            series = as_floats(frame[name], "moment" if name in moments else "value")
        found[:, at] = series.to_numpy()
    with np.errstate(over="ignore"):
        found = found.astype(np.float32).astype(np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def together_of(frame: pl.DataFrame, columns: Sequence[Column]) -> Together | None:
    """The columns of these that vary; None where there are fewer than two, or too few rows."""
    if frame.height > ROWS:
        frame = frame.sample(ROWS, seed=_SEED)
    places: dict[str, dict[str, float]] = {}
    names = []
    for column in columns:
        if isinstance(column, CategoryColumn):
            known = _places(frame[column.name])
            if not known:
                continue
            places[column.name] = known
        elif column.of == "length" or column.least == column.greatest:
            continue
        names.append(column.name)
    names = names[:MOST_COLUMNS]
    if len(names) < 2 or frame.height <= len(names):
        return None
    of_moments = (each.name for each in columns if isinstance(each, NumberColumn) and each.of == "moment")
    moments = tuple(name for name in of_moments if name in names)
    places = {name: places[name] for name in names if name in places}
    rows = _matrix(frame, names, moments, places)
    basis = fit_basis(rows)
    grid = grid_of(reconstruction_errors(basis, rows))
    of_others = None if len(rows) >= _SURELY_ENOUGH else SparseCounts.of(grid.count(_left_out(basis, rows)).cells)
    return Together(names=tuple(names), moments=moments, places=places, basis=basis, grid=grid, of_others=of_others)


def _places(series: pl.Series) -> dict[str, float]:
    """The categories that are not rare, by name, evenly from 0 to 1; empty where they are all the same."""
    counts = as_texts(series).drop_nulls().value_counts(name="n")
    known = counts.filter(pl.col("n") >= _LEAST_OF_CATEGORY)
    if known.is_empty() or counts.height < 2:
        return {}
    names = known[series.name].sort().to_list()
    return dict(zip(names, np.linspace(0.0, 1.0, len(names)).tolist(), strict=True))


def _left_out(basis: Basis, rows: FloatArray) -> FloatArray:
    """The errors of rows of which each part is rebuilt from as many components of all others (float64 ``[n]``)."""
    part_of = np.random.default_rng(_SEED).permutation(len(rows)) % _PARTS
    found = np.empty(len(rows))
    for part in range(_PARTS):
        others = fit_basis(rows[part_of != part], 1.0, len(basis.components))
        found[part_of == part] = reconstruction_errors(others, rows[part_of == part])
    return found
