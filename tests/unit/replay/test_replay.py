from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from garcom.errors import Conflict, InputError, ModelNotFound, VersionNotFound
from garcom.lake.actuals import Actuals
from garcom.lake.drain import Drain
from garcom.lake.predictions import Wanted
from garcom.lake.tables import Lake
from garcom.model.signature import Field, FieldType
from garcom.observations import Observations, Observed
from garcom.registry import Registry
from garcom.registry.reference import parse_reference
from garcom.replay.records import Change, ReplayReport
from garcom.replay.replay import Candidate, replay
from tests.bundles import make_bundle
from tests.unit.replay.versions import X, grader, grades, journal, line, register


def run(home: Path, candidate: int = 2, against: int | None = 1, **options: Any) -> ReplayReport:
    other = None if against is None else Candidate("wine", against)
    return replay(Lake.open(home), Registry.open(home), Candidate("wine", candidate), other, **options)


def expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def observe(home: Path, ids: list[str], labels: list[str]) -> None:
    rows = [Observed(id, None, f'"{label}"', label) for id, label in zip(ids, labels, strict=True)]
    Actuals(Lake.open(home)).add("wine", Observations(rows))


@pytest.fixture
def graded(tmp_path: Path) -> list[str]:
    """Two graders, of 5 and of 6, and three rows that the first has answered; one is drained already."""
    register(tmp_path, grader(tmp_path / "a", 5.0), grader(tmp_path / "b", 6.0))
    first = journal(tmp_path, [[4.0]], ["bom"], probabilities=[[0.75, 0.25]])
    Drain(Lake.open(tmp_path)).run()
    others = journal(tmp_path, [[5.5], [7.5]], ["ruim", "ruim"], probabilities=[[0.4, 0.6], [0.1, 0.9]])
    return [*first, *others]


def test_a_candidate_beside_another_version(tmp_path: Path, graded: list[str]) -> None:
    report = run(tmp_path)
    assert (report.candidate, report.against, report.task) == ("wine:2", "wine:1", "classification")
    assert (report.rows, report.replayed, report.refused, report.too_few) == (3, 3, 0, True)
    assert (report.agreement.count, report.agreement.share) == (2, 2 / 3)
    assert report.changes == (Change(old="ruim", new="bom", rows=1, share=1 / 3),)
    assert report.n_changes == 1
    gaps = [expit(-1) - expit(-2), expit(0.5) - expit(-0.5), expit(2.5) - expit(1.5)]
    assert report.probabilities is not None
    assert report.probabilities.mean == pytest.approx(sum(gaps) / 3)
    assert report.probabilities.greatest == pytest.approx(gaps[1])
    assert report.probabilities.quantiles["p50"] == pytest.approx(sorted(gaps)[1])
    assert [row.id for row in report.most_different] == [graded[1], graded[0], graded[2]]
    assert [(row.old, row.new) for row in report.most_different] == [("ruim", "bom"), ("bom", "bom"), ("ruim", "ruim")]
    assert report.most_different[0].difference == pytest.approx(gaps[1])
    assert (report.values, report.truth, report.tolerance, report.refusals) == ((), None, None, ())
    assert [(each.of, each.rows_per_call) for each in report.latency] == [
        ("wine:2", 1), ("wine:2", 1024), ("wine:1", 1), ("wine:1", 1024),
    ]  # fmt: skip


def test_a_candidate_beside_what_was_answered_then(tmp_path: Path, graded: list[str]) -> None:
    report = run(tmp_path, against=None)
    assert (report.against, report.agreement.count) == ("log", 2)
    gaps = [abs(0.25 - expit(-2)), abs(0.6 - expit(-0.5)), abs(0.9 - expit(1.5))]
    assert report.probabilities is not None
    assert report.probabilities.greatest == pytest.approx(max(gaps))
    assert report.probabilities.mean == pytest.approx(sum(gaps) / 3)
    served = report.latency[-1]
    assert (served.of, served.rows_per_call, served.calls, served.p50_us) == ("log", None, 3, 412.0)


def test_both_are_held_against_the_truth(tmp_path: Path, graded: list[str]) -> None:
    observe(tmp_path, graded[1:], ["bom", "ruim"])
    truth = run(tmp_path).truth
    assert truth is not None
    assert truth.old is not None
    assert truth.new is not None
    assert (truth.rows, truth.old.share, truth.new.share, truth.fixed, truth.broken) == (2, 0.5, 1.0, 1, 0)


def test_the_rows_that_are_wanted(tmp_path: Path, graded: list[str]) -> None:
    journal(tmp_path, [[1.0]], ["bom"], version=2)
    journal(tmp_path, [[1.0]], ["bom"], version=2, role="shadow")
    assert run(tmp_path, limit=2).rows == 2
    assert run(tmp_path, wanted=Wanted(version=2)).rows == 1
    since = datetime.now(UTC) - timedelta(hours=1)
    assert run(tmp_path, wanted=Wanted(since=since)).rows == 4
    with pytest.raises(
        InputError, match=r"Expected predictions of wine:1 until 20.*and there are none.*garcom log wine"
    ):
        run(tmp_path, wanted=Wanted(until=since, version=1))


def test_many_rows_are_replayed_in_batches(tmp_path: Path) -> None:
    register(tmp_path, grader(tmp_path / "a", 5.0), grader(tmp_path / "b", 5.5))
    x = np.random.default_rng(0).uniform(0, 10, 2500)
    ids = journal(tmp_path, [[value] for value in x.tolist()], ["bom"] * 2500)
    seen: list[tuple[int, int]] = []
    report = run(tmp_path, progress=lambda done, rows: seen.append((done, rows)))
    assert seen == [(1024, 2500), (2048, 2500), (2500, 2500)]
    assert report.n_changes == int(((x > 5.0) & (x <= 5.5)).sum())
    assert report.agreement.count == 2500 - report.n_changes
    # The change is greatest halfway between the thresholds.
    nearest = np.argsort(np.abs(x - 5.25))[:20]
    assert [row.id for row in report.most_different] == [ids[i] for i in nearest]


def test_a_regression(tmp_path: Path) -> None:
    register(tmp_path, line(tmp_path / "a", [2.0]), line(tmp_path / "b", [2.02]))
    ids = journal(tmp_path, [[1.0], [-10.0], [0.0]], [2.0, -20.0, 0.0], task="regression", targets=["y"])
    Actuals(Lake.open(tmp_path)).add(
        "wine", Observations([Observed(ids[0], None, "3.02", value=3.02), Observed(ids[1], None, "-20", value=-20.0)])
    )
    report = run(tmp_path, tolerance=0.0101)
    assert (report.agreement.count, report.tolerance, report.n_changes, report.probabilities) == (3, 0.0101, 0, None)
    assert run(tmp_path, tolerance=0.0099).agreement.count == 1  # 0 is the same in both
    (found,) = report.values
    assert (found.name, found.difference.n, found.relative.n) == ("y", 3, 2)  # relative to 0 there is no difference
    assert found.difference.least == pytest.approx(-0.2)
    assert found.difference.greatest == pytest.approx(0.02)
    assert found.relative.quantiles["p50"] == pytest.approx(0.0)
    assert (found.relative.least, found.relative.greatest) == pytest.approx((-0.01, 0.01))
    assert found.correlation == pytest.approx(1.0)
    assert report.truth is not None
    (errors,) = report.truth.errors
    assert (errors.rows, report.truth.rows, report.truth.old) == (2, 2, None)
    assert (errors.old_mae, errors.new_mae) == pytest.approx((1.02 / 2, 1.2 / 2))
    assert (errors.old_rmse, errors.new_rmse) == pytest.approx((math.sqrt(1.02**2 / 2), math.sqrt(1.04 / 2)))
    assert next((row.id, row.old, row.new) for row in report.most_different) == (ids[1], -20.0, pytest.approx(-20.2))


def test_several_targets(tmp_path: Path) -> None:
    register(tmp_path, line(tmp_path / "a", [2.0, 1.0], ["y", "z"]), line(tmp_path / "b", [2.0, 3.0], ["y", "z"]))
    predictions = [{"y": 2.0, "z": 1.0}, {"y": 4.0, "z": 6.0}]
    ids = journal(tmp_path, [[1.0], [2.0]], predictions, task="regression", targets=["y", "z"])
    Actuals(Lake.open(tmp_path)).add("wine", Observations([Observed(ids[0], None, '{"z":3,"y":1}')]))
    report = run(tmp_path, against=None)
    assert report.agreement.count == 1
    assert [(each.name, each.difference.greatest) for each in report.values] == [("y", 0.0), ("z", 2.0)]
    assert report.truth is not None
    assert [(each.name, each.old_mae, each.new_mae) for each in report.truth.errors] == [
        ("y", 1.0, 1.0),
        ("z", 2.0, 0.0),
    ]
    assert [(row.old, row.new) for row in report.most_different] == [({"y": 2.0, "z": 1.0}, {"y": 2.0, "z": 3.0})]
    register(tmp_path, line(tmp_path / "c", [2.0, 1.0], ["u", "v"]))
    with pytest.raises(InputError, match="the same targets: wine:3 answers u, v, wine:1 y, z"):
        run(tmp_path, candidate=3)


def test_rows_that_the_candidate_cannot_take_are_counted_by_field(tmp_path: Path, graded: list[str]) -> None:
    register(tmp_path, grader(tmp_path / "c", 5.0, grades(X, Field(name="região", type=FieldType.STRING))))
    report = run(tmp_path, candidate=3)
    assert (report.rows, report.replayed, report.refused) == (3, 0, 3)
    (refusal,) = report.refusals
    assert (refusal.by, refusal.reason, refusal.field, refusal.rows) == ("wine:3", "missing field", "região", 3)
    assert report.agreement.share is None
    assert (report.latency, report.most_different, report.probabilities) == ((), (), None)
    back = run(tmp_path, candidate=1, against=3)
    assert [(each.by, each.reason, each.rows) for each in back.refusals] == [("wine:3", "missing field", 3)]


def test_rows_that_were_disguised_are_counted_by_field(tmp_path: Path) -> None:
    age = Field(name="age", type=FieldType.FLOAT, nullable=True, pii="drop")
    register(tmp_path, grader(tmp_path / "a", 5.0, grades(X, age)), grader(tmp_path / "b", 6.0, grades(X, age)))
    journal(tmp_path, [[4.0, None], [5.0, None]], ["bom", "bom"], fields=["x", "age"])
    report = run(tmp_path)
    assert [(each.by, each.reason, each.field, each.rows) for each in report.refusals] == [
        ("log", "disguised", "age", 2)
    ]
    Registry.open(tmp_path).remove("wine:1", force=True)  # then what is known of the others has to do
    assert [each.reason for each in run(tmp_path, against=None).refusals] == ["disguised"]


def test_rows_without_an_answer_of_the_model_do_not_take_others_with_them(tmp_path: Path) -> None:
    x = Field(name="x", type=FieldType.FLOAT, nullable=True)
    register(tmp_path, grader(tmp_path / "a", 5.0, grades(x)), grader(tmp_path / "b", 6.0, grades(x)))
    journal(tmp_path, [[4.0], [None], [5.5], [7.0], [None]], ["bom"] * 5)
    for against in (1, None):
        report = run(tmp_path, against=against)
        assert (report.replayed, report.refused) == (3, 2)
        (refusal,) = report.refusals
        assert (refusal.by, refusal.reason, refusal.rows) == ("wine:2", "no answer", 2)
    assert run(tmp_path).n_changes == 1


def test_answers_of_another_form_are_counted(tmp_path: Path, graded: list[str]) -> None:
    journal(tmp_path, [[1.0]], [3.5], task="regression", targets=["y"], version=9)
    report = run(tmp_path, against=None)
    assert (report.replayed, report.refused) == (3, 1)
    assert [(each.by, each.reason) for each in report.refusals] == [("log", "other answer")]
    assert run(tmp_path).replayed == 4


def test_versions_that_do_not_do_the_same_are_refused(tmp_path: Path, graded: list[str]) -> None:
    register(tmp_path, line(tmp_path / "c", [2.0]))
    with pytest.raises(InputError, match="wine:3 is for regression, wine:1 for classification"):
        run(tmp_path, candidate=3)


def test_versions_and_models_that_are_none(tmp_path: Path, graded: list[str]) -> None:
    with pytest.raises(VersionNotFound, match="wine:1, wine:2"):
        run(tmp_path, candidate=7)
    with pytest.raises(VersionNotFound):
        run(tmp_path, against=7)
    with pytest.raises(ModelNotFound):
        replay(Lake.open(tmp_path), Registry.open(tmp_path), Candidate("beer", 1))
    with pytest.raises(InputError, match="Expected a version, as in wine:2, got 'wine'"):
        Candidate.named(parse_reference("wine"))


def test_a_python_engine_has_to_be_allowed(tmp_path: Path, graded: list[str]) -> None:
    register(tmp_path, make_bundle(tmp_path / "python", engine="python", signature=grades(X)))
    with pytest.raises(Conflict, match="--allow-python"):
        run(tmp_path, candidate=3)


def test_the_report_is_json_that_can_be_read_again(tmp_path: Path, graded: list[str]) -> None:
    report = run(tmp_path)
    assert msgspec.json.decode(msgspec.json.encode(report), type=ReplayReport) == report
