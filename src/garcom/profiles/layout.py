"""What a profile keeps of each column; the reference rows decide it once, and every window of a version follows it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import polars as pl

from garcom.profiles.columns import CategoryColumn, Column, NumberColumn, Of, Role
from garcom.profiles.grid import grid_of
from garcom.profiles.reading import as_numbers, as_texts, is_numeric, moments
from garcom.profiles.together import Together, together_of

#: A column of texts with more values than the first number, or with more than the second and most of them once, is
#: known by the length of its texts.
MOST_CATEGORIES, FEW_CATEGORIES = 1000, 200
#: Texts are moments when so large a share of so many of them are.
_MOMENTS, _MOMENT_ROWS = 0.95, 1000
#: The grid of a longer column is chosen by so many of its rows, evenly spaced.
_GRID_ROWS = 200_000


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The columns, those that are looked at together, and the fields by whose values rows are profiled apart too."""

    columns: tuple[Column, ...]
    together: Together | None = None
    segments: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The identity of the layout: profiles of equal layouts can be merged."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)


def layout_of(
    frame: pl.DataFrame,
    *,
    predictions: Sequence[str] = (),
    truths: Sequence[str] = (),
    categories: Mapping[str, Sequence[str]] | None = None,
    numbers: Sequence[str] = (),
    times: Sequence[str] = (),
    segments: Sequence[str] = (),
) -> Layout:
    """The layout for rows like these.

    ``predictions`` are the columns that the model answers, ``truths`` what really happened, all others are features.
    ``categories`` names columns that are categories whatever they look like, each with values that are known beside
    those of the frame; ``numbers`` those that are numbers although the frame may have none, ``times`` those of them
    that are moments. Other texts are moments where nearly all of them are, categories where they have few values, and
    else known by their lengths.
    """
    known = categories or {}
    columns: list[Column] = []
    for name in frame.columns:
        role: Role = "prediction" if name in predictions else "truth" if name in truths else "feature"
        series = frame[name]
        if name in known:
            columns.append(_category(name, role, series, known[name]))
        elif name in times or isinstance(series.dtype, pl.Date | pl.Datetime) or _are_moments(series):
            columns.append(_number(name, role, series, "moment"))
        elif name in numbers or is_numeric(series.dtype):
            columns.append(_number(name, role, series, "value"))
        elif _are_categories(series):
            columns.append(_category(name, role, series, ()))
        else:
            columns.append(_number(name, role, series, "length"))
    return Layout(
        columns=tuple(columns),
        together=together_of(frame, [column for column in columns if column.role == "feature"]),
        segments=tuple(segments),
    )


def _number(name: str, role: Role, series: pl.Series, of: Of) -> NumberColumn:
    numbers = as_numbers(series, of).numbers
    least = greatest = None
    if len(finite := numbers[np.isfinite(numbers)]):
        least, greatest = float(finite.min()), float(finite.max())
    grid = grid_of(numbers[:: max(1, len(numbers) // _GRID_ROWS)])
    return NumberColumn(name=name, role=role, grid=grid, of=of, least=least, greatest=greatest)


def _are_moments(series: pl.Series) -> bool:
    if series.dtype != pl.String:
        return False
    some = series.drop_nulls().head(_MOMENT_ROWS)
    least = max(1, math.ceil(_MOMENTS * len(some)))
    # A number alone says no moment, though some readers would take 2026 for a year.
    if some.str.contains(r"^\s*\d{4}-\d{2}").sum() < least:
        return False
    return len(some) - moments(some).null_count() >= least


def _are_categories(series: pl.Series) -> bool:
    there = series.drop_nulls()
    n = there.n_unique()
    return n <= FEW_CATEGORIES or (n <= MOST_CATEGORIES and 2 * n <= len(there))


def _category(name: str, role: Role, series: pl.Series, known: Sequence[str]) -> CategoryColumn:
    found = as_texts(series).drop_nulls().unique().to_list()
    return CategoryColumn(name=name, role=role, values=tuple(sorted({*known, *found})))
