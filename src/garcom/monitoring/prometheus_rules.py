"""Alerting rules for Prometheus, over the metrics of ``/metrics``."""

from __future__ import annotations

from typing import Any, NamedTuple


class _Rule(NamedTuple):
    name: str
    expression: str
    lasting: str
    severity: str
    summary: str


_OF_MODEL = "sum by (model) "
_RULES: dict[str, tuple[_Rule, ...]] = {
    "garcom-serving": (
        _Rule("GarcomDown", "absent(garcom_plan_revision)", "2m", "critical", "No Garçom server answers the scrape."),
        _Rule(
            "GarcomErrors",
            f'{_OF_MODEL}(rate(garcom_requests_total{{status=~"5.."}}[5m]))'
            f" / {_OF_MODEL}(rate(garcom_requests_total[5m])) > 0.01",
            "5m",
            "critical",
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.model }} fail.",
        ),
        _Rule(
            "GarcomRefusals",
            f'{_OF_MODEL}(rate(garcom_requests_total{{status="422"}}[15m]))'
            f" / {_OF_MODEL}(rate(garcom_requests_total[15m])) > 0.05",
            "15m",
            "warning",
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.model }} do not fit its signature.",
        ),
        _Rule(
            "GarcomSlow",
            "histogram_quantile(0.99, sum by (model, le) (rate(garcom_request_seconds_bucket[5m]))) > 0.5",
            "10m",
            "warning",
            "One request to {{ $labels.model }} in a hundred takes longer than {{ $value | humanizeDuration }}.",
        ),
        _Rule(
            "GarcomSilent",
            f"{_OF_MODEL}(rate(garcom_predictions_total[30m]) + rate(garcom_logged_predictions_total[30m])) == 0"
            f" and {_OF_MODEL}(rate(garcom_predictions_total[1d]) + rate(garcom_logged_predictions_total[1d])) > 0",
            "30m",
            "warning",
            "{{ $labels.model }} has predicted within the last day, and nothing in the last half hour.",
        ),
        _Rule(
            "GarcomNotWritten",
            "increase(garcom_journal_unwritten_rows_total[10m]) > 0",
            "0m",
            "critical",
            "{{ $value | humanize }} predictions were answered without being written down.",
        ),
        _Rule(
            "GarcomNotDrained",
            "garcom_journal_waiting_segments > 20",
            "15m",
            "warning",
            "{{ $value | humanize }} segments of the journal wait for the lake.",
        ),
    ),
    "garcom-models": (
        _Rule(
            "GarcomDrift",
            "garcom_drifted == 1",
            "30m",
            "warning",
            "The data of {{ $labels.model }} (version {{ $labels.version }}) have drifted.",
        ),
        _Rule(
            "GarcomMissingValues",
            "garcom_missing_share > 0.5",
            "30m",
            "warning",
            "{{ $value | humanizePercentage }} of {{ $labels.column }} of {{ $labels.model }} are missing.",
        ),
        _Rule(
            "GarcomAccuracyLost",
            'max by (model, version) (garcom_performance_estimated{metric="accuracy"})'
            ' < 0.9 * max by (model, version) (max_over_time(garcom_performance{metric="accuracy"}[30d]))',
            "1h",
            "warning",
            "{{ $labels.model }} is thought to have lost a tenth of the best accuracy of the last 30 days.",
        ),
        _Rule(
            "GarcomAlert",
            'garcom_alerts{state="firing"} > 0',
            "0m",
            "warning",
            "Rule {{ $labels.rule }} of {{ $labels.model }} fires.",
        ),
        _Rule(
            "GarcomMonitorsStopped",
            "time() - garcom_monitor_last_run_timestamp_seconds > 7200",
            "10m",
            "critical",
            "The monitors have not run for {{ $value | humanizeDuration }}.",
        ),
    ),
}


def prometheus_rules() -> dict[str, Any]:
    """The rules as the document that Prometheus reads (``rule_files``), ready to be written as YAML."""
    return {
        "groups": [{"name": name, "rules": [_told(rule) for rule in rules]} for name, rules in _RULES.items()],
    }


def _told(rule: _Rule) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "for": rule.lasting,
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary},
    }
