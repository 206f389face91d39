from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from garcom.lake.erasing import delete_unnamed, erase_rows
from garcom.lake.tables import Lake
from tests.unit.lake.rows import predictions

ANA, BEA = "a" * 32, "b" * 32
OF_ANA = pl.col("subject") == ANA


def rows(subject: str | None, n: int = 3, model: str = "wine") -> pl.DataFrame:
    return predictions(n, model=model).with_columns(
        pl.lit(subject, pl.String).alias("subject"), pl.lit(f'{{"who":"{subject}"}}').alias("input")
    )


def bytes_under(folder: Path) -> bytes:
    """Every file, and the columns of those that are parquet."""
    found = b""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += path.read_bytes()
            if path.suffix == ".parquet":
                found += pl.read_parquet(path, hive_partitioning=False).write_json().encode()
    return found


def test_rows_leave_every_file_and_others_stay(tmp_path: Path) -> None:
    table = Lake.open(tmp_path).predictions
    table.append(pl.concat([rows(ANA), rows(BEA), rows(None)]))
    table.append(rows(ANA, model="other"))
    table.append(rows(BEA, model="other"))
    assert ANA.encode() in bytes_under(tmp_path)
    assert erase_rows(table, OF_ANA) == 6
    assert ANA.encode() not in bytes_under(tmp_path)
    left = Lake.open(tmp_path).predictions.scan().collect()
    assert left["subject"].value_counts().sort("subject").rows() == [(None, 3), (BEA, 6)]
    assert erase_rows(table, OF_ANA) == 0


def test_files_of_older_versions_and_of_failed_commits_go_too(tmp_path: Path) -> None:
    table = Lake.open(tmp_path).predictions
    table.append(pl.concat([rows(ANA), rows(BEA)]))
    table.replace(table.files(), table.scan().collect(), same_rows=True)
    table.write(rows(ANA))
    table.write(rows(BEA))
    torn = tmp_path / "lake/predictions/model=wine/torn.parquet"
    torn.write_bytes(b"PAR1" + ANA.encode())
    os.utime(torn, (0, 0))
    young = torn.with_name("young.parquet")
    young.write_bytes(b"PAR1")
    before = set(tmp_path.rglob("*.parquet"))
    assert erase_rows(table, OF_ANA) == 3
    young.unlink()
    assert ANA.encode() not in bytes_under(tmp_path)
    assert torn not in set(tmp_path.rglob("*.parquet"))
    # What is of others alone may be about to be committed by them.
    assert len(before & set(tmp_path.rglob("*.parquet"))) == 1


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    assert erase_rows(Lake.open(tmp_path).predictions, OF_ANA) == 0
    assert list(tmp_path.iterdir()) == []


def test_files_that_the_table_does_not_name_go_whatever_the_clock_says(tmp_path: Path) -> None:
    table = Lake.open(tmp_path).predictions
    table.append(pl.concat([rows(ANA), rows(BEA)]))
    table.rewrite(~OF_ANA)
    table.write(rows(ANA))
    for path in tmp_path.rglob("*.parquet"):
        os.utime(path, (2**32, 2**32))
    delete_unnamed(table)
    assert ANA.encode() not in bytes_under(tmp_path)
    assert table.scan().collect()["subject"].to_list() == [BEA] * 3
