"""Which days, ids and files have to be read for a time or for some ids."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from garcom.lake.schemas import day_of
from garcom.lake.snapshot import FileFacts
from garcom.lake.undrained import View
from garcom.moments import EARLIEST

#: A prediction's id is made when its request comes, its time is taken when it is written down: they differ by less.
_SLACK = timedelta(minutes=10)
#: No prediction comes after it.
_LAST = datetime(2200, 1, 1, tzinfo=UTC)

#: Files are looked through together up to so many rows, so that many small ones do not cost a look each.
_ROWS_AT_ONCE = 500_000
#: Past so many ids a join finds them faster than a filter.
_FEW = 1000


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
        return max(EARLIEST, self.since or EARLIEST), min(_LAST, self.until or _LAST)


def _first_id(moment: datetime) -> str:
    """What the ids of a moment begin with."""
    head = f"{round(moment.timestamp() * 1000):012x}"
    return f"{head[:8]}-{head[8:]}"


def among(view: View, model: str, ids: Sequence[str]) -> pl.LazyFrame:
    """The predictions of a model that have one of these ids, which are sorted."""
    lake = view.snapshot.read(holding(view.snapshot.files(model=model), ids))
    return with_ids(pl.concat([lake, view.select(model=model).lazy()]), ids)


def with_ids(rows: pl.LazyFrame, ids: Sequence[str]) -> pl.LazyFrame:
    """Those of the rows that have one of the ids, which are sorted."""
    if len(ids) <= _FEW:
        return rows.filter(pl.col("id").is_in(ids))  # by the files' statistics, most of them are not even looked at
    return rows.join(pl.LazyFrame({"id": ids}), on="id", how="semi")


def holding(files: Sequence[FileFacts], ids: Sequence[str]) -> list[FileFacts]:
    """Those files in which one of the ids, which are sorted, can stand."""

    def may_hold(file: FileFacts) -> bool:
        if file.min_id is None or file.max_id is None:
            return True
        place = bisect_left(ids, file.min_id)
        return place < len(ids) and ids[place] <= file.max_id

    return [file for file in files if may_hold(file)]


class Part(NamedTuple):
    """Some of the rows, and the least and the greatest id among them, where they are known."""

    rows: pl.LazyFrame
    ids: tuple[str, str] | None = None


def newest_first(view: View, model: str, window: Window) -> Iterator[Part]:
    """The predictions of a model in parts that fit the memory: by falling greatest ids, those without known ids first.

    A part can have rows outside the window.
    """
    yield Part(view.select(model=model).lazy())
    files = view.snapshot.files(model=model, days=window.days(), ids=window.ids)
    for group in groups(sorted(files, key=lambda file: file.max_id is not None)):
        bounds = [(file.min_id, file.max_id) for file in group]
        known = [(least, most) for least, most in bounds if least is not None and most is not None]
        ids = (min(least for least, _ in known), max(most for _, most in known)) if len(known) == len(group) else None
        yield Part(view.snapshot.read(group), ids)


def groups(files: Sequence[FileFacts]) -> Iterator[list[FileFacts]]:
    """Neighbours together: first one, then more and more of them, as the answer is seen to be far."""
    group: list[FileFacts] = []
    most = 1
    for file in files:
        if group and (len(group) >= most or sum(each.n_rows for each in group) + file.n_rows > _ROWS_AT_ONCE):
            yield group
            group, most = [], most * 2
        group.append(file)
    if group:
        yield group
