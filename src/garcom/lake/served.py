"""All predictions as they are at one moment: those in the lake, and those that still stand in the journal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from garcom.lake.schemas import day_of
from garcom.lake.snapshot import FileFacts, Snapshot
from garcom.lake.tables import Lake

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


@dataclass(frozen=True)
class Served:
    """``snapshot`` is that of the table, ``waiting`` has the rows of the journal that are not in it."""

    snapshot: Snapshot
    waiting: pl.DataFrame

    def scan(
        self, *, model: str | None = None, days: tuple[str, str] | None = None, ids: tuple[str, str] | None = None
    ) -> pl.LazyFrame:
        """The predictions of a model, of some days, with ids in a range (first and last, both included)."""
        waiting = self.waiting.lazy()
        if model is not None:
            waiting = waiting.filter(pl.col("model") == model)
        if days is not None:
            waiting = waiting.filter(pl.col("day").is_between(pl.lit(days[0]), pl.lit(days[1])))
        if ids is not None:
            waiting = waiting.filter(pl.col("id").is_between(pl.lit(ids[0]), pl.lit(ids[1])))
        return pl.concat([self.snapshot.scan(model=model, days=days, ids=ids), waiting])

    def among(self, model: str, ids: Sequence[str]) -> pl.LazyFrame:
        """The predictions of a model that have one of these ids, which are sorted."""
        waiting = self.waiting.lazy().filter(pl.col("model") == model)
        return pl.concat([self.snapshot.read(holding(self.snapshot.files(model=model), ids)), waiting]).filter(
            pl.col("id").is_in(ids)
        )


def holding(files: Sequence[FileFacts], ids: Sequence[str]) -> list[FileFacts]:
    """Those files in which one of the ids, which are sorted, can stand."""

    def may_hold(file: FileFacts) -> bool:
        if file.min_id is None or file.max_id is None:
            return True
        place = bisect_left(ids, file.min_id)
        return place < len(ids) and ids[place] <= file.max_id

    return [file for file in files if may_hold(file)]


def served(lake: Lake) -> Served:
    """The predictions as they are now."""
    return Served(lake.predictions.snapshot(), pl.DataFrame(schema=lake.predictions.schema))
