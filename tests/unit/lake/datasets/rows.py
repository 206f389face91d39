"""A table of every type that datasets have, made for tests."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl


def wines() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "_garcom_id": ["a1", "a2", "a3", "a4"],
            "_garcom_subject": ["ana", "bia", "ana", None],
            "fixed acidity": [7.4, 7.8, None, 11.2],
            "n": [1, None, 3, 4],
            "região": ["Sul", "Sul", None, "Norte"],
            "organic": [True, None, False, True],
            "bottled": [date(2020, 1, 1), None, date(2021, 6, 1), date(2020, 3, 1)],
            "sold": [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)],
            "target": ["bom", "ruim", "bom", "bom"],
        },
        schema_overrides={"sold": pl.Datetime("us", "UTC")},
    )
