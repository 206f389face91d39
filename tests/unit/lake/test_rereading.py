from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from garcom.errors import LakeUnavailable
from garcom.lake.erasing import erase_rows
from garcom.lake.rereading import rereading
from garcom.lake.tables import Lake
from tests.unit.lake.rows import predictions


def test_a_read_that_an_erasure_overtakes_begins_anew(tmp_path: Path) -> None:
    table = Lake.open(tmp_path).predictions
    table.append(predictions(3).with_columns(subject=pl.Series(["a", "b", "c"])))
    subjects = ["a", "b"]

    @rereading
    def read() -> list[str]:
        snapshot = table.snapshot()
        if subjects:
            erase_rows(table, pl.col("subject") == subjects.pop())
        return snapshot.scan().collect()["subject"].to_list()

    assert read() == ["c"]


def test_a_file_that_stays_away_is_told(tmp_path: Path) -> None:
    table = Lake.open(tmp_path).predictions
    table.append(predictions(1))
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(LakeUnavailable, match="gone at each of 10 attempts"):
        rereading(lambda: table.scan().collect())()
