from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from garcom.monitoring.alerts.parsing import parse_rule
from garcom.monitoring.alerts.readings import Asked, Reading
from garcom.monitoring.alerts.report_readings import ReportReadings, performance_reading
from garcom.monitoring.alerts.rule import Rule
from garcom.monitoring.alerts.subjects import KINDS
from garcom.monitoring.records import (
    ColumnDrift,
    ColumnQuality,
    ConceptChange,
    DriftReport,
    Estimate,
    Figure,
    JointDrift,
    Measure,
    PerformanceReport,
    QualityReport,
    Scope,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SCOPE = Scope(model="wine")


def about(value: float) -> Any:
    return pytest.approx(value)


def column(name: str, effect: float | None, drifted: bool | None, role: Any = "feature", **more: Any) -> ColumnDrift:
    return ColumnDrift(
        column=name,
        role=role,
        kind="number",
        rows_reference=900,
        rows_current=700,
        effect=effect,
        drifted=drifted,
        **more,
    )


DRIFT = DriftReport(
    scope=SCOPE,
    reference="training",
    rows_reference=900,
    rows_current=800,
    columns=(
        column("pH", 0.4, True, measures=(Measure(name="population_stability", value=0.3),)),
        column("alcohol", 0.1, False),
        column("sulphates", None, None, why="not enough rows: 12 of 100"),
        column("prediction", 0.25, True, "prediction"),
    ),
    joint=(
        JointDrift(method="pca", value=3.0, effect=0.5, drifted=True),
        JointDrift(method="domain_classifier", value=0.5, effect=0.9, drifted=False),
    ),
)
PERFORMANCE = PerformanceReport(
    scope=SCOPE,
    task="binary",
    rows=800,
    actuals=300,
    maturity=0.375,
    metrics={
        "accuracy": Figure(value=0.7, low=0.66, high=0.72),
        "roc_auc": Figure(value=None, why="only one class among the actuals"),
        "mae[price]": Figure(value=2.0),
    },
    baseline={"accuracy": 0.9},
    estimates=(Estimate(metric="accuracy", method="cbpe", estimated=Figure(value=0.81, low=0.8, high=0.81)),),
    changes=(
        ConceptChange(method="adwin", changed=True),
        ConceptChange(method="ddm", changed=False),
        ConceptChange(method="kswin", changed=None, why="too few"),
    ),
)
QUALITY = QualityReport(
    scope=SCOPE,
    rows=200,
    columns=(
        ColumnQuality(column="pH", kind="number", rows=200, missing=60, missing_reference=0.25, out_of_range=20),
        ColumnQuality(column="region", kind="category", rows=200, missing=20, unseen=40, type_failures=2),
    ),
    duplicates=Figure(value=0.5),
    last_row=NOON - timedelta(hours=6),
)


class Reports:
    def __init__(self, quality: QualityReport = QUALITY) -> None:
        self.quality_report = quality
        self.asked: list[Any] = []

    def drift(self, scope: Scope, **needs: Any) -> DriftReport:
        self.asked.append((scope, needs))
        return DRIFT

    def quality(self, scope: Scope, **needs: Any) -> QualityReport:
        self.asked.append((scope, needs))
        return self.quality_report

    def performance(self, scope: Scope, **needs: Any) -> PerformanceReport:
        self.asked.append((scope, needs))
        return PERFORMANCE


def scope_of(rule: Rule) -> Scope:
    return Scope(model="wine", segment=rule.segment, since=NOON - rule.span, until=NOON)


def read(subject: str, reports: Reports | None = None) -> Reading:
    rule = parse_rule(f"wine.{subject} > 0.5")
    readings = ReportReadings(reports or Reports())
    return readings.read(Asked(rule.subject, scope_of(rule)))


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("drift", Reading(0.5, 800)),
        ("drift.pH", Reading(0.4, 700)),
        ("drift.prediction", Reading(0.25, 700)),
        ("drift.sulphates", Reading(None, 700, 0, "not enough rows: 12 of 100")),
        ("drift.gone", Reading(None, 800, 0, "no column gone")),
        ("psi.pH", Reading(0.3, 700)),
        ("ks.pH", Reading(None, 700, 0, "ks is not for this kind of column")),
        ("joint_drift", Reading(0.5, 800)),
        ("accuracy", Reading(0.7, 800, 300)),
        ("roc_auc", Reading(None, 800, 300, "only one class among the actuals")),
        ("rmse", Reading(None, 800, 300, "no such metric: rmse")),
        ("mae.price", Reading(2.0, 800, 300)),
        ("estimated_accuracy", Reading(0.81, 800, 300)),
        ("estimated_mae", Reading(None, 800, 300, "no such estimate: mae")),
        ("decay", Reading(about(0.2), 800, 300)),
        ("estimated_decay", Reading(about(0.1), 800, 300)),
        ("concept_change", Reading(1.0, 800, 300)),
        ("maturity", Reading(0.375, 800, 300)),
        ("missing", Reading(about(0.1), 200)),
        ("missing.pH", Reading(0.3, 200)),
        ("unseen", Reading(0.2, 200)),
        ("unseen.pH", Reading(None, 200, 0, "unseen is not for this kind of column")),
        ("out_of_range", Reading(0.1, 200)),
        ("type_failures", Reading(0.01, 200)),
        ("duplicates", Reading(0.5, 200)),
        ("rows", Reading(200.0, 200)),
        ("silence", Reading(6.0, 200)),
    ],
)
def test_what_is_read(subject: str, expected: Reading) -> None:
    assert read(subject) == expected


def test_every_subject_of_an_empty_window_says_why_or_that_there_is_nothing() -> None:
    class Empty(Reports):
        def drift(self, scope: Scope, **needs: Any) -> DriftReport:
            return DriftReport(scope=SCOPE, reference="training", rows_reference=0, rows_current=0, why="no profile")

        def performance(self, scope: Scope, **needs: Any) -> PerformanceReport:
            return PerformanceReport(scope=SCOPE, task="binary", rows=0, actuals=0, maturity=None, why="no rows")

    for name, kind in KINDS.items():
        found = read(f"{name}.pH" if kind.column == "must" else name, Empty(QualityReport(scope=SCOPE, rows=0)))
        assert found.value is None or (name == "rows" and found.value == 0)
        assert found.value is not None or found.why


def test_silence_is_measured_from_before_the_window() -> None:
    class Quiet(Reports):
        def quality(self, scope: Scope, **needs: Any) -> QualityReport:
            last = NOON - timedelta(days=9) if scope.since and scope.since < NOON - timedelta(days=9) else None
            return QualityReport(scope=SCOPE, rows=0, last_row=last)

    assert read("silence", Quiet()) == Reading(216.0, 0)
    never = Reports(QualityReport(scope=SCOPE, rows=0))
    assert read("silence", never) == Reading(None, 0, 0, "no row has come yet")


def test_rows_that_nobody_counted_are_not_none() -> None:
    uncounted = Reports(QualityReport(scope=SCOPE, rows=0, why="wine:1 has no reference profile"))
    assert read("rows", uncounted) == Reading(None, 0, 0, "wine:1 has no reference profile")


@pytest.mark.parametrize(
    ("subjects", "estimates", "changes"),
    [
        (["decay"], False, False),
        (["estimated_decay", "accuracy"], True, False),
        (["concept_change", "decay"], False, True),
        (["accuracy", "estimated_accuracy", "concept_change"], True, True),
    ],
)
def test_only_what_the_rules_need_is_calculated_and_once(subjects: list[str], estimates: bool, changes: bool) -> None:
    reports = Reports()
    readings = ReportReadings(reports)
    asked = [Asked(rule.subject, scope_of(rule)) for name in subjects if (rule := parse_rule(f"*.{name} > 1"))]
    readings.expect(asked)
    for each in asked:
        readings.read(each)
    needed = {"estimates": estimates, "changes": changes, "parts": False}
    assert [{name: needs[name] for name in needed} for _, needs in reports.asked] == [needed]


def test_what_nobody_expected_is_read_all_the_same() -> None:
    reports = Reports()
    readings = ReportReadings(reports)
    for name in ("decay", "concept_change", "decay"):
        rule = parse_rule(f"*.{name} > 1")
        readings.read(Asked(rule.subject, scope_of(rule)))
    assert [needs["changes"] for _, needs in reports.asked] == [False, True]


def test_rules_about_the_same_window_share_a_report() -> None:
    reports = Reports()
    readings = ReportReadings(reports)
    for text in ("wine.accuracy < 1", "wine.roc_auc < 1", "wine.accuracy < 1 [region=SP]"):
        rule = parse_rule(text)
        readings.read(Asked(rule.subject, scope_of(rule)))
    assert [scope.segment for scope, _ in reports.asked] == [None, "region=SP"]


def targets(metrics: dict[str, Figure], baseline: dict[str, float], **more: Any) -> PerformanceReport:
    return PerformanceReport(
        scope=SCOPE,
        task="regression",
        rows=800,
        actuals=300,
        maturity=0.375,
        metrics=metrics,
        estimates=tuple(Estimate(metric=name, method="error_model", estimated=each) for name, each in metrics.items()),
        baseline=baseline,
        **more,
    )


PRICE, DAYS, NONE = Figure(value=2.4, low=2.2, high=2.6), Figure(value=3.0, low=2.7, high=3.3), Figure(value=None)


@pytest.mark.parametrize(
    ("metrics", "baseline", "expected"),
    [
        ({"mae[price]": PRICE, "mae[days]": DAYS}, {"mae[price]": 2.0, "mae[days]": 3.0}, about(0.1)),
        ({"mae[price]": PRICE, "mae[days]": DAYS}, {"mae[price]": 2.2, "mae[days]": 1.8}, about(0.5)),
        ({"mae[price]": PRICE, "mae[days]": DAYS}, {"mae[price]": 2.0, "mae": 0.1}, about(0.1)),
        ({"mae[price]": PRICE, "mae[days]": NONE}, {"mae[price]": 2.0, "mae[days]": 1.0}, about(0.1)),
        ({"mae[price]": PRICE, "rmse[price]": DAYS}, {"rmse[price]": 1.8}, about(0.5)),
        ({"mae[price]": PRICE}, {}, "the bundle has no mae[price] to compare with"),
        ({"mae[price]": Figure(value=None, why="too few")}, {"mae[price]": 2.0}, "too few"),
        ({"mae[price]": NONE}, {"mae[price]": 2.0}, "mae[price] is not defined for these rows"),
    ],
)
@pytest.mark.parametrize("subject", ["decay", "estimated_decay"])
def test_of_several_targets_the_worst_tells_how_much_was_lost(
    subject: str, metrics: dict[str, Figure], baseline: dict[str, float], expected: Any
) -> None:
    found = performance_reading(parse_rule(f"wine.{subject} > 0.5").subject, targets(metrics, baseline))
    assert (found.why if found.value is None else found.value) == expected


@pytest.mark.parametrize(
    ("subject", "more", "why"),
    [
        ("decay", {}, "neither accuracy, mae nor rmse is measured"),
        ("estimated_decay", {}, "nothing estimates accuracy, mae or rmse"),
        ("decay", {"why": "the lake has none"}, "the lake has none"),
    ],
)
def test_a_decay_without_metrics_says_the_true_reason(subject: str, more: dict[str, str], why: str) -> None:
    found = performance_reading(parse_rule(f"wine.{subject} > 0.5").subject, targets({}, {}, **more))
    assert (found.value, found.why) == (None, why)
