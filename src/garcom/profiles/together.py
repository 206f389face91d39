"""Columns looked at together: a change of how they hang together shows in none of them alone.

Rows are told by numbers (a category by its share among the reference rows), of which principal components keep what
they have in common; the mean error of rebuilding rows from these grows when they hang together otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import polars as pl

from garcom.profiles.columns import CategoryColumn, Column
from garcom.profiles.grid import Grid, grid_of
from garcom.profiles.reading import as_texts, floats
from garcom.records import FloatArray, IntArray
from garcom.stats.principal_components import Basis, fit_basis, reconstruction_errors

#: More columns are not looked at together.
MOST_COLUMNS = 64
#: So many rows are enough for the components.
ROWS = 100_000
#: Of one frame so many rows, at the most, are rebuilt: enough for the distribution of their errors.
_ERROR_ROWS = 4_096
#: With so many rows, components fit others as well as their own; with fewer, so many parts of them tell how well.
#: Errors that are nothing but rounding tell nothing.
_SURELY_ENOUGH = 20_000
_PARTS = 5
_EXACTLY = 1e-9


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """The columns, the share of each category among the reference rows, and the components."""

    names: tuple[str, ...]
    shares: dict[str, dict[str, float]] = {}
    basis: Basis
    #: Where the errors of rebuilding rows are counted.
    grid: Grid
    #: How much greater the errors of other rows are on average than of those that the components were fitted to.
    optimism: float = 1.0

    def matrix(self, frame: pl.DataFrame) -> FloatArray:
        """Rows as float64 ``[n_rows, n_columns]``; NaN where there is no number."""
        return matrix(frame, self.names, self.shares)

    def errors(self, frame: pl.DataFrame) -> tuple[FloatArray, int]:
        """The error of rebuilding each row, of at most 4,096 that are evenly spaced, and how many rows each stands for.

        Counted so many times, the errors of a frame weigh as much as its rows, and it does not matter how rows were put
        into frames. A test takes the counts for rows, of which they are worth fewer: (Σw)² / Σw² (Kish 1965), which is
        at least 2,048 wherever one stands for several. That makes up to a fifth more of what a few hundred rows on the
        other side tell, and with more there any difference that is large enough to be drift is certain anyway: its size
        decides, not the p-value.
        """
        stride = max(1, -(-frame.height // _ERROR_ROWS))
        if stride > 1:
            frame = frame.gather_every(stride)
        return reconstruction_errors(self.basis, self.matrix(frame)), stride

    def errors_of_others(self, cells: IntArray) -> IntArray:
        """The errors of the rows that the components were fitted to, as they would be of other rows like them.

        Of both the counts in cells of the grid (int64 ``[N_CELLS]``).
        """
        used = np.flatnonzero(cells)
        moved = self.grid.cells(self.grid.positions()[used] * self.optimism)
        found = np.zeros_like(cells)
        np.add.at(found, moved, cells[used])
        return found


def matrix(frame: pl.DataFrame, names: Sequence[str], shares: Mapping[str, Mapping[str, float]]) -> FloatArray:
    """Rows as float64 ``[n_rows, n_columns]``; NaN where there is no number, no category, or no column.

    Numbers are rounded to float32, as those of a bundle are kept: what is equal must not be told apart by its rounding.
    """
    found = np.full((frame.height, len(names)), np.nan)
    for at, name in enumerate(names):
        if name not in frame.columns:
            continue
        if name in shares:
            texts = as_texts(frame[name])
            series = texts.replace_strict({**shares[name], None: None}, default=0.0, return_dtype=pl.Float64)
        else:
            series = floats(frame[name])
        found[:, at] = series.to_numpy()
    with np.errstate(over="ignore"):
        found = found.astype(np.float32).astype(np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def together_of(frame: pl.DataFrame, columns: Sequence[Column]) -> Together | None:
    """The columns of these that vary; None where there are fewer than two, or too few rows."""
    if frame.height > ROWS:
        frame = frame.gather_every(-(-frame.height // ROWS))
    shares: dict[str, dict[str, float]] = {}
    names = []
    for column in columns:
        if isinstance(column, CategoryColumn):
            counts = as_texts(frame[column.name]).drop_nulls().value_counts(name="n")
            if counts.height < 2:
                continue
            total = counts["n"].sum()
            shares[column.name] = {value: n / total for value, n in counts.sort(column.name).iter_rows()}
        elif column.of == "length" or column.least == column.greatest:
            continue
        names.append(column.name)
    names = names[:MOST_COLUMNS]
    if len(names) < 2 or frame.height <= len(names):
        return None
    shares = {name: shares[name] for name in names if name in shares}
    rows = matrix(frame, names, shares)
    basis = fit_basis(rows)
    errors = reconstruction_errors(basis, rows)
    optimism = _optimism(basis, rows, float(errors.mean()))
    return Together(names=tuple(names), shares=shares, basis=basis, grid=grid_of(errors), optimism=optimism)


def _optimism(basis: Basis, rows: FloatArray, mean_error: float) -> float:
    """By cross-validation: each part of the rows is rebuilt from as many components of all others."""
    if len(rows) >= _SURELY_ENOUGH or mean_error < _EXACTLY:
        return 1.0
    part_of = np.arange(len(rows)) % _PARTS
    total = 0.0
    for part in range(_PARTS):
        others = fit_basis(rows[part_of != part], 1.0, len(basis.components))
        total += float(reconstruction_errors(others, rows[part_of == part]).sum())
    return max(1.0, total / len(rows) / mean_error)
