from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from garcom.model.signature import Output
from garcom.monitoring.performance.estimation import track_record
from garcom.monitoring.records import Estimate, Figure, PerformanceReport, PerformanceWindow
from tests.unit.lake.rows import BEGAN
from tests.unit.monitoring.performance.served import DAY, HOUR, PRICE, WINE, Served, wine


def estimates(report: PerformanceReport) -> dict[str, Estimate]:
    return {each.metric: each for each in report.estimates}


def test_probabilities_are_calibrated_on_what_was_known_before(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(1600)
    # The model is surer than it should be: of 3 odds to 1 only 1.7 come true.
    odds = (shares[:, 0] / shares[:, 1]) ** 2
    sure = np.stack([odds / (1 + odds), 1 / (1 + odds)], axis=1)
    ids = served.serve(answers, probabilities=sure, step=HOUR / 20)
    served.tell(ids[:800], truth[:800], BEGAN + 2 * DAY)
    half = BEGAN + 800 * HOUR / 20
    before = estimates(served.report(since=BEGAN, until=half))["accuracy"]
    later = estimates(served.report(since=half))["accuracy"]
    real = np.mean([a == t for a, t in zip(answers[800:], truth[800:], strict=True)])
    assert before.estimated.why == "not calibrated: 0 of 200 rows with actuals before it"
    assert before.estimated.value == pytest.approx(sure[:800].max(axis=1).mean())
    assert (later.estimated.why, later.realized, later.method) == (None, None, "cbpe")
    assert later.estimated.low is not None
    assert later.estimated.high is not None
    assert later.estimated.value is not None
    assert later.estimated.low < real < later.estimated.high
    assert abs(later.estimated.value - real) < abs(sure[800:].max(axis=1).mean() - real)
    served.tell(ids[800:], truth[800:], BEGAN + 9 * DAY)
    realized = estimates(served.report(since=half))["accuracy"].realized
    assert realized is not None
    assert realized.value == pytest.approx(real)


def test_what_was_not_known_by_then_is_not_learned_from_where_enough_was(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(900)
    ids = served.serve(answers, probabilities=shares, step=HOUR / 10)
    served.tell(ids[:300], truth[:300], BEGAN + 40 * DAY, BEGAN + 60 * HOUR)
    wrong = ["ruim" if each == "bom" else "bom" for each in answers[300:600]]
    served.tell(ids[300:600], wrong, BEGAN + 40 * DAY, BEGAN + 20 * DAY)
    told = estimates(served.report(since=BEGAN + 60 * HOUR, until=BEGAN + 5 * DAY))["accuracy"].estimated
    assert told.value is not None
    assert told.value > 0.6


def test_track_record_of_windows_that_have_both(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(1000)
    ids = served.serve(answers, probabilities=shares, step=HOUR / 10)
    served.tell(ids[:700], truth[:700], BEGAN + 10 * DAY)
    report = served.report(since=BEGAN, until=BEGAN + 100 * HOUR, every=10 * HOUR, min_rows=50)
    record = {each.metric: each for each in report.track_record}["accuracy"]
    gaps = [
        each.estimated.value - each.realized.value
        for window in report.windows
        for each in window.estimates
        if each.metric == "accuracy" and each.realized is not None
        if each.estimated.value is not None and each.realized.value is not None
    ]
    assert record.windows == len(gaps) >= 6
    assert record.bias == pytest.approx(np.mean(gaps))
    assert record.mean_absolute_error == pytest.approx(np.mean(np.abs(gaps)))
    assert np.abs(gaps).mean() < 0.1
    assert record.within is not None
    assert record.within >= 0.7


def test_errors_of_a_regression_are_foreseen(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.random(800), 0.8 + 0.2 * rng.random(200)])
    inputs = [{"x": each, "region": "SP" if each > 0.5 else "RJ", "empty": None} for each in x.tolist()]
    answers = 10 * x
    truth = answers + rng.normal(0, 0.1 + 2 * x)
    ids = served.serve(answers.tolist(), inputs=inputs, step=HOUR / 10)
    served.tell(ids[:800], truth[:800].tolist(), BEGAN + 3 * DAY)
    report = served.report(since=BEGAN + 80 * HOUR, min_rows=100)
    told = estimates(report)["mae"]
    real, before = np.abs(answers - truth)[800:].mean(), np.abs(answers - truth)[:800].mean()
    assert (told.method, told.estimated.why, told.estimated.n) == ("error_model", None, 200)
    assert told.estimated.value is not None
    assert abs(told.estimated.value - real) < abs(before - real) / 2
    served.tell(ids[800:], truth[800:].tolist(), BEGAN + 5 * DAY)
    after = served.report(since=BEGAN + 80 * HOUR, min_rows=100)
    realized = estimates(after)["mae"].realized
    assert realized is not None
    assert realized.value == pytest.approx(real)
    assert {record.windows for record in after.track_record} != {0}


def test_a_regression_without_enough_actuals_has_no_estimate(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    ids = served.serve([1.0] * 300)
    served.tell(ids[:150], [1.5] * 150, BEGAN + DAY)
    told = estimates(served.report(since=BEGAN + 4 * HOUR))
    assert set(told) == {"mae", "rmse"}
    assert told["mae"].estimated.value is None
    assert told["mae"].estimated.why == "not enough rows with actuals for a model of the error: 150 of 200"


def test_several_targets_have_an_estimate_each(tmp_path: Path) -> None:
    served = Served(tmp_path, Output(task="regression", names=("low", "high")))
    rng = np.random.default_rng(5)
    answers = [{"low": a, "high": b} for a, b in rng.random((600, 2)).tolist()]
    truth = [{"low": each["low"] + 0.1, "high": each["high"] - 1.0} for each in answers]
    ids = served.serve(answers, inputs=[{"x": i % 7} for i in range(600)])
    served.tell(ids[:300], truth[:300], BEGAN + DAY)
    told = estimates(served.report(since=BEGAN + 5 * HOUR))
    assert told["mae[low]"].estimated.value == pytest.approx(0.1, abs=0.01)
    assert told["mae[high]"].estimated.value == pytest.approx(1.0, abs=0.01)


def test_a_model_without_probabilities_has_no_estimate(tmp_path: Path) -> None:
    served = Served(tmp_path, Output(task="classification", classes=("bom", "ruim")))
    served.serve(["bom"] * 10)
    report = served.report()
    assert report.estimates == ()
    assert report.track_record == ()
    assert report.metrics["log_loss"].why is not None


def test_nothing_is_estimated_unless_it_is_asked_for(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    served.serve([1.0] * 10)
    report = served.report(estimates=False)
    assert report.estimates == ()
    assert all(window.estimates == () for window in report.windows)


def test_a_record_counts_only_bounded_estimates_as_inside_or_not() -> None:
    def window(value: float, low: float | None, real: float) -> PerformanceWindow:
        told = Figure(value=value, low=low, high=None if low is None else value + (value - low))
        each = Estimate(metric="mae", method="error_model", estimated=told, realized=Figure(value=real))
        return PerformanceWindow(
            since=BEGAN, until=BEGAN + timedelta(hours=1), rows=1, actuals=1, maturity=1.0, estimates=(each,)
        )

    (record,) = track_record([window(1.0, 0.5, 1.2), window(2.0, 1.9, 1.0), window(3.0, None, 3.0)])
    assert (record.windows, record.within) == (3, 0.5)
    assert [record.bias, record.mean_absolute_error] == pytest.approx([0.8 / 3, 1.2 / 3])
