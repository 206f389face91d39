from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from garcom.lake.datasets.profile import profile_columns
from garcom.lake.datasets.records import ColumnProfile
from tests.unit.lake.datasets.rows import wines


def test_every_column_is_profiled_by_its_kind() -> None:
    profile = profile_columns(wines())
    assert profile["região"] == ColumnProfile(count=4, missing=1, distinct=2, top={"Sul": 2})
    assert profile["organic"] == ColumnProfile(count=4, missing=1, distinct=2, top={"true": 2})
    assert profile["bottled"] == ColumnProfile(
        count=4, missing=1, distinct=3, minimum="2020-01-01", maximum="2021-06-01"
    )
    assert profile["sold"].minimum == "2026-01-01T00:00:00+00:00"
    assert profile["_garcom_id"] == ColumnProfile(count=4, missing=0, distinct=4)
    assert profile["n"] == ColumnProfile(
        count=4, missing=1, distinct=3, minimum=1, maximum=4, mean=8 / 3, std=np.std([1, 3, 4]).item()
    )


def test_numbers_are_those_of_numpy() -> None:
    values = np.random.default_rng(1).normal(5, 2, 1000)
    profile = profile_columns(pl.DataFrame({"x": [*values, math.inf, None]}))["x"]
    assert (profile.count, profile.missing, profile.distinct) == (1002, 1, 1001)
    assert profile.mean == pytest.approx(values.mean())
    assert profile.std == pytest.approx(values.std())
    assert (profile.minimum, profile.maximum) == (values.min(), values.max())


def test_a_column_without_values_has_no_statistics() -> None:
    frame = pl.DataFrame({"x": [None, None], "t": [None, None]}, schema={"x": pl.Float64, "t": pl.String})
    assert profile_columns(frame)["x"] == ColumnProfile(count=2, missing=2, distinct=0)
    assert profile_columns(frame)["t"] == ColumnProfile(count=2, missing=2, distinct=0)


def test_texts_of_one_row_stay_out_of_the_profile() -> None:
    texts = [*("Sul" for _ in range(3)), "Ana Lima, Rua 7", *(f"t{i:02}" for i in range(40) for _ in range(2))]
    top = profile_columns(pl.DataFrame({"t": texts}))["t"].top
    assert list(top.items())[:2] == [("Sul", 3), ("t00", 2)]
    assert len(top) == 20
