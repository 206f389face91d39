"""How many predictions there are in each part of a time, and how many have their actual: counted, nothing else read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from garcom.lake.rereading import rereading
from garcom.lake.tables import Lake
from garcom.lake.truth import known
from garcom.lake.undrained import Undrained
from garcom.lake.window import newest_first
from garcom.model.signature import Output
from garcom.monitoring.performance.joined import Wanted
from garcom.monitoring.performance.spans import micros
from garcom.records import IntArray

_DAY = timedelta(days=1)


class Counts(NamedTuple):
    """int64 ``[n]``, a number for each part."""

    rows: IntArray
    actuals: IntArray


def at_most(undrained: Undrained, wanted: Wanted) -> int:
    """No more rows than these can be there: from what the lake tells of its files, without reading any."""
    view, window = undrained.view(), wanted.window
    files = view.snapshot.files(model=wanted.model, days=window.days(), ids=window.ids)
    return sum(file.n_rows for file in files) + view.select(model=wanted.model).height


@rereading
def number_and_first(undrained: Undrained, wanted: Wanted) -> tuple[int, datetime | None]:
    """How many rows there are, and the time of the first."""
    rows = wanted.rows(undrained.view()).select(pl.len(), pl.col("time").min())
    n, first = rows.collect(engine="streaming").row(0)
    return n, first


@rereading
def counted(lake: Lake, undrained: Undrained, wanted: Wanted, output: Output, borders: Sequence[datetime]) -> Counts:
    """The rows between each two of the borders (n + 1 of them, rising), and those that can be scored.

    Files are read some at a time, so that the memory does not grow with the rows.
    """
    ends = np.array([micros(border) for border in borders])
    rows, with_actual = (np.zeros(len(borders) - 1, np.int64) for _ in range(2))
    actuals, days = lake.actuals.snapshot(), wanted.window.days(_DAY)
    # An answer without a label cannot be scored.
    answered = pl.lit(True) if output.task == "regression" else pl.col("label").is_not_null()
    for part in newest_first(undrained.view(), wanted.model, wanted.window):
        given = wanted.among(part.rows)
        scored = given.filter(answered)
        there = known(actuals, wanted.model, scored, days, part.ids)
        rows += _by_part(given, ends)
        with_actual += _by_part(scored.select("id", "time").join(there, on="id", how="semi"), ends)
    return Counts(rows, with_actual)


def _by_part(rows: pl.LazyFrame, ends: IntArray) -> IntArray:
    times = rows.select(pl.col("time").dt.epoch("us")).collect(engine="streaming").to_series().to_numpy()
    found: IntArray = np.diff(np.searchsorted(np.sort(times), ends))
    return found
