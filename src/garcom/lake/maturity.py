"""Label maturity: what share of the predictions has its actual by now, by their age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from garcom.lake.records import Maturity
from garcom.lake.tables import Lake
from garcom.lake.truth import observations
from garcom.lake.undrained import Undrained
from garcom.lake.window import Window

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
#: The upper end of each class of age, but for the last.
AGES = {"< 1 h": _HOUR, "< 6 h": 6 * _HOUR, "< 1 d": _DAY, "< 3 d": 3 * _DAY, "< 7 d": 7 * _DAY, "< 30 d": 30 * _DAY}
OLDER = "older"


def maturity(
    lake: Lake,
    model: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    now: datetime | None = None,
    undrained: Undrained | None = None,
) -> list[Maturity]:
    """One record for each class of age, the youngest first, of the predictions that were given as answers.

    A shadow's predictions are left out: nobody acted on them, and nobody knows their ids.
    """
    window = Window(since, until)
    given = (
        (undrained or Undrained(lake))
        .view()
        .scan(model=model, days=window.days(), ids=window.ids)
        .filter(pl.col("role") != "shadow", window.condition)
        .select("id", "key", "time")
    )
    known = observations(lake.actuals.snapshot(), model, given, window.days(_DAY)).select("id").unique()
    ages = given.join(known.with_columns(has=pl.lit(True)), on="id", how="left").select(
        age=_age(now or datetime.now(UTC)), has=pl.col("has").fill_null(False)
    )
    counts = ages.group_by("age").agg(pl.len(), pl.col("has").sum()).collect(engine="streaming")
    found = {age: (n, with_actual) for age, n, with_actual in counts.iter_rows()}
    return [_record(age, *found.get(age, (0, 0))) for age in (*AGES, OLDER)]


def _age(now: datetime) -> pl.Expr:
    age: pl.Expr = pl.lit(OLDER)
    for name, end in reversed(AGES.items()):
        age = pl.when(pl.col("time") > now - end).then(pl.lit(name)).otherwise(age)
    return age


def _record(age: str, n: int, with_actual: int) -> Maturity:
    return Maturity(age=age, predictions=n, with_actual=with_actual, share=with_actual / n if n else None)
