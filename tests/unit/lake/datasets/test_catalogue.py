from __future__ import annotations

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal

from garcom.errors import DatasetError, DatasetNotFound, InputError
from garcom.lake.datasets import Datasets
from garcom.lake.datasets.records import Column, ProfileChange, TypeChange
from garcom.lake.tables import Lake
from garcom.storage import datasets as storage
from garcom.storage.database import Database
from tests.unit.lake.datasets.rows import wines

LINEAGE = {"source": "test"}


@pytest.fixture
def datasets(tmp_path: Path) -> Datasets:
    return opened(tmp_path)


def opened(home: Path) -> Datasets:
    return Datasets(Database.open(home), Lake.open(home))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_rows_come_back_as_they_were_written(datasets: Datasets, tmp_path: Path) -> None:
    made = datasets.create("wine-2026-11", wines(), LINEAGE)
    assert (made.reference, made.n_rows, made.lineage, made.existed) == ("wine-2026-11:1", 4, LINEAGE, False)
    assert made.columns[2:4] == (Column("fixed acidity", "number"), Column("n", "integer"))
    assert [column.name for column in made.columns if column.is_metadata] == ["_garcom_id", "_garcom_subject"]
    assert_frame_equal(opened(tmp_path).read("wine-2026-11"), wines())
    table = DeltaTable(str(tmp_path / "lake" / "datasets" / "wine-2026-11" / "1"))
    assert table.version() == made.delta_version
    assert_frame_equal(pl.DataFrame(table.to_pyarrow_table()), wines())


def test_many_rows_keep_their_order(datasets: Datasets) -> None:
    rows = pl.DataFrame({"x": pl.int_range(250_000, eager=True).shuffle(seed=1)})
    datasets.create("many", rows, LINEAGE)
    assert_frame_equal(datasets.read("many"), rows)


def test_the_same_content_is_the_version_that_exists(datasets: Datasets) -> None:
    datasets.create("wine", wines(), LINEAGE)
    datasets.create("wine", wines().reverse(), LINEAGE)
    again = datasets.create("wine", wines(), {"source": "elsewhere"})
    assert (again.reference, again.existed, again.lineage) == ("wine:1", True, LINEAGE)
    assert datasets.create("other", wines(), LINEAGE).reference == "other:1"
    assert [version.reference for version in datasets.versions()] == ["other:1", "wine:1", "wine:2"]
    assert datasets.version("wine").number == 2
    assert datasets.version("wine:1").n_rows == 4


def test_the_same_content_from_two_at_once_is_one_version(tmp_path: Path) -> None:
    both = [opened(tmp_path) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda each: each.create("wine", wines(), LINEAGE), both))
    assert [version.reference for version in made] == ["wine:1", "wine:1"]
    assert sorted(version.existed for version in made) == [False, True]


def test_versions_may_have_other_columns(datasets: Datasets) -> None:
    datasets.create("wine", wines(), LINEAGE)
    datasets.create("wine", wines().with_columns(pl.col("n").cast(pl.String)), LINEAGE)
    assert datasets.read("wine:1").schema["n"] == pl.Int64()
    assert datasets.read("wine:2").schema["n"] == pl.String()


def test_unknown_names_are_told_with_near_ones(datasets: Datasets) -> None:
    with pytest.raises(DatasetNotFound, match=r"No dataset is named 'wine'. `garcom dataset list`"):
        datasets.version("wine")
    datasets.create("wine-2026-11", wines(), LINEAGE)
    with pytest.raises(DatasetNotFound, match="Did you mean 'wine-2026-11'"):
        datasets.read("wine-2026-1")
    with pytest.raises(DatasetNotFound, match=r"no version 2. It has wine-2026-11:1"):
        datasets.diff("wine-2026-11", "wine-2026-11:2")
    with pytest.raises(InputError, match=r"name of a dataset.*'wine-2026' would do"):
        datasets.create("Wine 2026", wines(), LINEAGE)
    with pytest.raises(InputError, match="at least one row"):
        datasets.create("empty", wines().clear(), LINEAGE)


def test_a_version_that_somebody_has_changed_is_refused(datasets: Datasets, tmp_path: Path) -> None:
    datasets.create("wine", wines(), LINEAGE)
    write_deltalake(str(tmp_path / "lake" / "datasets" / "wine" / "1"), wines().head(1), mode="append")
    with pytest.raises(DatasetError, match=r"wine:1 has changed .*\(4 rows\), got .*\(5 rows\).*immutable"):
        datasets.read("wine")


def test_a_damaged_or_missing_table_is_told(datasets: Datasets, tmp_path: Path) -> None:
    datasets.create("wine", wines(), LINEAGE)
    folder = tmp_path / "lake" / "datasets" / "wine" / "1"
    (file,) = folder.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"The table of wine:1 cannot be read.*Restore"):
        datasets.read("wine")
    file.unlink()
    with pytest.raises(DatasetError, match=r"The table of wine:1 cannot be read.*Restore"):
        datasets.read("wine")
    shutil.rmtree(folder)
    with pytest.raises(DatasetError, match=r"The table of wine:1 is gone.*Restore"):
        datasets.read("wine")
    assert [version.reference for version in datasets.remove("wine")] == ["wine:1"]


def test_removed_numbers_are_never_given_again(datasets: Datasets, tmp_path: Path) -> None:
    for rows in (wines(), wines().reverse(), wines().head(2)):
        datasets.create("wine", rows, LINEAGE)
    assert [version.reference for version in datasets.remove("wine:3")] == ["wine:3"]
    assert datasets.create("wine", wines().head(2), LINEAGE).reference == "wine:4"
    assert len(datasets.remove("wine")) == 3
    assert files(tmp_path / "lake" / "datasets") == []
    assert datasets.versions() == ()
    assert datasets.create("wine", wines(), LINEAGE).reference == "wine:5"


@pytest.mark.parametrize("state", ["writing", "removing"])
def test_what_a_killed_process_has_left_is_cleared_away(datasets: Datasets, tmp_path: Path, state: str) -> None:
    datasets.create("wine", wines(), LINEAGE)
    with Database.open(tmp_path).write() as connection:
        (row,) = storage.list_living(connection)
        storage.change_version(connection, row.id, state=state)
    with pytest.raises(DatasetNotFound):
        datasets.version("wine")
    assert datasets.create("wine", wines(), LINEAGE).reference == "wine:2"
    assert not files(tmp_path / "lake" / "datasets" / "wine" / "1")


def test_differences_between_versions(datasets: Datasets) -> None:
    datasets.create("wine", pl.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "y"], "c": [1, 2, 3]}), LINEAGE)
    datasets.create("wine", pl.DataFrame({"a": [1, 2, 2], "b": ["x", "y", "z"], "c": ["1"] * 3, "d": [0] * 3}), LINEAGE)
    found = datasets.diff("wine:1", "wine:2")
    assert (found.rows.added, found.rows.removed, found.rows.kept, found.rows.columns) == (1, 1, 2, ("a", "b"))
    assert (found.columns_added, found.columns_removed) == ((Column("d", "integer"),), ())
    assert found.types_changed == (TypeChange("c", "integer", "text"),)
    before, after = datasets.version("wine:1").profile, datasets.version("wine:2").profile
    assert ProfileChange("b", before["b"], after["b"]) in found.profiles_changed
    same = datasets.diff("wine:2", "wine:2")
    assert same.same_content
    assert (same.rows.added, same.rows.removed, same.rows.kept, same.profiles_changed) == (0, 0, 3, ())


def test_versions_without_a_common_column_have_no_common_row(datasets: Datasets) -> None:
    datasets.create("wine", pl.DataFrame({"a": [1, 2]}), LINEAGE)
    datasets.create("wine", pl.DataFrame({"b": [1, 2, 3]}), LINEAGE)
    rows = datasets.diff("wine:1", "wine:2").rows
    assert (rows.added, rows.removed, rows.kept, rows.columns) == (3, 2, 0, ())


def test_rows_of_a_subject_leave_every_version_for_good(datasets: Datasets, tmp_path: Path) -> None:
    secret = pl.lit("Rua das Flores 7").alias("address")
    first = datasets.create("wine", wines().with_columns(secret), LINEAGE)
    datasets.create("wine", wines().filter(pl.col("_garcom_subject") == "bia"), LINEAGE)
    datasets.create("plain", wines().select("n", "target"), LINEAGE)
    assert datasets.erase(ids=["a4", "zz"], subjects=["ana", "zoe"]) == {"wine:1": 3}
    left = datasets.read("wine:1")
    assert left["_garcom_id"].to_list() == ["a2"]
    version = datasets.version("wine:1")
    (erasure,) = version.erasures
    assert (erasure.n_rows, erasure.digest_before, erasure.digest_after) == (3, first.digest, version.digest)
    assert erasure.at <= datetime.now(UTC)
    assert version.n_rows == 1
    assert version.delta_version > first.delta_version
    assert version.profile["fixed acidity"].maximum == 7.8
    assert len(list((tmp_path / "lake" / "datasets" / "wine" / "1").glob("*.parquet"))) == 1
    assert datasets.erase(ids=["a4"], subjects=["ana"]) == {}
    assert datasets.erase(subjects=["bia"]) == {"wine:1": 1, "wine:2": 1}
    assert datasets.read("wine:2").height == 0
    left_over = [path for path in files(tmp_path) if b"Rua das Flores" in path.read_bytes()]
    assert left_over == []
    assert datasets.version("plain").erasures == ()


@pytest.mark.parametrize("rewritten", [True, False])
def test_an_erasure_that_was_killed_is_ended_or_done_again(datasets: Datasets, tmp_path: Path, rewritten: bool) -> None:
    datasets.create("wine", wines(), LINEAGE)
    left = wines().filter(pl.col("_garcom_subject").ne_missing("ana"))
    expected = opened(tmp_path / "expected").create("wine", left, LINEAGE).digest
    with Database.open(tmp_path).write() as connection:
        (row,) = storage.list_living(connection)
        storage.change_version(connection, row.id, state="erasing", next_digest=expected)
    if rewritten:
        Lake.open(tmp_path).table("datasets/wine/1", wines().schema, statistics=()).rewrite(
            pl.col("_garcom_subject").ne_missing("ana")
        )
    assert datasets.read("wine").height == (2 if rewritten else 4)
    assert datasets.erase(subjects=["ana"]) == ({} if rewritten else {"wine:1": 2})
    assert datasets.version("wine").digest == expected
    assert [erasure.n_rows for erasure in datasets.version("wine").erasures] == [2]
    assert_frame_equal(datasets.read("wine"), left)


def test_an_erasure_does_not_make_a_changed_version_good(datasets: Datasets, tmp_path: Path) -> None:
    datasets.create("wine", wines(), LINEAGE)
    write_deltalake(str(tmp_path / "lake" / "datasets" / "wine" / "1"), wines().head(1), mode="append")
    assert datasets.erase(subjects=["ana"]) == {"wine:1": 3}
    with pytest.raises(DatasetError, match="has changed"):
        datasets.read("wine")
    assert datasets.version("wine").erasures == ()


def test_the_log_of_a_table_holds_no_value(datasets: Datasets, tmp_path: Path) -> None:
    datasets.create("people", pl.DataFrame({"id": ["ana-lima"], "time": ["x-ray"], "version": ["v-one"]}), LINEAGE)
    for path in (tmp_path / "lake" / "datasets" / "people" / "1" / "_delta_log").iterdir():
        assert not [word for word in (b"ana-lima", b"x-ray", b"v-one") if word in path.read_bytes()]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl", "arrow"])
def test_an_export_read_again_is_the_same_content(datasets: Datasets, tmp_path: Path, ending: str) -> None:
    rows = wines().drop("sold", "bottled", "organic") if ending in ("csv", "jsonl") else wines()
    datasets.create("wine", rows, LINEAGE)
    path = tmp_path / f"wine.{ending}"
    datasets.export("wine:1", path)
    assert datasets.create_from_file("wine", path).existed
    assert sorted(os.listdir(tmp_path)) == ["garcom.db", "garcom.db.lock", "lake", "secrets", path.name]


def test_exports_of_no_known_form_are_refused(datasets: Datasets, tmp_path: Path) -> None:
    datasets.create("wine", wines(), LINEAGE)
    with pytest.raises(InputError, match=r"ends in .parquet, .csv.*got 'wine.xls'"):
        datasets.export("wine", tmp_path / "wine.xls")
    assert not (tmp_path / "wine.xls").exists()
    datasets.export("wine", tmp_path / "wine.xls", "csv")
    assert pl.read_csv(tmp_path / "wine.xls").height == 4


def test_the_database_keeps_nothing_of_an_erased_profile(datasets: Datasets, tmp_path: Path) -> None:
    rows = pl.DataFrame({"_garcom_subject": ["ana"] * 2 + ["bia"] * 9, "t": ["Rua das Flores"] * 2 + ["x"] * 9})
    datasets.create("wine", rows, LINEAGE)
    assert b"Rua das Flores" in (tmp_path / "garcom.db").read_bytes()
    datasets.erase(subjects=["ana"])
    assert b"Rua das Flores" not in (tmp_path / "garcom.db").read_bytes()
    with sqlite3.connect(tmp_path / "garcom.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
