"""Label maturity: what share of the predictions has its actual by now, by their age."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl

from garcom.lake.records import Maturity
from garcom.lake.rereading import rereading
from garcom.lake.tables import Lake
from garcom.lake.truth import known
from garcom.lake.undrained import Undrained
from garcom.lake.window import Window, newest_first

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
#: The upper end of each class of age, but for the last.
AGES = {"< 1 h": _HOUR, "< 6 h": 6 * _HOUR, "< 1 d": _DAY, "< 3 d": 3 * _DAY, "< 7 d": 7 * _DAY, "< 30 d": 30 * _DAY}
OLDER = "older"


@rereading
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
    actuals = lake.actuals.snapshot()
    age = _age(now or datetime.now(UTC)).alias("age")
    n: Counter[str] = Counter()
    with_actual: Counter[str] = Counter()
    for part in newest_first((undrained or Undrained(lake)).view(), model, window):
        given = part.rows.filter(pl.col("role") != "shadow", window.condition)
        there = known(actuals, model, given, window.days(_DAY), part.ids)
        n += _counts(given.select(age))
        with_actual += _counts(given.join(there, on="id", how="semi").select(age))
    return [_record(age, n[age], with_actual[age]) for age in (*AGES, OLDER)]


def _counts(ages: pl.LazyFrame) -> Counter[str]:
    return Counter(dict(ages.group_by("age").len().collect(engine="streaming").iter_rows()))


def _age(now: datetime) -> pl.Expr:
    age: pl.Expr = pl.lit(OLDER)
    for name, end in reversed(AGES.items()):
        age = pl.when(pl.col("time") > now - end).then(pl.lit(name)).otherwise(age)
    return age


def _record(age: str, n: int, with_actual: int) -> Maturity:
    return Maturity(age=age, predictions=n, with_actual=with_actual, share=with_actual / n if n else None)
