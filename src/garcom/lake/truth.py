"""Actuals found for predictions: by the prediction's id, or by the key that the client gave it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from garcom.lake.snapshot import Snapshot
from garcom.lake.window import holding, with_ids

OBSERVATION = ("id", "actual", "label", "value", "observed_at", "received_at")
#: What was observed later is nearer to the truth; of two observations of one moment, what came later.
ORDER = ("observed_at", "received_at")


def observations(
    actuals: Snapshot, model: str, predictions: pl.LazyFrame, days: tuple[str, str] | None = None
) -> pl.LazyFrame:
    """Every observation of the predictions (``id``, ``key``): each with the id of its prediction.

    ``days`` are those on which actuals that came by id can stand. One that came by key stands on the day on which it
    came, which tells nothing of its prediction's day.
    """
    wanted = predictions.select("id", "key")
    by_id = actuals.scan(model=model, days=days).filter(pl.col("id").is_not_null()).join(wanted, on="id", how="semi")
    return _together(by_id, _by_key(actuals, model, wanted))


def observations_of(actuals: Snapshot, model: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The same for few predictions (``id``, ``key``), reading only files that can hold their ids."""
    wanted = rows.lazy().select("id", "key")
    ids = rows["id"].sort().to_list()
    return _together(_with_ids(actuals, model, ids), _by_key(actuals, model, wanted)).collect()


def known(
    actuals: Snapshot,
    model: str,
    predictions: pl.LazyFrame,
    days: tuple[str, str] | None = None,
    ids: tuple[str, str] | None = None,
) -> pl.LazyFrame:
    """The ids (column ``id``, some perhaps twice) of those of the predictions that have an actual, and of others.

    It is for joins with the predictions: these leave the others out, at less cost than here. ``ids`` are the least and
    the greatest of theirs.
    """
    by_id = actuals.scan(model=model, days=days, ids=ids).filter(pl.col("id").is_not_null())
    return pl.concat([by_id.select("id"), _by_key(actuals, model, predictions.select("id", "key")).select("id")])


def given(actuals: Snapshot, model: str, ids: Sequence[str], keys: Sequence[str]) -> pl.DataFrame:
    """The rows of actuals that came by one of the ids, which are sorted, or by one of the keys."""
    found = [_with_ids(actuals, model, ids)] if ids else []
    if keys:
        found.append(actuals.scan(model=model).filter(pl.col("key").is_in(keys)))
    return pl.concat(found).collect() if found else pl.DataFrame(schema=actuals.schema)


def latest(observed: pl.LazyFrame) -> pl.LazyFrame:
    """Of the observations of each prediction the one that counts."""
    return observed.sort(ORDER).unique("id", keep="last", maintain_order=True)


def _with_ids(actuals: Snapshot, model: str, ids: Sequence[str]) -> pl.LazyFrame:
    return with_ids(actuals.read(holding(actuals.files(model=model), ids)), ids)


def _by_key(actuals: Snapshot, model: str, wanted: pl.LazyFrame) -> pl.LazyFrame:
    keyed = wanted.filter(pl.col("key").is_not_null())
    rows = actuals.scan(model=model).filter(pl.col("key").is_not_null())
    return rows.drop("id").join(keyed, on="key", how="inner")


def _together(by_id: pl.LazyFrame, by_key: pl.LazyFrame) -> pl.LazyFrame:
    return pl.concat([by_id.select(OBSERVATION), by_key.select(OBSERVATION)])
