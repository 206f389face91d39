"""Rows of the lake, made for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from garcom.lake.schemas import PREDICTIONS, day_of

BEGAN = datetime(2026, 11, 20, 22, tzinfo=UTC)


def id_of(moment: datetime, n: int = 0) -> str:
    """A UUID version 7 of this moment; ``n`` tells ids of one millisecond apart."""
    head = f"{round(moment.timestamp() * 1000):012x}"
    return f"{head[:8]}-{head[8:]}-7000-8000-{n:012x}"


def predictions(
    n: int, *, began: datetime = BEGAN, step: timedelta = timedelta(seconds=1), model: str = "wine", version: int = 1
) -> pl.DataFrame:
    """Predictions, one each step."""
    times = [began + i * step for i in range(n)]
    return pl.DataFrame(
        {
            "id": [id_of(time, i) for i, time in enumerate(times)],
            "time": times,
            "model": model,
            "day": [day_of(time) for time in times],
            "version": version,
            "digest": "6592",
            "role": "stable",
            "input": [f'{{"alcohol":{i}}}' for i in range(n)],
            "label": "bom",
            "value": None,
            "output": '{"prediction":"bom"}',
            "latency_us": 400,
            "request_id": None,
            "key": None,
            "subject": None,
            "segment": "01a-00000001",
        },
        schema=PREDICTIONS,
    )
