from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from garcom.http.metrics import Exposition
from garcom.journal.segment import CLOSED, OPEN, SegmentName
from garcom.rollout.plan import ModelPlan, TrafficPlan
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import BUCKETS_S, Telemetry

Sample = tuple[str, tuple[tuple[str, str], ...]]


def never(folder: Path, model: str, version: int) -> Predictor:
    raise AssertionError("metrics need no engine")


def samples(exposition: Exposition) -> dict[Sample, float]:
    families = text_string_to_metric_families(exposition.text().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_was_counted_is_exposed(tmp_path: Path) -> None:
    runtime = Runtime(never, memory_budget_bytes=1, max_queued_rows=1)
    planned = {"wine": ModelPlan(answers=2, versions={1: "a", 2: "b"}), "none": ModelPlan(answers=None, versions={})}
    runtime.plan = TrafficPlan(revision=7, default="wine", models=planned, bundles="")
    telemetry = Telemetry()
    counts = telemetry.version("wine", 2)
    counts.add(200, 3, 1, 0.0007)
    counts.add(200, 1, 0, 99.0)
    counts.refuse(422)
    telemetry.refuse(404)
    telemetry.add_unwritten(3)
    (tmp_path / f"{SegmentName('01a', 1)}{CLOSED}").touch()
    (tmp_path / f"{SegmentName('01a', 2)}{OPEN}").touch()
    found = samples(Exposition(telemetry.snapshot, runtime, tmp_path))
    wine = (("model", "wine"), ("version", "2"))
    assert found["garcom_requests_total", (("model", "wine"), ("status", "200"), ("version", "2"))] == 2
    assert found["garcom_requests_total", (("model", "wine"), ("status", "422"), ("version", "2"))] == 1
    assert found["garcom_predictions_total", wine] == 4
    assert found["garcom_predictions_with_warnings_total", wine] == 1
    assert found["garcom_refused_requests_total", (("status", "404"),)] == 1
    assert found["garcom_request_seconds_count", wine] == 2
    assert found["garcom_request_seconds_sum", wine] == 99.0007
    buckets = [found["garcom_request_seconds_bucket", (("le", str(bound)), *wine)] for bound in BUCKETS_S]
    assert buckets == [0.0] + [1.0] * (len(BUCKETS_S) - 1)  # cumulative
    assert found["garcom_request_seconds_bucket", (("le", "+Inf"), *wine)] == 2
    assert found["garcom_plan_revision", ()] == 7
    assert found["garcom_models", ()] == 2
    assert found["garcom_journal_unwritten_rows_total", ()] == 3
    assert found["garcom_journal_waiting_segments", ()] == 1
    assert found["garcom_version_answers", wine] == 1
    assert found["garcom_worker_resident_bytes", ()] > 1e6
