"""Which days, ids and files have to be read for a time or for some ids."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from garcom.lake.schemas import day_of
from garcom.lake.snapshot import FileFacts
from garcom.lake.undrained import View

#: A prediction's id is made when its request comes, its time is taken when it is written down: they differ by less.
_SLACK = timedelta(minutes=10)
#: All predictions lie between these.
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Window(NamedTuple):
    """From a moment (included) to another (excluded); None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def days(self, slack: timedelta = timedelta()) -> tuple[str, str]:
        """First and last day of the partitions that it touches, and of so much time before and after it."""
        since, until = self._bounds
        return day_of(since - slack), day_of(until + slack)

    @property
    def ids(self) -> tuple[str, str]:
        """Least and greatest id that a prediction in it can have."""
        since, until = self._bounds
        return _first_id(since - _SLACK), _first_id(until + _SLACK)

    @property
    def condition(self) -> pl.Expr:
        """What is true of rows in it."""
        since, until = self._bounds
        return (pl.col("time") >= since) & (pl.col("time") < until)

    @property
    def _bounds(self) -> tuple[datetime, datetime]:
        return max(_FIRST, self.since or _FIRST), min(_LAST, self.until or _LAST)


def _first_id(moment: datetime) -> str:
    """What the ids of a moment begin with."""
    head = f"{round(moment.timestamp() * 1000):012x}"
    return f"{head[:8]}-{head[8:]}"


def among(view: View, model: str, ids: Sequence[str]) -> pl.LazyFrame:
    """The predictions of a model that have one of these ids, which are sorted."""
    lake = view.snapshot.read(holding(view.snapshot.files(model=model), ids))
    return pl.concat([lake, view.select(model=model).lazy()]).filter(pl.col("id").is_in(ids))


def holding(files: Sequence[FileFacts], ids: Sequence[str]) -> list[FileFacts]:
    """Those files in which one of the ids, which are sorted, can stand."""

    def may_hold(file: FileFacts) -> bool:
        if file.min_id is None or file.max_id is None:
            return True
        place = bisect_left(ids, file.min_id)
        return place < len(ids) and ids[place] <= file.max_id

    return [file for file in files if may_hold(file)]
