"""A year of air through a server: predictions made elsewhere by the hour, the truth a week later, and what is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import garcom
from garcom import Client
from tests.acceptance.test_monitoring_data import AIR, LEARNED_UNTIL, SENSORS, TARGET, air
from tests.integration.server.running import running, wait_for

WEEK = timedelta(days=7)
MODEL = "benzene"


class Served(NamedTuple):
    """A server that was told all, and what it was told (``time``, the sensors, ``said``, ``was``)."""

    client: Client
    reference: pl.DataFrame
    rows: pl.DataFrame
    #: Until when actuals are known.
    known_until: datetime

    def between(self, since: datetime, until: datetime) -> pl.DataFrame:
        return self.rows.filter(pl.col("time").is_between(since, until, closed="left"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not AIR.is_file():
        pytest.skip("the air quality data (../shared/data) are not there")
    folder = tmp_path_factory.mktemp("air")
    rows = air()
    learned = rows.filter(pl.col("time") < LEARNED_UNTIL)
    model = make_pipeline(StandardScaler(), Ridge())
    model.fit(learned.select(SENSORS).to_pandas(), learned[TARGET].to_numpy())
    X, y = learned.select(SENSORS).to_pandas(), learned[TARGET].to_pandas()
    bundle = garcom.pack(model, X, y, name=MODEL, out=folder, time_limit_s=0)
    # The year is moved so that it ends now: a server knows no future.
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    last = rows["time"].max()
    assert isinstance(last, datetime)
    later = rows.filter(pl.col("time") >= LEARNED_UNTIL).with_columns(
        (pl.col("time") - last + now).dt.replace_time_zone("UTC").alias("time")
    )
    said = model.predict(later.select(SENSORS).to_pandas())
    later = later.with_columns(said=pl.Series(said)).rename({TARGET: "was"})
    known = later.filter(pl.col("time") < now - WEEK)
    with (
        running(folder / "server", register=(bundle.path,), workers=1) as server,
        Client(f"http://127.0.0.1:{server.port}") as client,
    ):
        X, times = later.select(SENSORS).to_pandas(), later["time"].to_list()
        keys = [f"hour-{at}" for at in range(later.height)]
        client.log(X, said, MODEL, times=times, keys=keys)
        truth = [
            {"key": key, "actual": was, "observed_at": time + WEEK}
            for key, was, time in zip(keys, known["was"], known["time"], strict=False)
        ]
        client.actuals(MODEL, truth)
        since = times[0] - timedelta(days=1)
        wait_for(lambda: client.drift(MODEL, since=since).rows_current == later.height, 60)
        yield Served(client, learned, later, now - WEEK)


def test_drift_of_each_month_is_found_in_the_sensors_that_moved(served: Served) -> None:
    first = served.rows["time"].min()
    assert isinstance(first, datetime)
    for months in (0, 5, 8):
        since = (first + timedelta(days=30 * months)).replace(hour=0)
        until = since + timedelta(days=28)
        report = served.client.drift(MODEL, since=since, until=until)
        rows = served.between(since, until)
        assert report.rows_current == rows.height
        effects = {column.column: column.effect for column in report.columns}
        for sensor in SENSORS:
            exact = stats.ks_2samp(served.reference[sensor], rows[sensor], method="asymp").statistic
            assert effects[sensor] == pytest.approx(exact, abs=0.02), (months, sensor)
        moved = {sensor for sensor in SENSORS if (effects[sensor] or 0.0) > 0.12}
        assert moved <= {column.column for column in report.columns if column.drifted}


def test_decay_is_seen_when_the_truth_comes_and_what_is_not_known_yet_is_told(served: Served) -> None:
    first = served.rows["time"].min()
    assert isinstance(first, datetime)
    report = served.client.performance(MODEL, since=first, every="30d")
    known = served.rows.filter(pl.col("time") < served.known_until)
    assert (report.rows, report.actuals) == (served.rows.height, known.height)
    exact = float(np.abs(known["said"].to_numpy() - known["was"].to_numpy()).mean())
    assert report.metrics["mae"].value == pytest.approx(exact, rel=1e-6)
    errors = [window.metrics["mae"] for window in report.windows if window.metrics.get("mae") and window.actuals > 200]
    values = [figure.value for figure in errors if figure.value is not None]
    assert len(values) >= 9
    # Ten times the error of the training in the last winter, and the detectors have seen it on its way.
    assert report.baseline["mae"] == pytest.approx(0.52, abs=0.05)
    assert max(values[-3:]) > 5 * report.baseline["mae"]
    assert {change.method for change in report.changes if change.changed} >= {"adwin", "page_hinkley"}
    # The last week is not judged by anything that could not be known.
    recent = served.client.performance(MODEL, since=served.known_until)
    assert (recent.actuals, recent.maturity) == (0, 0.0)
    why = recent.metrics["mae"].why
    assert why is not None
    assert "not enough rows: 0 of" in why


def test_a_report_of_the_year_says_when_where_and_by_how_much(served: Served, tmp_path: Path) -> None:
    last = served.client.performance(MODEL, since=served.known_until)
    (estimate,) = [each for each in last.estimates if each.metric == "mae"]
    assert estimate.estimated.value is not None  # the truth of this week is not there yet
    week = served.rows.filter(pl.col("time") >= served.known_until)
    really = float(np.abs(week["said"].to_numpy() - week["was"].to_numpy()).mean())
    assert really / 3 < estimate.estimated.value < really * 3
