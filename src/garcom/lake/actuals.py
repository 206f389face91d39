"""What really happened: taken in, once each, whether their prediction is there yet or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from garcom.lake.records import Added
from garcom.lake.rereading import rereading
from garcom.lake.schemas import ACTUALS, day_of, moment_of
from garcom.lake.tables import Lake
from garcom.lake.truth import ORDER, given
from garcom.lake.undrained import Undrained, View
from garcom.lake.window import groups, holding, with_ids
from garcom.moments import EARLIEST
from garcom.observations import Observations, Observed
from garcom.storage.lock import locked

#: So many of the unknown ids and keys are told.
SHOWN_UNKNOWN = 20

#: Ids that are none of a prediction get one day, so that they do not make a partition each.
_NO_DAY = "1970-01-01"
_NAME = ("id", "key")


class Actuals:
    """The actuals of a lake. Several processes of one home folder may add at once: they take turns.

    Give it the ``undrained`` that others use, so that the journal is read once for all.
    """

    def __init__(self, lake: Lake, undrained: Undrained | None = None) -> None:
        self._lake = lake
        self._undrained = undrained or Undrained(lake)
        self._lock = lake.home / "lake" / "actuals.lock"

    @rereading
    def add(self, model: str, told: Observations, received_at: datetime | None = None) -> Added:
        """Write the rows down that are not there yet; all of them, or none where the lake fails."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with locked(self._lock):
            received = received_at or datetime.now(UTC)
            rows = _frame(model, told.rows, received)
            ids, keys = _given(rows, "id"), _given(rows, "key")
            there = given(self._lake.actuals.snapshot(), model, ids, keys)
            current = there.sort(ORDER).unique(_NAME, keep="last", maintain_order=True)
            new = _without(rows, there, current)
            corrected = _corrected(new, current, received)
            self._lake.actuals.append(new.with_columns(pl.col("observed_at").fill_null(received)))
        unknown = _unknown(self._undrained.view(), model, ids, keys)
        return Added(
            rows=rows.height,
            accepted=new.height,
            corrected=corrected,
            unchanged=rows.height - new.height,
            unknown=len(unknown),
            first_unknown=tuple(unknown[:SHOWN_UNKNOWN]),
            unseen_labels=told.unseen_labels,
        )


def _frame(model: str, rows: list[Observed], received: datetime) -> pl.DataFrame:
    """The rows as the table has them, but for ``observed_at``, which stays null where it was not told."""
    frame = pl.DataFrame(rows, schema={name: ACTUALS[name] for name in Observed._fields}, orient="row")
    today = day_of(received)
    days = [today if row.id is None else _day_of_id(row.id, received) for row in rows]
    return frame.with_columns(
        pl.lit(received, ACTUALS["received_at"]).alias("received_at"),
        pl.lit(model).alias("model"),
        pl.Series("day", days, pl.String),
    ).select(ACTUALS.names())


def _day_of_id(id: str, now: datetime) -> str:
    try:
        moment = moment_of(id)
    except OverflowError:
        return _NO_DAY
    return day_of(moment) if id[14] == "7" and EARLIEST <= moment <= now + timedelta(days=1) else _NO_DAY


def _given(rows: pl.DataFrame, name: str) -> list[str]:
    return rows[name].drop_nulls().unique().sort().to_list()


def _without(rows: pl.DataFrame, there: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """The rows that say something new: another moment or another actual than what is there.

    A row without a moment is the same as the one that counts, if its actual is: it may be a call made again.
    """
    dated = rows.filter(pl.col("observed_at").is_not_null())
    undated = rows.filter(pl.col("observed_at").is_null())
    return pl.concat(
        [
            dated.join(there, on=[*_NAME, "observed_at", "actual"], how="anti", nulls_equal=True),
            undated.join(current, on=[*_NAME, "actual"], how="anti", nulls_equal=True),
        ]
    )


def _corrected(new: pl.DataFrame, current: pl.DataFrame, received: datetime) -> int:
    """How many predictions had an actual until now that another one of the new rows replaces."""
    until_now = current.select(*_NAME, old="actual", old_moment="observed_at")
    return (
        new.join(until_now, on=_NAME, how="inner", nulls_equal=True)
        .with_columns(pl.col("observed_at").fill_null(received))
        .filter(pl.col("observed_at") >= pl.col("old_moment"))
        .sort("observed_at")
        .unique(_NAME, keep="last")
        .filter(pl.col("actual") != pl.col("old"))
        .height
    )


def _unknown(predictions: View, model: str, ids: list[str], keys: list[str]) -> list[str]:
    """Those of the ids and keys that no prediction of the model has."""
    found = set(with_ids(predictions.select(model=model).lazy(), ids).select("id").collect()["id"]) if ids else set()
    snapshot = predictions.snapshot
    for group in groups(holding(snapshot.files(model=model), ids)):
        found.update(with_ids(snapshot.read(group), ids).select("id").collect(engine="streaming")["id"])
    known: set[str] = set()
    if keys:
        known.update(predictions.scan(model=model).filter(pl.col("key").is_in(keys)).select("key").collect()["key"])
    return [id for id in ids if id not in found] + [key for key in keys if key not in known]
