from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from garcom.lake.schemas import ACTUALS
from garcom.lake.tables import Lake
from garcom.lake.upkeep import MANY_FILES, SMALL_ROWS, Upkeep, Upkept
from garcom.settings import ModelRetention, RetentionSettings
from tests.unit.lake.rows import BEGAN, predictions

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FOR_EVER = RetentionSettings()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path)


def rows(lake: Lake) -> pl.DataFrame:
    return lake.predictions.scan().collect().sort("model", "id")


def test_a_lake_without_tables_needs_none(lake: Lake) -> None:
    assert Upkeep(lake, FOR_EVER).run() == Upkept()
    assert list(lake.home.iterdir()) == []


def test_many_small_files_become_one_that_is_sorted(lake: Lake) -> None:
    for i in range(MANY_FILES):
        lake.predictions.append(predictions(20, began=BEGAN + (i % 3) * MINUTE + i * timedelta(milliseconds=1)))
    for model in ("cars", "ships"):
        lake.predictions.append(predictions(5, model=model))
    before, snapshot = rows(lake), lake.predictions.snapshot()
    assert Upkeep(lake, FOR_EVER).run().n_compacted == MANY_FILES
    assert_frame_equal(rows(lake), before)
    (file,) = lake.predictions.files(model="wine")
    assert lake.predictions.snapshot().read([file]).select(pl.col("id").is_sorted()).collect().item()
    assert len(lake.predictions.files()) == 3
    assert snapshot.scan().collect().height == before.height  # whoever reads the old files still can
    assert Upkeep(lake, FOR_EVER).run() == Upkept()


def test_days_with_few_small_files_and_large_files_are_left_alone(lake: Lake) -> None:
    for _ in range(MANY_FILES - 1):
        lake.predictions.append(predictions(3))
        lake.predictions.append(predictions(3, began=BEGAN - DAY))
    large = predictions(1).select(pl.all().repeat_by(SMALL_ROWS).explode())
    lake.predictions.append(large)
    assert Upkeep(lake, FOR_EVER).run().n_compacted == 0


def test_rows_past_their_retention_go_by_model(lake: Lake) -> None:
    now = BEGAN + 10 * DAY
    for age in (1, 5, 9):
        for model in ("wine", "cars"):
            lake.predictions.append(predictions(2, began=now - age * DAY, model=model))
    retention = RetentionSettings(predictions="7d", models={"cars": ModelRetention(predictions="3d", actuals="1d")})
    told: dict[str, dict[str, int]] = {}
    assert Upkeep(lake, retention, told.__setitem__).run(now).n_expired_rows == 6
    assert told == {"predictions": {"wine": 2, "cars": 4}}
    kept = rows(lake).group_by("model").agg(pl.col("time").min()).sort("model").rows()
    assert kept == [("cars", now - DAY), ("wine", now - 5 * DAY)]


def test_actuals_have_a_retention_of_their_own(lake: Lake) -> None:
    times = predictions(2, began=BEGAN, step=4 * DAY).select("id", "model", "day")
    lake.actuals.append(
        times.with_columns(
            actual=pl.lit('"bom"'), received_at=BEGAN, observed_at=BEGAN, key=None, label=None, value=None
        ).select(pl.col(name).cast(dtype) for name, dtype in ACTUALS.items())
    )
    assert Upkeep(lake, RetentionSettings(predictions="1d", actuals="4d")).run(BEGAN + 6 * DAY).n_expired_rows == 1
    assert lake.actuals.scan().collect()["day"].to_list() == [times["day"][1]]


def test_what_nobody_needs_any_more_is_deleted(lake: Lake) -> None:
    (add,) = lake.predictions.write(predictions(1))
    lake.predictions.append(predictions(1))
    assert Upkeep(lake, FOR_EVER).run().n_deleted_files == 0
    os.utime(lake.predictions.place.path(add.path), (0, 0))
    assert Upkeep(lake, FOR_EVER).run().n_deleted_files == 1
    assert rows(lake).height == 1
