from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from garcom.monitoring.prometheus import (
    GAUGES,
    MAX_COLUMNS,
    MonitorGauges,
    families,
    publish_gauges,
    read_gauges,
    version_gauges,
)
from garcom.monitoring.records import (
    AlertState,
    ColumnDrift,
    ColumnQuality,
    DriftReport,
    Estimate,
    Figure,
    PerformanceReport,
    QualityReport,
    Scope,
)

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
LABELS = ("model", "version", "column", "metric", "rule", "state")
SCOPE = Scope(model="wine", version=3)


def column(name: str, effect: float | None) -> ColumnDrift:
    return ColumnDrift(column=name, role="feature", kind="number", rows_reference=9, rows_current=9, effect=effect)


def drift(*columns: ColumnDrift, drifted: bool | None = True) -> DriftReport:
    return DriftReport(
        scope=SCOPE, reference="training", rows_reference=9, rows_current=9, columns=columns, drifted=drifted
    )


def alert(id: str, state: str) -> AlertState:
    return AlertState(
        id=id,
        rule="wine.accuracy < 0.8",
        text="",
        model="wine",
        severity="warning",
        state=state,  # type: ignore[arg-type]
        since=AT,
    )


QUALITY = QualityReport(
    scope=SCOPE,
    rows=8,
    columns=(
        ColumnQuality(column='p"H\n', kind="number", rows=8, missing=2),
        ColumnQuality(column="cor", kind="category", rows=0, missing=0),
    ),
)
PERFORMANCE = PerformanceReport(
    scope=SCOPE,
    task="classification",
    rows=8,
    actuals=4,
    maturity=0.5,
    metrics={"accuracy": Figure(value=0.75, n=4), "roc_auc": Figure(value=None, why="only one class")},
    estimates=(Estimate(metric="accuracy", method="cbpe", estimated=Figure(value=0.8)),),
)


def samples(found: MonitorGauges | None) -> dict[tuple[str, ...], float]:
    """What a scrape reads: name and label values, as Prometheus' own parser has them."""

    class Told(Collector):
        def collect(self) -> list[object]:  # type: ignore[override]
            return list(families(found))

    registry = CollectorRegistry()
    registry.register(Told())
    read = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (each.name, *(each.labels[name] for name in LABELS if name in each.labels)): each.value
        for family in read
        for each in family.samples
    }


def test_what_was_found_goes_through_the_file_to_the_scrape(tmp_path: Path) -> None:
    assert read_gauges(tmp_path) is None
    found = version_gauges(
        drift=drift(column("pH", 0.25), column("cor", None)), quality=QUALITY, performance=PERFORMANCE
    )
    publish_gauges(tmp_path, [found], [alert("1", "firing"), alert("2", "firing"), alert("3", "resolved")], AT)
    told = read_gauges(tmp_path)
    assert told is not None
    assert told.versions == (found,)
    assert samples(told) == {
        ("garcom_drifted", "wine", "3"): 1,
        ("garcom_drift_effect", "wine", "3", "pH"): 0.25,
        ("garcom_missing_share", "wine", "3", 'p"H\n'): 0.25,
        ("garcom_performance", "wine", "3", "accuracy"): 0.75,
        ("garcom_performance_estimated", "wine", "3", "accuracy"): 0.8,
        ("garcom_label_maturity", "wine", "3"): 0.5,
        ("garcom_alerts", "wine", "wine.accuracy < 0.8", "firing"): 2,
        ("garcom_alerts", "wine", "wine.accuracy < 0.8", "resolved"): 1,
        ("garcom_monitor_last_run_timestamp_seconds",): AT.timestamp(),
    }


def test_what_cannot_be_said_is_no_sample(tmp_path: Path) -> None:
    found = version_gauges(drift=drift(drifted=None))
    publish_gauges(tmp_path, [found], [], AT)
    assert samples(read_gauges(tmp_path)) == {("garcom_monitor_last_run_timestamp_seconds",): AT.timestamp()}
    assert samples(None) == {}
    with pytest.raises(ValueError, match="none"):
        version_gauges()


def test_columns_are_bounded_by_their_effect() -> None:
    columns = [column(f"c{at}", at / 1000) for at in range(3 * MAX_COLUMNS)]
    effects = version_gauges(drift=drift(*columns)).drift_effect
    assert len(effects) == MAX_COLUMNS
    assert min(effects.values()) == 2 * MAX_COLUMNS / 1000


def test_a_file_of_another_version_is_none(tmp_path: Path) -> None:
    (tmp_path / GAUGES).write_text('{"other": 1}')
    assert read_gauges(tmp_path) is None
