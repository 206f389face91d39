"""What the values of each column look like."""

from __future__ import annotations

from typing import Any

import polars as pl

from garcom.lake.datasets.records import METADATA, ColumnProfile

#: How many of the most frequent texts are kept, and how much of each.
_TOP = 20
_TOP_LENGTH = 200


def profile_columns(frame: pl.DataFrame) -> dict[str, ColumnProfile]:
    """The profile of every column of a canonical frame, by name."""
    return {column.name: _profile(column) for column in frame.iter_columns()}


def _profile(column: pl.Series) -> ColumnProfile:
    present = column.drop_nulls()
    return ColumnProfile(
        count=len(column),
        missing=column.null_count(),
        distinct=present.n_unique(),
        **_statistics(column.name, present),
    )


def _statistics(name: str, present: pl.Series) -> dict[str, Any]:
    if name in METADATA:  # ids and pseudonyms are not to be read out of a profile
        return {}
    if present.dtype.is_numeric():
        return _of_numbers(present)
    if present.dtype.is_temporal():
        return {"minimum": _iso(present.min()), "maximum": _iso(present.max())}
    return {"top": _top(present)}


def _of_numbers(present: pl.Series) -> dict[str, Any]:
    finite = present.filter(present.is_finite())
    if not len(finite):
        return {}
    return {
        "minimum": float(finite.min()),  # type: ignore[arg-type]
        "maximum": float(finite.max()),  # type: ignore[arg-type]
        "mean": finite.mean(),
        "std": finite.std(ddof=0),
    }


def _iso(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def _top(present: pl.Series) -> dict[str, int]:
    """The most frequent values, ties by name. A text that occurs once tells of one row, so it is left out."""
    values = present.cast(pl.String).str.slice(0, _TOP_LENGTH).alias("value")
    counted = values.value_counts(name="n").filter(pl.col("n") > 1)
    top = counted.sort(["n", "value"], descending=[True, False]).head(_TOP)
    return dict(top.select("value", "n").iter_rows())
