from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as sk

from garcom.errors import InputError
from garcom.lake.actuals import Actuals
from garcom.lake.undrained import Undrained
from garcom.model.signature import Output
from garcom.monitoring.performance.joined import Wanted, joined, newest_known
from garcom.monitoring.records import Figure, PerformanceReport, Scope
from garcom.observations import Observations, Observed
from tests.unit.lake.journals import closed
from tests.unit.lake.rows import BEGAN
from tests.unit.monitoring.performance.served import DAY, HOUR, PRICE, WINE, Served, wine


def value(report: PerformanceReport | dict[str, Figure], name: str) -> float | None:
    return (report if isinstance(report, dict) else report.metrics)[name].value


def test_labels_are_scored_as_by_scikit_learn(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(400)
    ids = served.serve(answers, probabilities=shares)
    served.tell(ids[:300], truth[:300], BEGAN + DAY)
    report = served.report()
    y, z, p = np.array(truth[:300]) == "ruim", np.array(answers[:300]) == "ruim", shares[:300, 1]
    assert (report.rows, report.actuals, report.maturity, report.why) == (400, 300, 0.75, None)
    assert value(report, "accuracy") == pytest.approx(sk.accuracy_score(y, z))
    assert value(report, "f1") == pytest.approx(sk.f1_score(y, z))
    assert value(report, "roc_auc") == pytest.approx(sk.roc_auc_score(y, p))
    assert value(report, "log_loss") == pytest.approx(sk.log_loss(y, p))
    assert "business_value" not in report.metrics
    figure = report.metrics["accuracy"]
    assert figure.low is not None
    assert figure.high is not None
    assert figure.n == 300
    assert 0.6 < figure.low < figure.high < 0.9
    assert report.confusion is not None
    assert report.confusion.labels == ("bom", "ruim")
    assert np.array(report.confusion.counts).tolist() == sk.confusion_matrix(truth[:300], answers[:300]).tolist()
    assert value(served.report(positive="bom"), "precision") == pytest.approx(sk.precision_score(~y, ~z))


def test_late_actuals_and_corrections_change_windows_that_have_passed(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    ids = served.serve(["bom"] * 120, step=timedelta(minutes=1))
    served.tell(ids[:60], ["bom"] * 60, BEGAN + 2 * HOUR)
    window = {"since": BEGAN, "until": BEGAN + 2 * HOUR, "every": HOUR, "estimates": False}
    first, second = served.report(**window).windows
    assert [(each.rows, each.actuals, each.maturity) for each in (first, second)] == [(60, 60, 1.0), (60, 0, 0.0)]
    assert (value(first.metrics, "accuracy"), value(second.metrics, "accuracy")) == (1.0, None)
    assert second.metrics["accuracy"].why == "not enough rows: 0 of 1"
    served.tell(ids[60:90], ["ruim"] * 30, BEGAN + 9 * DAY)
    served.tell(ids[:30], ["ruim"] * 30, BEGAN + 9 * DAY)
    first, second = served.report(**window).windows
    assert (first.maturity, value(first.metrics, "accuracy")) == (1.0, 0.5)
    assert (second.maturity, value(second.metrics, "accuracy")) == (0.5, 0.0)


def test_no_actuals_yet(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, _, shares = wine(300)
    served.serve(answers, probabilities=shares)
    report = served.report(min_rows=100)
    assert report.why == "no actuals yet: 0 of 300 predictions have theirs"
    assert report.metrics["accuracy"] == Figure(value=None, why="not enough rows: 0 of 100")
    assert report.confusion is None
    assert {(change.changed, change.why) for change in report.changes} == {(None, "not enough rows: 0 of 100")}
    estimated = {each.metric: each for each in report.estimates}["accuracy"]
    assert estimated.realized is None
    assert estimated.estimated.value == pytest.approx(shares.max(axis=1).mean())
    assert estimated.estimated.why == "not calibrated: 0 of 200 rows with actuals before it"
    assert {record.why for record in report.track_record} == {"no window has both an estimate and enough actuals yet"}


def test_no_predictions(tmp_path: Path) -> None:
    for output in (WINE, PRICE):
        served = Served(tmp_path / output.task, output)
        report = served.report(segment="region=SP")
        assert (report.rows, report.actuals, report.maturity, report.windows) == (0, 0, None, ())
        assert report.why == "no predictions of wine with region=SP in this time"
        assert {figure.value for figure in report.metrics.values()} == {None}


def test_too_few_rows_say_how_many(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(12)
    served.tell(served.serve(answers, probabilities=shares), truth, BEGAN + DAY)
    report = served.report(min_rows=100)
    assert {figure.why for figure in report.metrics.values()} == {"not enough rows: 12 of 100"}
    assert {figure.value for figure in report.metrics.values()} == {None}


def test_versions_and_stages(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    truth = ["bom"] * 40
    served.tell(served.serve(["bom"] * 40, version=1), truth, BEGAN + DAY)
    served.tell(served.serve(["ruim"] * 40, began=BEGAN + HOUR, version=2, role="canary"), truth, BEGAN + DAY)
    served.tell(served.serve(["ruim"] * 40, began=BEGAN + 2 * HOUR, version=2, role="shadow"), truth, BEGAN + DAY)
    told = {
        name: (report.rows, value(report, "accuracy"))
        for name, report in {
            "all": served.report(),
            "version": served.report(version=2),
            "canary": served.report(stage="canary"),
            "shadow": served.report(stage="shadow"),
        }.items()
    }
    assert told == {"all": (80, 0.5), "version": (40, 0.0), "canary": (40, 0.0), "shadow": (40, 0.0)}


def test_segments(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    inputs = [{"region": ("SP", "RJ", None)[i % 3], "n": i % 2, "x": i / 7} for i in range(90)]
    served.tell(
        served.serve(["bom"] * 90, inputs=inputs), [("bom", "ruim", "bom")[i % 3] for i in range(90)], BEGAN + DAY
    )
    report = served.report(by=("region", "n"))
    told = {name: (figures["accuracy"].n, figures["accuracy"].value) for name, figures in report.segments.items()}
    assert told == {
        "region=SP": (30, 1.0),
        "region=RJ": (30, 0.0),
        "region=": (30, 1.0),
        "n=0": (45, pytest.approx(2 / 3)),
        "n=1": (45, pytest.approx(2 / 3)),
    }
    assert (report.rows, report.scope.segment) == (90, None)
    for segment, rows in {"region=SP": 30, "region=": 30, "n=1.0": 45, "region=sp": 0}.items():
        assert served.report(segment=segment).rows == rows
    quartiles = served.report(by=("x",)).segments
    assert [figures["accuracy"].n for figures in quartiles.values()] == pytest.approx([22] * 4, abs=1)
    assert next(iter(quartiles)).startswith("x=0 to ")


def test_segments_of_inputs_that_the_files_statistics_cut_off(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    inputs = [{"a": i / 3, "text": "x" * 100, "region": ("SP", "RJ")[i % 2]} for i in range(1000)]
    served.serve(["bom"] * 1000, inputs=inputs)
    assert served.report(segment="region=SP", estimates=False).rows == 500


def test_a_field_that_no_row_has(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    served.tell(served.serve(["bom"] * 10), ["bom"] * 10, BEGAN + DAY)
    assert list(served.report(by=("vanished",)).segments) == ["vanished="]
    assert served.report(segment="vanished=1").why == "no predictions of wine with vanished=1 in this time"


def test_labels_that_the_model_never_answers_are_errors(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    served.tell(served.serve(["bom"] * 10), ["bom"] * 6 + ["podre"] * 4, BEGAN + DAY)
    report = served.report()
    assert value(report, "accuracy") == 0.6
    assert report.confusion is not None
    assert report.confusion.labels == ("bom", "ruim", "(other)")
    assert report.confusion.counts == ((6, 0, 0), (0, 0, 0), (4, 0, 0))


def test_labels_of_another_version(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(50)
    ids = served.serve(answers, probabilities=shares)
    ids += served.serve(["médio"] * 10, began=BEGAN + HOUR, version=2)
    served.tell(ids, [*truth, *["médio"] * 5, *["bom"] * 5], BEGAN + DAY)
    report = served.report()
    right = sum(a == t for a, t in zip(answers, truth, strict=True)) + 5
    assert value(report, "accuracy") == pytest.approx(right / 60)
    assert report.metrics["log_loss"].n == 50
    assert report.confusion is not None
    assert report.confusion.labels == ("bom", "ruim", "médio")


def test_several_classes(tmp_path: Path) -> None:
    output = Output(task="classification", classes=(3, 1, 2), probabilities=True)
    served = Served(tmp_path, output)
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1], 300)
    answers = [("3", "1", "2")[i] for i in shares.argmax(axis=1)]
    truth = [("3", "1", "2")[i] for i in (shares.cumsum(axis=1) > rng.random((300, 1))).argmax(axis=1)]
    served.tell(served.serve(answers, probabilities=shares), truth, BEGAN + DAY)
    report = served.report()
    assert value(report, "f1") == pytest.approx(sk.f1_score(truth, answers, average="macro"))
    expected = sk.roc_auc_score(truth, shares[:, [1, 2, 0]], multi_class="ovr", labels=["1", "2", "3"])
    assert value(report, "roc_auc") == pytest.approx(expected)
    assert report.confusion is not None
    assert report.confusion.labels == ("3", "1", "2")


def test_what_answers_were_worth(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    served.tell(served.serve(["bom", "bom", "ruim", "ruim"]), ["bom", "ruim", "ruim", "bom"], BEGAN + DAY)
    cost = {"bom": {"bom": 10.0, "ruim": -1.0}, "ruim": {"bom": -50.0, "ruim": 0.0}}
    assert value(served.report(cost=cost), "business_value") == pytest.approx((10 - 50 + 0 - 1) / 4)
    assert served.report(cost={"bom": {"bom": 1.0}}).metrics["business_value"].why is not None
    with pytest.raises(InputError, match="Expected labels of the cost matrix"):
        served.report(cost={"bom": {"podre": 1.0}})
    with pytest.raises(InputError, match="Expected a positive label that the model answers"):
        served.report(positive="podre")


def test_numbers_are_scored_as_by_scikit_learn(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    rng = np.random.default_rng(1)
    answers = rng.normal(50, 10, 200)
    truth = answers + rng.normal(1, 2, 200)
    served.tell(served.serve(answers.tolist()), truth.tolist(), BEGAN + DAY)
    report = served.report()
    assert value(report, "mae") == pytest.approx(sk.mean_absolute_error(truth, answers))
    assert value(report, "rmse") == pytest.approx(sk.root_mean_squared_error(truth, answers))
    assert value(report, "r2") == pytest.approx(sk.r2_score(truth, answers))
    assert report.confusion is None
    ddm = {change.method: change for change in report.changes}["ddm"]
    assert (ddm.changed, ddm.why) == (None, "DDM takes errors of labels; this model answers numbers")
    with pytest.raises(InputError, match="a positive label for a model that answers numbers"):
        served.report(positive="bom")


def test_several_targets(tmp_path: Path) -> None:
    served = Served(tmp_path, Output(task="regression", names=("low", "high")))
    ids = served.serve([{"low": 1.0, "high": 2.0}] * 10 + [7.0])
    served.tell(ids, [{"low": 1.5, "high": 4.0}] * 9 + [{"low": 1.0}, 3.0], BEGAN + DAY)
    report = served.report()
    assert (report.rows, report.actuals) == (11, 11)
    assert value(report, "mae[low]") == pytest.approx(0.45)
    assert (value(report, "mae[high]"), report.metrics["mae[high]"].n) == (2.0, 9)
    assert served.report(since=BEGAN, until=BEGAN + HOUR, min_rows=100).metrics["mae[low]"].value is None


def test_rows_without_a_number_are_left_out(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    ids = served.serve([1.0, 2.0, None])
    served.tell(ids, [2.0, 2.0, 2.0], BEGAN + DAY)
    assert (value(served.report(), "mae"), served.report().metrics["mae"].n) == (0.5, 2)


def test_windows_by_themselves(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    served.serve([1.0] * 200, step=HOUR)
    report = served.report(since=BEGAN, until=BEGAN + 200 * HOUR, estimates=False)
    assert 6 <= len(report.windows) <= 60
    assert sum(window.rows for window in report.windows) == 200
    assert report.windows[0].since == BEGAN
    assert all(a.until == b.since for a, b in zip(report.windows, report.windows[1:], strict=False))
    with pytest.raises(InputError, match=r"at most 2,000 of them"):
        served.report(every=timedelta(seconds=1))
    with pytest.raises(InputError, match="longer than nothing"):
        served.report(every=timedelta())
    with pytest.raises(InputError, match="begins before its end"):
        served.report(since=BEGAN + 30 * DAY)


def test_rows_that_still_stand_in_the_journal_count(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    ids = closed(tmp_path, n=10)
    served.tell(ids[:4], ["bom", "bom", "bom", "ruim"], BEGAN + DAY)
    report = served.report(until=datetime(2100, 1, 1, tzinfo=UTC), segment="álcool=1", by=("100 %",))
    assert (report.rows, report.actuals, value(report, "accuracy")) == (1, 1, 1.0)
    assert list(report.segments) == ["100 %="]
    whole = served.report(until=datetime(2100, 1, 1, tzinfo=UTC))
    assert (whole.rows, whole.actuals, value(whole, "accuracy")) == (10, 4, 0.75)
    assert value(whole, "brier") == pytest.approx(sk.brier_score_loss([1, 1, 1, 0], [0.9] * 4) * 1)


def test_probabilities_that_are_none_are_left_out(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(300)
    shares[:20] = [1.5, -0.5]
    ids = served.serve(answers, probabilities=shares)
    served.tell(ids, truth, BEGAN + DAY)
    report = served.report()
    assert (report.metrics["accuracy"].n, report.metrics["log_loss"].n) == (300, 280)
    assert {each.metric: each for each in report.estimates}["accuracy"].estimated.n == 280


def test_a_bundle_s_metrics_are_the_baseline(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    assert served.report(baselines={1: {"mae": 0.5}}).baseline == {"mae": 0.5}


def test_actuals_by_key(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    ids = served.serve(["bom"] * 4)
    rows = served.lake.predictions.scan().collect().with_columns(key="k" + pl.col("id"))
    other = Served(tmp_path / "keyed", WINE)
    other.lake.predictions.append(rows)
    told = [Observed(None, f"k{id}", '"ruim"', "ruim") for id in ids[:2]]
    Actuals(other.lake).add("wine", Observations(told), BEGAN + 40 * DAY)
    report = other.report(since=BEGAN - HOUR)
    assert (report.rows, report.actuals, value(report, "accuracy")) == (4, 2, 0.0)


def test_of_many_predictions_a_sample_is_scored_and_all_are_counted(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(3000)
    inputs = [{"region": ("SP", "RJ")[i % 2]} for i in range(3000)]
    ids = served.serve(answers[:2000], probabilities=shares[:2000], inputs=inputs[:2000])
    began = BEGAN + timedelta(minutes=2000)
    ids += served.serve(answers[2000:], probabilities=shares[2000:], inputs=inputs[2000:], began=began)
    served.tell(ids[:2500], truth[:2500], BEGAN + 3 * DAY)
    asked = {"since": BEGAN, "until": BEGAN + 3 * DAY, "every": DAY, "by": ("region",)}
    whole, some = served.report(**asked), served.report(**asked, most_scored=1000)
    assert whole.sampled is None
    assert 900 < (some.sampled or 0) < 1100
    counts = [(each.since, each.rows, each.actuals, each.maturity) for each in whole.windows]
    assert [(each.since, each.rows, each.actuals, each.maturity) for each in some.windows] == counts
    assert (some.rows, some.actuals, some.maturity) == (3000, 2500, 2500 / 3000)
    assert some.metrics["accuracy"].n < 1000
    assert value(some, "accuracy") == pytest.approx(value(whole, "accuracy"), abs=0.05)
    assert sorted(some.segments) == ["region=RJ", "region=SP"]
    assert some == served.report(**asked, most_scored=1000)
    assert served.report(**asked, most_scored=3000) == whole


def test_a_sample_of_a_segment_is_taken_among_its_own_rows(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(2000)
    inputs = [{"region": "SP" if i % 10 else "Açores", "n": i % 4} for i in range(2000)]
    served.tell(served.serve(answers, probabilities=shares, inputs=inputs), truth, BEGAN + 3 * DAY)
    few = served.report(segment="region=Açores", most_scored=1000)
    assert (few.rows, few.actuals, few.sampled) == (200, 200, None)
    many = served.report(segment="n=1.0", most_scored=400)
    assert (many.rows, many.actuals) == (500, 500)
    assert 300 < (many.sampled or 0) < 500


def test_without_parts_the_whole_is_the_same(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(400)
    served.tell(served.serve(answers, probabilities=shares), truth, BEGAN + DAY)
    whole, bare = served.report(by=("alcohol",)), served.report(by=("alcohol",), parts=False)
    assert (bare.windows, bare.segments, bare.track_record) == ((), {}, ())
    assert (bare.metrics, bare.estimates, bare.changes) == (whole.metrics, whole.estimates, whole.changes)
    assert (bare.rows, bare.actuals, bare.sampled) == (400, 400, None)


def test_estimates_learn_from_the_newest_rows_however_many_files_are_before_them(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truth, shares = wine(900)
    for at in range(0, 900, 300):
        part = slice(at, at + 300)
        ids = served.serve(answers[part], probabilities=shares[part], began=BEGAN + at * timedelta(minutes=1))
        served.tell(ids, truth[part], BEGAN + 2 * DAY)
    wanted = Wanted(Scope(model="wine", until=BEGAN + 2 * DAY))
    found = newest_known(served.lake, Undrained(served.lake), wanted, WINE, 250)
    whole = joined(served.lake, Undrained(served.lake), wanted, WINE)
    assert found.equals(whole.tail(250))
    assert found["observed_at"].null_count() == 0


def test_what_is_estimated_of_a_window_does_not_depend_on_its_parts_nor_on_what_came_during_it(tmp_path: Path) -> None:
    served = Served(tmp_path, WINE)
    answers, truths, probabilities = wine(1200, seed=1)
    ids = served.serve(answers, began=BEGAN, probabilities=probabilities)
    late = BEGAN + 6 * DAY
    served.tell(ids[:300], truths[:300], BEGAN + 30 * HOUR, BEGAN + 30 * HOUR)
    served.tell(ids[300:], truths[300:], late, late)
    # From then on every answer is wrong, and that is soon known.
    since, step = BEGAN + 2 * DAY, timedelta(minutes=5)
    answers, _, probabilities = wine(1500, seed=2)
    ids = served.serve(answers, began=since, step=step, probabilities=probabilities)
    opposite = ["ruim" if answer == "bom" else "bom" for answer in answers]
    for at in range(0, 1500, 50):
        known = since + at * step + HOUR
        served.tell(ids[at : at + 50], opposite[at : at + 50], known, known)
    estimates = [
        served.report(since=since, until=since + 6 * DAY, parts=parts, every=12 * HOUR, changes=False).estimates
        for parts in (True, False)
    ]
    assert estimates[0] == estimates[1]
    accuracy = next(each.estimated.value for each in estimates[0] if each.metric == "accuracy")
    assert accuracy is not None
    assert accuracy > 0.65


def test_the_baseline_of_several_versions_is_that_of_the_rows_with_actuals(tmp_path: Path) -> None:
    served = Served(tmp_path, PRICE)
    old = served.serve([1.0] * 300, began=BEGAN, version=1)
    new = served.serve([1.0] * 200, began=BEGAN + DAY, version=2)
    promised = {2: {"mae": 0.1, "rmse": 0.2}, 1: {"mae": 0.5}}
    assert served.report(baselines=promised).baseline == {"mae": pytest.approx((300 * 0.5 + 200 * 0.1) / 500)}
    served.tell(old, [1.5] * 300, BEGAN + 2 * DAY)
    assert served.report(baselines=promised).baseline == {"mae": 0.5}
    served.tell(new[:100], [1.0] * 100, BEGAN + 2 * DAY)
    assert served.report(baselines=promised).baseline == {"mae": pytest.approx((300 * 0.5 + 100 * 0.1) / 400)}
    assert served.report(baselines=promised, since=BEGAN + 5 * DAY).baseline == {"mae": 0.1, "rmse": 0.2}
