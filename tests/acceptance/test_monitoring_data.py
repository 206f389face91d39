"""What monitoring says of real data: a year of air, and wines of another colour."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from garcom.monitoring.compare import compare_frames
from garcom.monitoring.drift import FALSE_ALARM_RATE, JointRows, drift
from garcom.monitoring.records import DriftReport, PerformanceReport, Scope
from garcom.profiles.layout import layout_of
from garcom.profiles.profile import Profile
from tests.acceptance.shortened import shortened

DATA = Path(__file__).parents[3] / "shared" / "data"
AIR, WINE = DATA / "airquality.csv", DATA / "winequality.csv"
SENSORS = ["PT08.S1(CO)", "PT08.S2(NMHC)", "PT08.S3(NOx)", "PT08.S4(NO2)", "PT08.S5(O3)", "T", "RH", "AH"]
TARGET = "C6H6(GT)"
#: The model is trained on what was measured before, which is two months.
LEARNED_UNTIL = datetime(2004, 5, 10)


class Month(NamedTuple):
    """One month after the training, and what is said of it."""

    rows: pl.DataFrame
    drift: DriftReport
    performance: PerformanceReport

    def effect(self, column: str) -> float:
        found = next(each.effect for each in self.drift.columns if each.column == column)
        assert found is not None
        return found

    @property
    def drifted(self) -> set[str]:
        return {each.column for each in self.drift.columns if each.drifted}


def air() -> pl.DataFrame:
    """The hours in which everything was measured: `;`, decimal commas, -200 for what is missing."""
    text = pl.read_csv(AIR, separator=";", decimal_comma=True, infer_schema_length=20_000)
    moment = (pl.col("Date") + " " + pl.col("Time")).str.to_datetime("%d/%m/%Y %H.%M.%S")
    columns = [pl.col(name).cast(pl.Float64).replace(-200.0, None) for name in (*SENSORS, TARGET)]
    return text.drop_nulls("Date").select(moment.alias("time"), *columns).drop_nulls()


@pytest.fixture(scope="module")
def reference_and_months() -> tuple[pl.DataFrame, dict[str, Month]]:
    if not AIR.is_file():
        pytest.skip("the air quality data (../shared/data) are not there")
    rows = air()
    learned = rows.filter(pl.col("time") < LEARNED_UNTIL)
    model = make_pipeline(StandardScaler(), Ridge())
    model.fit(learned.select(SENSORS).to_numpy(), learned[TARGET].to_numpy())
    answered = rows.with_columns(said=pl.Series(model.predict(rows.select(SENSORS).to_numpy())))
    answered = answered.rename({TARGET: "was"})
    reference = answered.filter(pl.col("time") < LEARNED_UNTIL)
    later = answered.filter(pl.col("time") >= LEARNED_UNTIL).with_columns(month=pl.col("time").dt.strftime("%Y-%m"))
    months = {}
    for name, part in later.group_by("month", maintain_order=True):
        if part.height < 500:
            continue  # the three days of the last one
        report = compare_frames(reference.drop("time"), part.drop("time", "month"), prediction="said", truth="was")
        assert report.drift is not None
        assert report.performance is not None
        months[str(name[0])] = Month(part, report.drift, report.performance)
    return reference, months


Year = tuple[pl.DataFrame, dict[str, Month]]


def test_drift_tells_which_sensors_and_when_and_by_how_much(reference_and_months: Year) -> None:
    reference, months = reference_and_months
    assert len(months) == 11
    assert all(month.drift.drifted for month in months.values())
    for month in months.values():
        for column in SENSORS:
            exact = stats.ks_2samp(reference[column], month.rows[column], method="asymp").statistic
            assert month.effect(column) == pytest.approx(exact, abs=0.015), column
    # The ozone sensor stays in its range longest; the one for NO2 is in it at first, and leaves it for good in autumn.
    assert "PT08.S4(NO2)" not in months["2004-05"].drifted
    assert all("PT08.S4(NO2)" in months[name].drifted for name in ("2004-11", "2004-12", "2005-01", "2005-02"))
    assert months["2005-02"].effect("PT08.S4(NO2)") > 0.7
    assert "PT08.S5(O3)" not in months["2004-05"].drifted | months["2004-06"].drifted | months["2004-07"].drifted
    # Summer and winter are told by their temperature before anything else; in August the city is empty.
    assert max(SENSORS, key=months["2004-07"].effect) == "T"
    assert months["2004-08"].effect("PT08.S1(CO)") == max(month.effect("PT08.S1(CO)") for month in months.values())
    # What really happened moved little, while the answers left it behind.
    assert "was" not in months["2004-12"].drifted
    assert "said" in months["2004-12"].drifted


def test_columns_move_together_otherwise_in_every_month(reference_and_months: Year) -> None:
    for name, month in reference_and_months[1].items():
        assert {each.method: each.drifted for each in month.drift.joint} == {"pca": True, "domain_classifier": True}, (
            name
        )


def test_performance_decays_and_its_intervals_tell_it_from_chance(reference_and_months: Year) -> None:
    _, months = reference_and_months
    errors = {name: month.performance.metrics["mae"] for name, month in months.items()}
    for name, month in months.items():
        exact = np.abs(month.rows["said"].to_numpy() - month.rows["was"].to_numpy()).mean()
        assert errors[name].value == pytest.approx(exact, rel=1e-9)
    baseline = months["2004-05"].performance.baseline["mae"]
    # Of 0.5 µg/m³ in training: more in the first summer, three times as much by September, ten times in February.
    assert baseline == pytest.approx(0.52, abs=0.05)
    lows = {name: figure.low for name, figure in errors.items()}
    assert all(low is not None and low > baseline for low in lows.values())
    bounds = [(2004, 9, 3 * baseline), (2004, 11, 6 * baseline), (2005, 2, 9 * baseline)]
    for year, number, least in bounds:
        low = lows[f"{year}-{number:02}"]
        assert low is not None
        assert low > least
    february, may = errors["2005-02"], errors["2004-05"]
    assert february.low is not None
    assert may.high is not None
    assert february.low > may.high


def wines() -> tuple[pl.DataFrame, pl.DataFrame]:
    if not WINE.is_file():
        pytest.skip("the wine data (../shared/data) are not there")
    wine = pl.read_csv(WINE)
    white, red = (wine.filter(pl.col("color") == color).drop("color") for color in ("white", "red"))
    return white, red


def test_red_wines_raise_the_alarm_of_a_model_of_white_ones() -> None:
    white, red = wines()
    features = [name for name in white.columns if name != "quality"]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(white.select(features).to_numpy(), (white["quality"] < 7).to_numpy())
    answered = [
        part.with_columns(
            said=pl.Series(model.predict(part.select(features).to_numpy())), was=pl.col("quality") < 7
        ).drop("quality")
        for part in (white, red)
    ]
    report = compare_frames(*answered, prediction="said", truth="was")
    assert report.drift is not None
    assert report.drift.drifted is True
    drifted = {each.column for each in report.drift.columns if each.drifted}
    expected = {
        name for name in features if stats.ks_2samp(white[name], red[name], method="asymp").statistic > 0.12
    }  # a hand above the threshold of 0.1
    assert expected <= drifted
    assert report.drift.columns[0].column == max(
        features, key=lambda name: float(stats.ks_2samp(white[name], red[name], method="asymp").statistic)
    )
    # A hundred bottles are enough.
    assert (few := compare_frames(answered[0], answered[1].sample(100, seed=0)).drift) is not None
    assert few.drifted is True


@pytest.mark.parametrize(
    "windows", [pytest.param(15, id="some"), pytest.param(1000, marks=shortened, id="all")], ids=None
)
def test_a_bootstrap_of_the_reference_raises_no_alarm(windows: int) -> None:
    """With every test that decides, the domain classifier too, which is not in the unit test of as many windows."""
    white, _ = wines()
    white = white.drop("quality")
    layout = layout_of(white)
    assert layout.together is not None
    reference = Profile(layout)
    reference.add(white)
    some = layout.together.matrix(white.sample(1000, seed=1))
    alarms = []
    for seed in range(windows):
        rows = white.sample(500, with_replacement=True, seed=10_000 + seed)
        window = Profile(layout)
        window.add(rows)
        report = drift(reference, window, Scope(model="wine"), rows=JointRows(some, layout.together.matrix(rows)))
        assert report.false_alarm_rate == FALSE_ALARM_RATE
        if report.drifted:
            alarms.append((seed, report.joint, [each.column for each in report.columns if each.drifted]))
    assert alarms == []
