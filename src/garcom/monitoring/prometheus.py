"""What monitoring found last, as gauges for Prometheus.

The controller evaluates and writes one small file into the run folder; whichever worker is asked for ``/metrics`` reads
it. It holds a bounded number of series, however many columns a model has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from prometheus_client.core import GaugeMetricFamily

from garcom.monitoring.records import AlertState, DriftReport, PerformanceReport, QualityReport
from garcom.run_folder import publish_json

#: The file in the run folder.
GAUGES = "monitors.json"
#: Columns of a version that are told, those of the greatest effect first.
MAX_COLUMNS = 200
#: Metrics of a version that are told; several targets have several of each.
MAX_METRICS = 100

STATES = ("pending", "firing", "resolved")


class VersionGauges(msgspec.Struct, frozen=True, kw_only=True):
    """The last evaluation of one version (None: of all versions together); what could not be said is not there."""

    model: str
    version: int | None = None
    drifted: bool | None = None
    drift_effect: dict[str, float] = {}
    missing_share: dict[str, float] = {}
    performance: dict[str, float] = {}
    performance_estimated: dict[str, float] = {}
    label_maturity: float | None = None


class AlertCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts of a rule are in a state."""

    model: str
    rule: str
    state: str
    count: int


class MonitorGauges(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found when monitors ran last, at ``ran_at`` (seconds since 1970)."""

    ran_at: float
    versions: tuple[VersionGauges, ...] = ()
    alerts: tuple[AlertCount, ...] = ()


def version_gauges(
    *,
    drift: DriftReport | None = None,
    quality: QualityReport | None = None,
    performance: PerformanceReport | None = None,
) -> VersionGauges:
    """The gauges of the reports that there are, which are about one scope. Raises ValueError without any report."""
    scopes = [report.scope for report in (drift, quality, performance) if report is not None]
    if not scopes:
        raise ValueError("expected a report of drift, quality or performance, got none")
    effects = {} if drift is None else {column.column: column.effect for column in drift.columns}
    missing = {}
    if quality is not None:
        missing = {each.column: each.missing / each.rows for each in quality.columns if each.rows}
    metrics: dict[str, float | None] = {}
    estimates: dict[str, float | None] = {}
    if performance is not None:
        metrics = {name: figure.value for name, figure in performance.metrics.items()}
        estimates = {each.metric: each.estimated.value for each in performance.estimates}
    return VersionGauges(
        model=scopes[0].model,
        version=scopes[0].version,
        drifted=None if drift is None else drift.drifted,
        drift_effect=_greatest(effects, MAX_COLUMNS),
        missing_share=_greatest(missing, MAX_COLUMNS),
        performance=_first(metrics, MAX_METRICS),
        performance_estimated=_first(estimates, MAX_METRICS),
        label_maturity=None if performance is None else performance.maturity,
    )


def alert_counts(alerts: Iterable[AlertState]) -> tuple[AlertCount, ...]:
    """The alerts by model, rule and state."""
    counted = Counter((alert.model, alert.rule, alert.state) for alert in alerts)
    return tuple(
        AlertCount(model=model, rule=rule, state=state, count=n) for (model, rule, state), n in sorted(counted.items())
    )


def publish_gauges(
    run_folder: Path, versions: Iterable[VersionGauges], alerts: Iterable[AlertState], at: datetime
) -> None:
    """Put what was found at that moment into the run folder; a reader sees all of it or what was there before."""
    found = MonitorGauges(ran_at=at.astimezone(UTC).timestamp(), versions=tuple(versions), alerts=alert_counts(alerts))
    publish_json(run_folder / GAUGES, found)


def read_gauges(run_folder: Path) -> MonitorGauges | None:
    """What was published last; None where monitors have not run yet, or the file is none of this version."""
    try:
        return msgspec.json.decode((run_folder / GAUGES).read_bytes(), type=MonitorGauges)
    except (OSError, msgspec.DecodeError):
        return None


def families(found: MonitorGauges | None) -> list[GaugeMetricFamily]:
    """The metric families, in which a version that is None is the empty text; without samples before the first run."""
    drifted = GaugeMetricFamily("garcom_drifted", "1 where the data have drifted.", labels=["model", "version"])
    effect = GaugeMetricFamily(
        "garcom_drift_effect", "How far a column has moved, 0 to 1.", labels=["model", "version", "column"]
    )
    missing = GaugeMetricFamily(
        "garcom_missing_share", "The share of missing values, 0 to 1.", labels=["model", "version", "column"]
    )
    real = GaugeMetricFamily(
        "garcom_performance", "A metric of the answers, from actuals.", labels=["model", "version", "metric"]
    )
    estimated = GaugeMetricFamily(
        "garcom_performance_estimated", "What a metric is thought to be.", labels=["model", "version", "metric"]
    )
    maturity = GaugeMetricFamily(
        "garcom_label_maturity", "The share of predictions with their actual.", labels=["model", "version"]
    )
    alerts = GaugeMetricFamily("garcom_alerts", "Alerts of a rule by state.", labels=["model", "rule", "state"])
    ran = GaugeMetricFamily(
        "garcom_monitor_last_run_timestamp_seconds", "When the monitors ran last, in seconds since 1970."
    )
    if found is not None:
        ran.add_metric([], found.ran_at)
        for each in found.versions:
            labels = [each.model, "" if each.version is None else str(each.version)]
            if each.drifted is not None:
                drifted.add_metric(labels, each.drifted)
            if each.label_maturity is not None:
                maturity.add_metric(labels, each.label_maturity)
            for family, values in (
                (effect, each.drift_effect),
                (missing, each.missing_share),
                (real, each.performance),
                (estimated, each.performance_estimated),
            ):
                for name, value in values.items():
                    family.add_metric([*labels, name], value)
        for count in found.alerts:
            alerts.add_metric([count.model, count.rule, count.state], count.count)
    return [drifted, effect, missing, real, estimated, maturity, alerts, ran]


def _greatest(values: Mapping[str, float | None], most: int) -> dict[str, float]:
    there = [(name, value) for name, value in values.items() if value is not None and value == value]
    return dict(sorted(there, key=lambda pair: (-pair[1], pair[0]))[:most])


def _first(values: Mapping[str, float | None], most: int) -> dict[str, float]:
    there = [(name, value) for name, value in values.items() if value is not None and value == value]
    return dict(there[:most])
