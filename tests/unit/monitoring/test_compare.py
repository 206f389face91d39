from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import metrics

from garcom.errors import DataError, InputError
from garcom.monitoring.compare import compare_files, compare_frames
from garcom.monitoring.records import Report


def table(n: int = 600, seed: int = 0, shift: float = 0.0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(shift, 1.0, n)
    truth = np.where(x + random.normal(scale=0.5, size=n) > 0, "yes", "no")
    return pl.DataFrame({"x": x, "n": random.integers(0, 4, n), "said": np.where(x > 0, "yes", "no"), "was": truth})


def effects(report: Report) -> dict[str, float | None]:
    assert report.drift is not None
    return {column.column: column.effect for column in report.drift.columns}


def test_every_kind_of_table_tells_the_same(tmp_path: Path) -> None:
    left, right = table(), table(seed=1, shift=0.5)
    expected = effects(compare_frames(left, right))
    assert expected["x"] is not None
    assert expected["x"] > 0.1
    for made in (pl.DataFrame.to_pandas, pl.DataFrame.to_arrow, pl.DataFrame.lazy, pl.DataFrame.to_dict):
        assert effects(compare_frames(made(left), made(right))) == expected
    left.write_parquet(tmp_path / "left.parquet")
    right.write_parquet(tmp_path / "right.parquet")
    assert effects(compare_files(tmp_path / "left.parquet", tmp_path / "right.parquet")) == expected
    left.write_csv(tmp_path / "left.csv")
    right.write_csv(tmp_path / "right.csv")
    assert effects(compare_files(tmp_path / "left.csv", tmp_path / "right.csv")) == expected


def test_files_are_read_in_pieces_without_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = table(3000), table(3000, seed=1, shift=0.3)
    expected = compare_frames(left, right)
    left.write_parquet(tmp_path / "left.parquet", row_group_size=400)
    right.write_parquet(tmp_path / "right.parquet", row_group_size=400)
    monkeypatch.setattr("garcom.monitoring.tables.PIECE_ROWS", 700)
    found = compare_files(tmp_path / "left.parquet", tmp_path / "right.parquet")
    assert found.drift is not None
    assert expected.drift is not None
    assert effects(found) == effects(expected)
    for mine, its in zip(found.drift.joint, expected.drift.joint, strict=True):
        assert mine.value == pytest.approx(its.value)
    assert found.quality is not None
    assert expected.quality is not None
    assert found.quality.columns == expected.quality.columns


def test_performance_is_that_of_scikit_learn_with_the_reference_as_baseline() -> None:
    left, right = table(), table(seed=1, shift=0.5)
    report = compare_frames(left, right, prediction="said", truth="was").performance
    assert report is not None
    assert report.task == "classification"
    accuracy = report.metrics["accuracy"]
    assert accuracy.value == pytest.approx(metrics.accuracy_score(right["was"], right["said"]))
    assert report.baseline["accuracy"] == pytest.approx(metrics.accuracy_score(left["was"], left["said"]))
    drift = compare_frames(left, right, prediction="said", truth="was").drift
    assert drift is not None
    assert {each.column: each.role for each in drift.columns} == {
        "x": "feature",
        "n": "feature",
        "said": "prediction",
        "was": "truth",
    }
    assert report.confusion is not None
    assert report.confusion.labels == ("no", "yes")
    assert report.confusion.counts == tuple(map(tuple, metrics.confusion_matrix(right["was"], right["said"]).tolist()))


def test_true_labels_that_are_never_answered_are_errors_in_the_table_too() -> None:
    rows = {"x": [0.0, 1.0] * 200, "said": ["a", "b"] * 200, "was": ["a", "b", "c", "c"] * 100}
    report = compare_frames(rows, rows, prediction="said", truth="was").performance
    assert report is not None
    assert report.metrics["accuracy"].value == 0.5
    assert report.confusion is not None
    assert report.confusion.labels == ("a", "b", "(other)")
    assert report.confusion.counts == ((100, 0, 0), (0, 100, 0), (100, 100, 0))


def test_performance_of_numbers_and_of_too_few() -> None:
    random = np.random.default_rng(0)
    rows = pl.DataFrame({"said": random.normal(size=300)}).with_columns(was=pl.col("said") + 0.5)
    report = compare_frames(rows, rows, prediction="said", truth="was").performance
    assert report is not None
    assert report.task == "regression"
    assert report.metrics["mae"].value == pytest.approx(0.5)
    few = compare_frames(rows, rows[:12], prediction="said", truth="was").performance
    assert few is not None
    assert few.why == "not enough rows with both columns: 12 of 100"
    late = rows.with_columns(was=pl.lit(None, pl.Float64))
    none = compare_frames(rows, late, prediction="said", truth="was").performance
    assert none is not None
    assert none.why == "not enough rows with both columns: 0 of 100"
    assert compare_frames(rows, rows.drop("was"), prediction="said", truth="was").performance is not None


def test_booleans_and_numbers_of_them_are_the_same_labels_and_a_task_is_what_one_says() -> None:
    rows = pl.DataFrame({"said": [0, 1, 1, 0] * 50, "was": [False, True, False, False] * 50})
    report = compare_frames(rows, rows, prediction="said", truth="was").performance
    assert report is not None
    assert report.metrics["accuracy"].value == 0.75
    counts = pl.DataFrame({"said": [0, 1, 2, 3] * 50, "was": [0, 1, 3, 3] * 50})
    regression = compare_frames(counts, counts, prediction="said", truth="was", task="regression").performance
    assert regression is not None
    assert regression.metrics["mae"].value == 0.25


def test_moments_in_texts_and_in_their_own_type_are_the_same() -> None:
    when = pl.datetime_range(pl.datetime(2026, 1, 1), pl.datetime(2026, 2, 1), "1h", eager=True, time_zone="UTC")
    frame = pl.DataFrame({"when": when})
    texts = frame.select(pl.col("when").dt.to_string("%Y-%m-%d %H:%M:%S"))
    for left, right in ((frame, texts), (texts, frame), (texts, texts)):
        report = compare_frames(left, right).drift
        assert report is not None
        (column,) = report.columns
        assert (column.of, column.drifted, column.effect) == ("moment", False, 0.0)
        assert "2026-01-01" in column.bars[0].label
    later = compare_frames(texts, frame.select(pl.col("when").dt.offset_by("3mo"))).drift
    assert later is not None
    assert later.columns[0].effect == 1.0


def test_texts_of_many_values_are_categories_or_say_that_lengths_are_compared() -> None:
    cities = [f"city {at:03}" for at in range(300)] * 10
    report = compare_frames({"c": cities}, {"c": cities[:30] * 40}).drift
    assert report is not None
    assert (report.columns[0].kind, report.columns[0].drifted) == ("category", True)
    ids = compare_frames({"i": [f"id{at}" for at in range(5000)]}, {"i": [f"id{at}" for at in range(500)]}).drift
    assert ids is not None
    assert ids.columns[0].of == "length"


def test_numbers_too_far_away_to_be_told_apart_have_no_distance() -> None:
    left = pl.DataFrame({"a": np.random.default_rng(0).normal(size=500)})
    right = left.with_columns(a=pl.when(pl.int_range(pl.len()) == 0).then(1e12).otherwise("a"))
    report = compare_frames(left, right).drift
    assert report is not None
    assert {each.name: each.value for each in report.columns[0].measures}["wasserstein"] is None


def test_what_is_no_table_or_lacks_a_column_is_told(tmp_path: Path) -> None:
    for nothing in (7, pd.Series([1.0, 2.0])):
        with pytest.raises(InputError, match="Expected a table as reference"):
            compare_frames(nothing, table())
    with pytest.raises(InputError, match="it has none of the name 'nope'"):
        compare_frames(table(), table(), prediction="nope")
    with pytest.raises(InputError, match="without any rows"):
        compare_frames(pl.DataFrame(), table())
    with pytest.raises(DataError, match="does not exist"):
        compare_files(tmp_path / "absent.parquet", tmp_path / "absent.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing more")
    with pytest.raises(DataError, match="cannot be read"):
        compare_files(tmp_path / "broken.parquet", tmp_path / "broken.parquet")


def test_columns_that_came_and_columns_that_went() -> None:
    report = compare_frames(table(), table(seed=1).with_columns(new=pl.lit(1)).drop("n"))
    assert report.details["columns_not_in_the_reference"] == ["new"]
    assert report.drift is not None
    gone = next(column for column in report.drift.columns if column.column == "n")
    assert gone.why == "the column has vanished: no row has it"


def test_odd_columns_are_compared_too() -> None:
    odd = pd.DataFrame(
        {
            "mixed": [1, "a", None, 2.5] * 50,
            "list": [[1, 2], [3]] * 100,
            "when": pd.date_range("2026-01-01", periods=200, tz="America/Sao_Paulo"),
            "kind": pd.Categorical(["a", "b"] * 100),
            "none": [None] * 200,
        }
    )
    report = compare_frames(odd, odd)
    assert report.drift is not None
    assert report.drift.drifted is False
    arrow = pa.table({"d": pa.array([1, 2] * 100, pa.decimal128(5, 2)), "b": pa.array([b"x", b"y"] * 100)})
    assert compare_frames(arrow, arrow).drift is not None


ODD: dict[str, Any] = {
    "texts": ["a", "b"] * 100,
    "numbers": np.arange(200.0),
    "periods": pd.period_range("2020-01", periods=200, freq="M"),
    "durations": pd.to_timedelta(np.arange(200), unit="s"),
    "intervals": pd.cut(np.arange(200), 5),
    "moments": pd.date_range("2026-01-01", periods=200, tz="America/Sao_Paulo"),
    "complex": np.arange(200) + 1j,
    "flags": pd.array([True, None] * 100, dtype="boolean"),
    "lists": [[1, 2], [3]] * 100,
}


@pytest.mark.parametrize("was", ODD)
@pytest.mark.parametrize("now", ODD)
def test_a_column_of_any_kind_may_become_one_of_any_other(was: str, now: str) -> None:
    left, right = (pd.DataFrame({"x": np.arange(200.0), "c": ODD[kind]}) for kind in (was, now))
    report = compare_frames(left, right)
    assert report.drift is not None
    assert report.drift.drifted is False or was != now


def test_answers_that_no_actual_is_written_as_are_no_errors() -> None:
    before = pl.DataFrame({"said": ["bom", "ruim"] * 100, "was": ["bom", "ruim"] * 100})
    now = before.with_columns(pl.col("said").str.to_uppercase())
    report = compare_frames(before, now, prediction="said", truth="was").performance
    assert report is not None
    assert report.why == "no actual is one of the answers: those are 'BOM', 'RUIM'; the actuals are 'bom', 'ruim'"
    # A model that is always wrong answers what is true of other rows.
    wrong = before.with_columns(said=pl.lit("ruim"), was=pl.lit("bom"))
    report = compare_frames(before, wrong, prediction="said", truth="was").performance
    assert report is not None
    assert report.metrics["accuracy"].value == 0.0
