"""The columns of the lake's tables, and what an id tells of its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

_TIME = pl.Datetime("us", "UTC")


def _schema(columns: dict[str, pl.DataType | type[pl.DataType]]) -> pl.Schema:
    return pl.Schema(columns)


#: ``input`` and ``output`` are JSON objects: what came, field by field, and what was answered.
PREDICTIONS = _schema(
    {
        "id": pl.String,
        "time": _TIME,
        "model": pl.String,
        "day": pl.String,
        "version": pl.Int32,
        "digest": pl.String,
        "role": pl.String,
        "input": pl.String,
        "label": pl.String,
        "value": pl.Float64,
        "output": pl.String,
        "latency_us": pl.Int64,
        "request_id": pl.String,
        "key": pl.String,
        "subject": pl.String,
        "segment": pl.String,
    }
)
#: One of ``id`` and ``key`` is given; ``actual`` is a JSON value.
ACTUALS = _schema(
    {
        "id": pl.String,
        "key": pl.String,
        "actual": pl.String,
        "label": pl.String,
        "value": pl.Float64,
        "observed_at": _TIME,
        "received_at": _TIME,
        "model": pl.String,
        "day": pl.String,
    }
)


def day_of(moment: datetime) -> str:
    """The UTC day of a moment, as the partitions are named."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def moment_of(id: str) -> datetime:
    """When an id of UUID version 7 was made, in milliseconds. Raises ValueError where it is none."""
    milliseconds = int(id[:8] + id[9:13], 16)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def days_around(id: str) -> tuple[str, str]:
    """First and last of the days on which a row of this id can stand: its own and its neighbours."""
    moment, day = moment_of(id), timedelta(days=1)
    return day_of(moment - day), day_of(moment + day)
