from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from garcom.lake.actuals import Actuals
from garcom.lake.maturity import AGES, OLDER, maturity
from garcom.lake.tables import Lake
from garcom.observations import Observations, Observed
from tests.unit.lake.rows import BEGAN, predictions

DAY = timedelta(days=1)


def aged(lake: Lake, *ages: timedelta, role: str = "stable") -> list[str]:
    """One prediction of each age at ``BEGAN``; their ids."""
    made = pl.concat(predictions(1, began=BEGAN - age) for age in ages).with_columns(role=pl.lit(role))
    lake.predictions.append(made)
    return made["id"].to_list()


def test_the_share_with_an_actual_by_age(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    hour = timedelta(hours=1)
    ids = aged(lake, 0.5 * hour, hour, 5 * hour, 23 * hour, DAY, 6.9 * DAY, 29 * DAY, 30 * DAY, 300 * DAY)
    aged(lake, 2 * hour, role="shadow")
    told = Observations([Observed(id, None, "1.0", None, 1.0) for id in (ids[1], ids[7], ids[8])])
    Actuals(lake).add("wine", told, BEGAN)
    found = maturity(lake, "wine", now=BEGAN)
    assert [each.age for each in found] == [*AGES, OLDER]
    assert [(each.predictions, each.with_actual) for each in found] == [
        (1, 0),
        (2, 1),
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 0),
        (2, 2),
    ]
    assert [each.share for each in found] == [0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_a_window_and_predictions_by_key(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    lake.predictions.append(predictions(10, step=timedelta(hours=1)).with_columns(key="k" + pl.col("id")))
    keys = lake.predictions.scan().collect()["key"].sort()
    told = [Observed(None, key, "1.0", None, 1.0) for key in keys[:4]]
    Actuals(lake).add("wine", Observations(told), BEGAN + 60 * DAY)
    first, last = BEGAN + timedelta(hours=2), BEGAN + timedelta(hours=7)
    oldest = maturity(lake, "wine", first, last, now=BEGAN + 60 * DAY)[-1]
    assert (oldest.predictions, oldest.with_actual, oldest.share) == (5, 2, 0.4)


def test_without_predictions_there_is_no_share(tmp_path: Path) -> None:
    assert {(each.predictions, each.share) for each in maturity(Lake.open(tmp_path), "wine")} == {(0, None)}
