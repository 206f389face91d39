"""Predictions by the idempotency key of their request, for a request that comes again after its answer was lost."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

import polars as pl

from garcom.lake.logged import logged
from garcom.lake.records import LoggedPrediction
from garcom.lake.rereading import rereading
from garcom.lake.schemas import ACTUALS
from garcom.lake.undrained import Undrained
from garcom.lake.window import Window

#: The rows of one request carry its key and their place in it.
_ROW = r"/[0-9]+$"
#: The role of a prediction whose request named the version, and of one that something else made.
PINNED, EXTERNAL = "pinned", "external"


class Keyed(NamedTuple):
    """A request with a key that was answered; ``version`` is the one that its path named, or None."""

    model: str
    version: int | None
    key: str
    #: One of its predictions, which tells its time.
    id: str


@rereading
def rows_of_key(
    undrained: Undrained, model: str, version: int | None, key: str, since: datetime, *, elsewhere: bool = False
) -> list[LoggedPrediction]:
    """What was written of one request, in the order of its rows; empty where nothing was.

    ``elsewhere`` means one that logged what something else predicted.
    """
    role = pl.col("role")
    wanted = role == EXTERNAL if elsewhere else ~role.is_in([PINNED, EXTERNAL])
    if version is not None:
        wanted = (role == PINNED) & (pl.col("version") == version)
    place = pl.col("key").str.extract(f"^{re.escape(key)}/([0-9]+)$").cast(pl.UInt32)
    rows = (
        _since(undrained, since)
        .filter(pl.col("model") == model, wanted, (pl.col("key") == key) | pl.col("key").str.starts_with(f"{key}/"))
        .with_columns(place=place)
        .filter((pl.col("key") == key) | pl.col("place").is_not_null())
        .collect()
        .sort("place", "id")
        # A writer that died in the middle of a request may have left some of its rows; then all came again.
        .unique("place", keep="last", maintain_order=True)
    )
    return logged(rows, pl.DataFrame(schema=ACTUALS)) if rows.height else []


@rereading
def keys_since(undrained: Undrained, since: datetime) -> list[Keyed]:
    """Every request with a key, once."""
    rows = (
        _since(undrained, since)
        .filter(pl.col("key").is_not_null())
        .select(
            "model",
            pl.when(pl.col("role") == PINNED).then(pl.col("version")).alias("version"),
            pl.col("key").str.replace(_ROW, ""),
            "id",
        )
        .group_by("model", "version", "key")
        .agg(pl.col("id").min())
        .collect()
    )
    return [Keyed(*row) for row in rows.iter_rows()]


def _since(undrained: Undrained, since: datetime) -> pl.LazyFrame:
    window = Window(since, None)
    return undrained.view().scan(days=window.days(), ids=window.ids).filter(window.condition)
