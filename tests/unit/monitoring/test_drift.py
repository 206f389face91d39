from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from garcom.monitoring.compare import compare_frames
from garcom.monitoring.drift import FALSE_ALARM_RATE, drift
from garcom.monitoring.records import ColumnDrift, DriftReport, Scope
from garcom.profiles.layout import layout_of
from garcom.profiles.profile import Profile

SCOPE = Scope(model="m")
WINE = Path(__file__).parents[4] / "shared" / "data" / "winequality.csv"


def compared(reference: pl.DataFrame, current: pl.DataFrame, **options: object) -> DriftReport:
    layout = layout_of(reference)
    profiles = []
    for frame in (reference, current):
        profile = Profile(layout)
        profile.add(frame)
        profiles.append(profile)
    return drift(profiles[0], profiles[1], SCOPE, **options)  # type: ignore[arg-type]


def column(report: DriftReport, name: str) -> ColumnDrift:
    return next(each for each in report.columns if each.column == name)


def measure(report: DriftReport, name: str, of: str) -> float:
    value = next(each.value for each in column(report, name).measures if each.name == of)
    assert value is not None
    return value


def numbers(n: int = 2000, seed: int = 0, **moved: float) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame({name: random.normal(moved.get(name, 0.0), 1.0, n) for name in ("a", "b", "c")})


def test_the_column_that_moved_is_found_and_no_other() -> None:
    report = compared(numbers(), numbers(seed=1, b=0.5))
    assert [each.column for each in report.columns if each.drifted] == ["b"]
    assert report.drifted is True
    assert report.columns[0].column == "b"


def test_measures_are_near_those_of_the_rows_themselves() -> None:
    left, right = numbers(), numbers(seed=1, b=0.5)
    report = compared(left, right)
    x, y = left["b"].to_numpy(), right["b"].to_numpy()
    exact = stats.ks_2samp(x, y)
    assert measure(report, "b", "kolmogorov_smirnov") == pytest.approx(exact.statistic, abs=0.01)
    moved = stats.wasserstein_distance(x, y) / x.std()
    assert measure(report, "b", "wasserstein") == pytest.approx(moved, abs=0.02)
    assert column(report, "b").mean_current == pytest.approx(y.mean())
    shares = [[bar.reference for bar in column(report, "b").bars], [bar.current for bar in column(report, "b").bars]]
    assert [sum(each) for each in shares] == pytest.approx([1.0, 1.0])


def test_certainty_alone_is_no_drift_in_a_large_window_nor_size_alone_in_a_small_one() -> None:
    large = compared(numbers(200_000), numbers(200_000, seed=1, a=0.05))
    assert (measure(large, "a", "kolmogorov_smirnov") < 0.1) is True
    deciding = column(large, "a").measures[0]
    assert deciding.p_adjusted is not None
    assert deciding.p_adjusted < 1e-6
    assert large.drifted is False
    small = compared(numbers(2000), numbers(12, seed=4), min_rows=10)
    assert max(each.effect or 0.0 for each in small.columns) > 0.1
    assert small.drifted is False


def test_categories_are_compared_with_those_that_are_new_as_one_more() -> None:
    left = pl.DataFrame({"k": ["x"] * 500 + ["y"] * 500})
    report = compared(left, pl.DataFrame({"k": ["x"] * 500 + ["z"] * 500}))
    found = column(report, "k")
    assert found.kind == "category"
    assert found.drifted is True
    assert found.effect == pytest.approx(0.5)
    assert {bar.label: bar.current for bar in found.bars} == {"x": 0.5, "y": 0.0, "…": 0.5}
    assert compared(left, left).drifted is False


def test_columns_are_ranked_by_importance_times_effect() -> None:
    report = compared(numbers(), numbers(seed=1, a=0.4, b=0.8), importance={"a": 1.0, "b": 0.1, "c": 0.0})
    assert [each.column for each in report.columns] == ["a", "b", "c"]
    first = report.columns[0]
    assert first.effect is not None
    assert first.impact == pytest.approx(first.effect)


def test_what_cannot_be_said_is_said() -> None:
    assert compared(numbers(), numbers(12)).why == "not enough rows: 12 of 100"
    assert compared(numbers(5), numbers()).why == "not enough rows of the reference: 5 of 100"
    report = compared(numbers(), numbers(seed=1).drop("a").with_columns(b=pl.lit(float("nan"))))
    assert column(report, "a").why == "the column has vanished: no row has it"
    assert column(report, "b").why == "no row has a value"
    assert column(report, "a").drifted is None
    assert column(report, "c").drifted is False
    gaps = numbers(seed=1).with_columns(a=pl.when(pl.int_range(pl.len()) < 20).then("a"))
    assert column(compared(numbers(), gaps), "a").why == "not enough rows with a value: 20 of 100"


@pytest.mark.parametrize("value", [0.0, 5.0, -1e300, 1e-9])
def test_a_reference_of_one_value(value: float) -> None:
    left = pl.DataFrame({"a": [value] * 500, "b": [1.0, 2.0] * 250})
    assert compared(left, left).drifted is False
    other = pl.DataFrame({"a": [value + (abs(value) or 1.0)] * 500, "b": [1.0, 2.0] * 250})
    found = column(compared(left, other), "a")
    assert found.effect == 1.0
    assert found.drifted is True
    assert all(each.value is None or math.isfinite(each.value) for each in found.measures)


def test_columns_that_move_together_no_more_are_found_though_none_moved_alone() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=4000)
    left = pl.DataFrame({"x": x, "y": x + random.normal(scale=0.3, size=4000), "z": random.normal(size=4000)})
    right = left.with_columns(pl.col("y").shuffle(seed=2))
    report = compare_frames(left, right).drift
    assert report is not None
    assert not any(each.drifted for each in report.columns)
    assert {each.method: each.drifted for each in report.joint} == {"pca": True, "domain_classifier": True}
    calm = compare_frames(left[:2000], left[2000:]).drift
    assert calm is not None
    assert {each.method: each.drifted for each in calm.joint} == {"pca": False, "domain_classifier": False}


@pytest.mark.skipif(not WINE.is_file(), reason="the wine data (../shared/data) are not there")
def test_a_bootstrap_of_the_reference_raises_no_alarm_at_the_stated_rate() -> None:
    wine = pl.read_csv(WINE).filter(pl.col("color") == "white").drop("color", "quality")
    layout = layout_of(wine)
    reference = Profile(layout)
    reference.add(wine)
    alarms = []
    for seed in range(150):
        window = Profile(layout)
        window.add(wine.sample(400, with_replacement=True, seed=seed))
        report = drift(reference, window, SCOPE)
        assert report.false_alarm_rate == FALSE_ALARM_RATE
        if report.drifted:
            alarms.append(seed)
    assert alarms == []


def test_categories_that_are_all_new_have_moved_though_all_were_rare() -> None:
    random = np.random.default_rng(0)
    shops = random.integers(0, 150, (2, 400))
    before = pl.DataFrame({"shop": [f"shop {at}" for at in shops[0]], "x": random.normal(size=400)})
    same = pl.DataFrame({"shop": [f"shop {at}" for at in shops[1]], "x": random.normal(size=400)})
    assert column(compared(before, same), "shop").drifted is False
    moved = compared(before, same.with_columns(pl.col("shop").str.to_uppercase()))
    assert column(moved, "shop").drifted is True
    assert measure(moved, "shop", "total_variation") == 1.0
    assert measure(moved, "shop", "population_stability") > 1.0


@pytest.mark.parametrize("kind", [pl.Boolean, pl.Int64, pl.String])
@pytest.mark.parametrize("n", [100, 200, 2_000])
def test_a_rare_flag_that_becomes_frequent_has_moved_however_it_is_written(kind: type[pl.DataType], n: int) -> None:
    before = pl.DataFrame({"flag": pl.Series(np.arange(5_000) < 5).cast(kind)})
    now = pl.DataFrame({"flag": pl.Series(np.arange(n) < 0.12 * n).cast(kind)})
    assert column(compared(before, now), "flag").drifted is True
