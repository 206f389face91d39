from __future__ import annotations

import msgspec
import pytest

from garcom.monitoring.records import Figure
from garcom.monitoring.report.checks import GROUPS, Check, Group, Outcome, checks, complaints
from garcom.monitoring.report.metrics import headlines, judged, split_metric
from tests.unit.monitoring.report.reports import ALERTS, BARE, EMPTY, HOSTILE, PERFORMANCE, RICH, figure

FOUND = {(check.group, check.name): check for check in checks(RICH)}


@pytest.mark.parametrize(
    ("group", "name", "outcome", "text"),
    [
        ("drift", "pH", "failed", "effect 0.41 (threshold 0.1), adjusted p < 0.0001, mean 3.19 → 3.6"),
        ("drift", "taste", "failed", "effect 0.22 (threshold 0.1), adjusted p < 0.0001"),
        ("drift", HOSTILE, "passed", "effect 0.05 (threshold 0.1), adjusted p 0.8000, mean 3.19 → 3.24"),
        ("drift", "prediction (prediction)", "passed", "effect 0.03 (threshold 0.1), adjusted p 0.4000"),
        ("drift", "sulphates", "skipped", "not enough rows: 12 of 100"),
        ("drift", "joint: pca", "failed", "2.31 (reference 1.87), p < 0.0001"),
        ("drift", "joint: domain_classifier", "skipped", "no reference rows are kept: pack with --data"),
        ("quality", "pH", "failed", "10 % of the values are missing, 0 % in the reference"),
        ("quality", "alcohol", "passed", ""),
        ("quality", "duplicates", "passed", ""),
        ("quality", "silence", "failed", "no row came for 3 hours, from 2026-11-16 02:00 UTC"),
        ("quality", "jump", "passed", ""),
        ("performance", "accuracy", "failed", "0.71 (0.68–0.74), baseline 0.800"),
        ("performance", "f1", "passed", "0.69 (0.65–0.73), baseline 0.700"),
        ("performance", "roc_auc", "skipped", "0.81 (0.79–0.83), no baseline"),
        ("performance", "log_loss", "failed", "0.55 (0.50–0.60), baseline 0.450"),
        ("performance", "business_value", "skipped", "no cost matrix was given"),
        ("performance", "concept: adwin", "failed", "the errors changed at 2026-11-17 07:00 UTC: mean 0.2 → 0.31"),
        ("performance", "concept: page_hinkley", "passed", ""),
        ("performance", "concept: kswin", "skipped", "not enough actuals: 812 of 1,000"),
        ("performance", "concept: window_test", "failed", "the errors changed: mean 0.22 → 0.33"),
        ("alerts", ALERTS[0].rule, "failed", "accuracy 0.71 over 24h"),
        ("alerts", ALERTS[1].rule, "passed", "no row for 3 hours"),
    ],
    ids=lambda value: None if value == HOSTILE else value,
)
def test_each_thing_is_checked(group: Group, name: str, outcome: Outcome, text: str) -> None:
    assert FOUND[group, name] == Check(group, name, outcome, text)


def test_an_estimate_is_checked_only_until_the_truth_is_there() -> None:
    assert not any(name.startswith("estimated") for _, name in FOUND)
    early = msgspec.structs.replace(PERFORMANCE, metrics={}, estimates=PERFORMANCE.estimates)
    found = {check.name: check for check in checks(msgspec.structs.replace(RICH, performance=early))}
    assert found["estimated accuracy"].outcome == "failed"
    assert found["estimated accuracy"].text == "0.74 (0.72–0.76), baseline 0.800"


def test_what_cannot_be_said_is_skipped_and_says_why() -> None:
    assert [(check.group, check.outcome, check.text) for check in checks(EMPTY)] == [
        ("drift", "skipped", "version 3 has no reference profile: pack it with --data"),
        ("quality", "skipped", "no row in this window"),
        ("performance", "skipped", "no actuals yet"),
    ]
    assert checks(BARE) == []


def test_a_gate_lets_nothing_through_that_it_could_not_look_at() -> None:
    assert complaints(checks(EMPTY), ["performance"]) == ["Nothing could be said of performance: no actuals yet."]
    assert complaints(checks(BARE), ["drift"]) == ["Nothing could be said of drift: there is nothing to check."]
    assert len(complaints(checks(RICH), ["drift"])) == 3
    assert len(complaints(checks(RICH), GROUPS)) == 3 + 3 + 4 + 1
    fine = [check for check in checks(RICH) if check.outcome != "failed"]
    assert complaints(fine, GROUPS) == []


@pytest.mark.parametrize(
    ("metric", "value", "baseline", "judgement"),
    [
        ("accuracy", figure(0.7), 0.8, "worse"),
        ("accuracy", figure(0.9), 0.8, "better"),
        ("accuracy", figure(0.78), 0.8, "same"),
        ("accuracy", figure(0.785, 0.001), 0.8, "same"),
        ("mae[price]", figure(12.0, 1.0), 10.0, "worse"),
        ("mae", figure(10.3, 0.1), 10.0, "same"),
        ("rmse", figure(8.0, 1.0), 10.0, "better"),
        ("bias", figure(8.0, 1.0), 0.0, None),
        ("accuracy", figure(0.7), None, None),
        ("accuracy", Figure(value=0.7), 0.8, None),
        ("accuracy", Figure(value=None, why="no actuals yet"), 0.8, None),
    ],
)  # fmt: skip
def test_worse_means_surely_and_by_enough(
    metric: str, value: Figure, baseline: float | None, judgement: str | None
) -> None:
    assert judged(metric, value, baseline) == judgement


def test_a_metric_may_be_of_one_target() -> None:
    assert split_metric("mae[a]b]") == ("mae", "a]b")
    assert split_metric("mae") == ("mae", None)
    assert headlines(["f1", "accuracy"]) == ["accuracy"]
    assert headlines(["bias[a]", "mae[a]", "mae[b]"]) == ["mae[a]", "mae[b]"]
    assert headlines(["bias"]) == ["bias"]
    assert headlines([]) == []
