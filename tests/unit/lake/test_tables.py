from __future__ import annotations

import json
import os
import threading
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from garcom.errors import Conflict, LakeUnavailable
from garcom.lake.schemas import PREDICTIONS, days_around
from garcom.lake.tables import CHECKPOINT_COMMITS, Lake
from tests.unit.lake.rows import BEGAN, predictions

HOUR = timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path)


def log_files(lake: Lake) -> list[Path]:
    return sorted((lake.home / "lake" / "predictions" / "_delta_log").iterdir())


def test_a_missing_table_is_empty_and_reading_makes_none(lake: Lake) -> None:
    assert_frame_equal(lake.predictions.scan().collect(), pl.DataFrame(schema=PREDICTIONS))
    assert lake.predictions.files() == []
    assert lake.predictions.transaction("w") is None
    assert lake.predictions.vacuum() == []
    assert list(lake.home.iterdir()) == []


def test_rows_come_back_by_model_day_and_id(lake: Lake) -> None:
    wine, cars = predictions(4, step=HOUR), predictions(2, model="cars", version=2)
    lake.predictions.append(pl.concat([wine, cars]))
    other = Lake.open(lake.home)  # another process
    assert_frame_equal(other.predictions.scan(model="wine").collect().sort("id"), wine)
    assert_frame_equal(other.predictions.scan(model="cars").collect(), cars)
    one_day = other.predictions.scan(model="wine", days=("2026-11-21", "2026-11-22")).collect()
    assert_frame_equal(one_day, wine[2:])
    ids = wine["id"].to_list()
    assert other.predictions.scan(ids=(ids[1], ids[2])).collect()["id"].sort().to_list() == ids[1:3]
    assert len(other.predictions.files(model="wine")) == 2


def test_files_are_told_apart_by_their_ids_newest_first(lake: Lake) -> None:
    frames = [predictions(10, began=BEGAN + i * timedelta(minutes=1)) for i in range(4)]
    for frame in frames:
        lake.predictions.append(frame)
    files = lake.predictions.files(model="wine")
    assert [file.max_id for file in files] == [frame["id"].max() for frame in reversed(frames)]
    assert sum(file.n_rows for file in files) == 40
    id = frames[1]["id"][3]
    assert [file.min_id for file in lake.predictions.files(days=days_around(id), ids=(id, id))] == [frames[1]["id"][0]]


def test_a_reader_sees_what_others_append_but_not_in_its_snapshot(lake: Lake) -> None:
    lake.predictions.append(predictions(1))
    other = Lake.open(lake.home)
    before = other.predictions.snapshot()
    lake.predictions.append(predictions(1, began=BEGAN + HOUR))
    assert other.predictions.scan().collect().height == 2
    assert before.scan().collect().height == 1


def test_a_number_of_a_writer_is_committed_once(lake: Lake) -> None:
    lake.predictions.append(predictions(1), {"w": 3})
    with pytest.raises(Conflict, match="segment 3 of w to be new"):
        Lake.open(lake.home).predictions.append(predictions(1), {"w": 3, "x": 1})
    assert lake.predictions.transaction("w") == 3
    assert lake.predictions.transaction("x") is None
    assert lake.predictions.scan().collect().height == 1
    assert dict(lake.predictions.snapshot(["w", "x"]).transactions) == {"w": 3}


def test_numbers_outlive_the_log_that_told_them(lake: Lake) -> None:
    lake.predictions.append(predictions(1), {"w": 3})
    for _ in range(CHECKPOINT_COMMITS):
        lake.predictions.append(predictions(1))
    assert [path.name for path in log_files(lake)][-1] == "_last_checkpoint"
    for path in log_files(lake)[:10]:
        path.unlink()
    other = Lake.open(lake.home)
    assert other.predictions.transaction("w") == 3
    assert other.predictions.scan().collect().height == CHECKPOINT_COMMITS + 1


def test_appends_at_the_same_time_all_arrive(lake: Lake) -> None:
    def append(n: int) -> None:
        table = Lake.open(lake.home).predictions
        for i in range(5):
            table.append(predictions(1, began=BEGAN + i * HOUR), {f"w{n}": i})

    threads = [threading.Thread(target=append, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lake.predictions.scan().collect().height == 15
    assert lake.predictions.snapshot(["w0", "w1", "w2"]).transactions == {"w0": 4, "w1": 4, "w2": 4}


def test_replacing_what_somebody_else_has_replaced_changes_nothing(lake: Lake) -> None:
    lake.predictions.append(predictions(3))
    stale = Lake.open(lake.home).predictions
    files = stale.files()
    lake.predictions.append(predictions(1, began=BEGAN + HOUR))
    stale.replace(files, predictions(2))  # an append in between is no conflict
    with pytest.raises(Conflict, match="1 are gone"):
        lake.predictions.replace(files, predictions(3))
    assert len(list(lake.home.rglob("model=*/**/*.parquet"))) == 3
    assert lake.predictions.scan().collect().height == 3


def test_rewriting_drops_rows_and_leaves_nothing_behind(lake: Lake) -> None:
    rows = predictions(10).with_columns(
        subject=pl.when(pl.int_range(10) < 3).then(pl.lit("abad1dea")).otherwise(pl.lit("0ddba11"))
    )
    lake.predictions.append(rows)
    lake.predictions.append(predictions(5, began=BEGAN + HOUR))
    untouched = lake.predictions.files()[0]
    assert lake.predictions.rewrite(pl.col("subject").ne_missing("abad1dea")) == 3
    assert lake.predictions.scan().collect().height == 12
    assert untouched in lake.predictions.files()
    assert lake.predictions.vacuum(1) == []
    assert len(lake.predictions.vacuum(0)) == 1
    held = b"".join(path.read_bytes() for path in lake.home.rglob("*") if path.is_file())
    assert b"abad1dea" not in held
    assert b"0ddba11" in held
    assert lake.predictions.scan().collect().height == 12


def test_the_log_tells_nothing_of_inputs_subjects_and_keys(lake: Lake) -> None:
    lake.predictions.append(predictions(3).with_columns(subject=pl.lit("s-planted"), key=pl.lit("k-planted")))
    lake.predictions.checkpoint()
    (commit,) = (path for path in log_files(lake) if path.name.endswith("1.json"))
    (add,) = (json.loads(line)["add"] for line in commit.read_text().splitlines() if '"add"' in line)
    stats = json.loads(add["stats"])
    assert stats["numRecords"] == 3
    assert list(stats["minValues"]) == ["id"]
    held = b"".join(path.read_bytes() for path in log_files(lake))
    assert b"-planted" not in held
    assert b"alcohol" not in held


def test_a_vacuum_removes_what_was_never_committed_but_nothing_young(lake: Lake) -> None:
    lake.predictions.append(predictions(3))
    (add,) = lake.predictions.write(predictions(2))
    assert lake.predictions.vacuum(0) == []
    os.utime(lake.predictions.place.path(add.path), (0, 0))
    assert lake.predictions.vacuum(0) == [add.path]
    assert lake.predictions.scan().collect().height == 3


def test_any_reader_of_delta_reads_it(lake: Lake) -> None:
    rows = predictions(4, step=HOUR)
    lake.predictions.append(rows)
    uri = lake.predictions.place.uri
    assert_frame_equal(pl.scan_delta(uri).collect().sort("id").select(rows.columns), rows)
    table = DeltaTable(uri).to_pyarrow_table()
    assert sorted(table["day"].to_pylist()) == rows["day"].to_list()
    assert sorted(table["id"].to_pylist()) == rows["id"].to_list()


def test_a_damaged_table_is_told(lake: Lake) -> None:
    log = lake.home / "lake" / "predictions" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020d}.json").write_text("no json\n")
    with pytest.raises(LakeUnavailable, match="Expected a Delta table"):
        lake.predictions.scan()
