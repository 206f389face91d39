"""Rows of a window out of the lake, for what profiles do not keep: other segments, and rows to tell others from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from garcom.lake.rereading import rereading
from garcom.lake.undrained import Undrained
from garcom.lake.window import Window, newest_first
from garcom.model.signature import Signature
from garcom.monitoring.records import Scope
from garcom.monitoring.rows import table_of
from garcom.monitoring.segments import rows_of
from garcom.profiles.layout import Layout
from garcom.profiles.profile import Profile

#: So many rows are chosen, from so many files, evenly over the window.
SAMPLE_ROWS = 1000
_SAMPLE_FILES = 10
#: So many files are read together.
_FILES_AT_ONCE = 8
#: No field has these names.
_ID, _TIME = "\0id", "\0time"


@rereading
def profile_of_rows(undrained: Undrained, scope: Scope, signature: Signature, layout: Layout) -> Profile:
    """The profile of the rows of a window and of its segment, those that wait in the journal too."""
    profile = Profile(layout)
    for part in _parts(undrained, scope):
        profile.add(rows_of(table_of(part, signature), scope.segment, signature))
    return profile


@rereading
def sample_rows(undrained: Undrained, scope: Scope, signature: Signature) -> pl.DataFrame:
    """Some rows of the window, evenly chosen, as a table; of a segment those of it."""
    view = undrained.view()
    window = Window(scope.since, scope.until)
    files = view.snapshot.files(model=scope.model, days=window.days(), ids=window.ids)
    chosen = files[:: max(1, -(-len(files) // _SAMPLE_FILES))]
    condition = condition_of(scope)
    parts = [view.snapshot.read([file]).filter(condition).collect() for file in chosen]
    parts.append(view.select(model=scope.model).filter(condition))
    rows = pl.concat(parts)
    table = rows_of(table_of(rows, signature), scope.segment, signature)
    return table.sample(SAMPLE_ROWS, seed=0) if table.height > SAMPLE_ROWS else table


@rereading
def last_row(undrained: Undrained, scope: Scope, signature: Signature) -> datetime | None:
    """When the last row of the window and of its segment was answered; older files are not even opened."""
    last: tuple[str, datetime] | None = None
    for part in newest_first(undrained.view(), scope.model, Window(scope.since, scope.until)):
        if last is not None and part.ids is not None and part.ids[1] < last[0]:
            break
        rows = part.rows.filter(condition_of(scope))
        if scope.segment is None:
            found = rows.select("id", "time").top_k(1, by="id").collect(engine="streaming")
        else:
            told = rows.collect(engine="streaming")
            table = table_of(told, signature).with_columns(told["id"].alias(_ID), told["time"].alias(_TIME))
            found = rows_of(table, scope.segment, signature).select(id=_ID, time=_TIME).top_k(1, by="id")
        last = max([*found.iter_rows(), *([] if last is None else [last])], default=None)
    return None if last is None else last[1]


def _parts(undrained: Undrained, scope: Scope) -> Iterator[pl.DataFrame]:
    view = undrained.view()
    window = Window(scope.since, scope.until)
    condition = condition_of(scope)
    files = view.snapshot.files(model=scope.model, days=window.days(), ids=window.ids)
    for start in range(0, len(files), _FILES_AT_ONCE):
        yield view.snapshot.read(files[start : start + _FILES_AT_ONCE]).filter(condition).collect()
    yield view.select(model=scope.model).filter(condition)


def condition_of(scope: Scope) -> pl.Expr:
    """What is true of a model's rows in a window, but for its segment; of a shadow's only where they are asked for."""
    role = pl.col("role") != "shadow" if scope.stage is None else pl.col("role") == scope.stage
    found = Window(scope.since, scope.until).condition & role
    return found if scope.version is None else found & (pl.col("version") == scope.version)
