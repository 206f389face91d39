"""A dashboard for Grafana, over the metrics of ``/metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Grafana's grid has so many columns; a panel is so high.
_COLUMNS, _HEIGHT = 24, 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_CHOSEN = 'model=~"$model", version=~"$version"'
_MODEL = 'model=~"$model"'
#: What is chosen, over the span that suits the resolution of the picture.
_PER = f"{{{_CHOSEN}}}[$__rate_interval]"

#: A panel: its title, its unit, what it says, and its queries with their legends.
_Panel = tuple[str, str, str, Sequence[tuple[str, str]]]
_ROWS: tuple[tuple[str, tuple[_Panel, ...]], ...] = (
    (
        "Traffic",
        (
            (
                "Predictions",
                "reqps",
                "Rows per second: answered here, and logged from elsewhere.",
                (
                    (
                        f"sum by (model, version) (rate(garcom_predictions_total{_PER}))",
                        "{{model}} {{version}}",
                    ),
                    (
                        f"sum by (model, version) (rate(garcom_logged_predictions_total{_PER}))",
                        "{{model}} {{version}}, elsewhere",
                    ),
                ),
            ),
            (
                "Errors",
                "percentunit",
                "The share of requests that were not answered, by status.",
                (
                    (
                        f'sum by (model, status) (rate(garcom_requests_total{{{_CHOSEN}, status!="200"}}'
                        "[$__rate_interval]))"
                        f" / ignoring (status) group_left () sum by (model) (rate(garcom_requests_total{_PER}))",
                        "{{model}} {{status}}",
                    ),
                ),
            ),
            (
                "Latency",
                "s",
                "Half of the requests are faster than the lower line, 99 in a hundred than the upper one.",
                tuple(
                    (
                        f"histogram_quantile({share}, sum by (model, le) (rate(garcom_request_seconds_bucket{_PER})))",
                        f"{{{{model}}}} {name}",
                    )
                    for share, name in ((0.5, "median"), (0.99, "99 %"))
                ),
            ),
        ),
    ),
    (
        "Data",
        (
            (
                "Drift",
                "percentunit",
                "How far each column has moved from the reference, 0 to 1; the ten that moved most.",
                (
                    (
                        f"topk(10, max by (model, version, column) (garcom_drift_effect{{{_CHOSEN}}}))",
                        "{{column}} ({{model}} {{version}})",
                    ),
                ),
            ),
            (
                "Drifted",
                "bool_yes_no",
                "Whether the change is significant, and large enough to matter.",
                ((f"max by (model, version) (garcom_drifted{{{_CHOSEN}}})", "{{model}} {{version}}"),),
            ),
            (
                "Missing values",
                "percentunit",
                "The share of missing values; the ten columns that lack most.",
                (
                    (
                        f"topk(10, max by (model, version, column) (garcom_missing_share{{{_CHOSEN}}}))",
                        "{{column}} ({{model}} {{version}})",
                    ),
                ),
            ),
            (
                "Outside of what was trained",
                "percentunit",
                "The share of rows with a warning: values out of range, or categories never seen.",
                (
                    (
                        f"sum by (model) (rate(garcom_predictions_with_warnings_total{_PER}))"
                        f" / sum by (model) (rate(garcom_predictions_total{_PER}))",
                        "{{model}}",
                    ),
                ),
            ),
        ),
    ),
    (
        "Performance",
        (
            (
                "Performance, and what it is thought to be",
                "none",
                "Metrics from actuals, and estimates where the truth has not come yet.",
                (
                    (
                        f'max by (model, version, metric) (garcom_performance{{{_CHOSEN}, metric=~"$metric"}})',
                        "{{metric}} ({{model}} {{version}})",
                    ),
                    (
                        "max by (model, version, metric) (garcom_performance_estimated"
                        f'{{{_CHOSEN}, metric=~"$metric"}})',
                        "{{metric}}, estimated ({{model}} {{version}})",
                    ),
                ),
            ),
            (
                "Label maturity",
                "percentunit",
                "The share of predictions of the window whose actual has come.",
                ((f"max by (model, version) (garcom_label_maturity{{{_CHOSEN}}})", "{{model}} {{version}}"),),
            ),
            (
                "Alerts",
                "none",
                "Alerts that are firing or pending, by rule.",
                (
                    (
                        f'max by (model, rule, state) (garcom_alerts{{{_MODEL}, state!="resolved"}})',
                        "{{rule}} {{state}} ({{model}})",
                    ),
                ),
            ),
        ),
    ),
    (
        "Server",
        (
            (
                "Waiting",
                "none",
                "Rows that wait for an engine, and segments of the journal that wait for the lake.",
                (
                    (f"sum by (model) (garcom_queued_rows{{{_MODEL}}})", "rows of {{model}}"),
                    ("max(garcom_journal_waiting_segments)", "segments"),
                ),
            ),
            (
                "Memory",
                "bytes",
                "Memory of the worker that was asked.",
                (("garcom_worker_resident_bytes", "{{instance}}"),),
            ),
            (
                "Since the monitors ran",
                "s",
                "How long ago drift, quality and performance were looked at.",
                (("time() - max(garcom_monitor_last_run_timestamp_seconds)", "ago"),),
            ),
        ),
    ),
)


def grafana_dashboard() -> dict[str, Any]:
    """The dashboard as the document that Grafana imports; it asks which Prometheus to read."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in _ROWS:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"h": 1, "w": _COLUMNS, "x": 0, "y": y},
            }
        )
        y += 1
        width = _COLUMNS // len(row)
        for at, panel in enumerate(row):
            place = {"h": _HEIGHT, "w": width, "x": at * width, "y": y}
            panels.append(_panel(len(panels) + 1, place, *panel))
        y += _HEIGHT
    return {
        "uid": "garcom-models",
        "title": "Garçom: models",
        "tags": ["garcom", "models"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": panels,
    }


def queries() -> list[str]:
    """Every query of the dashboard."""
    return [query for _, row in _ROWS for *_, asked in row for query, _ in asked]


def _panel(
    number: int, place: dict[str, int], title: str, unit: str, text: str, asked: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    limits = {"min": 0, "max": 1} if unit in ("percentunit", "bool_yes_no") else {}
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "description": text,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "custom": {"spanNulls": True}} | limits, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "editorMode": "code",
                "range": True,
                "expr": query,
                "legendFormat": legend,
            }
            for at, (query, legend) in enumerate(asked)
        ],
    }


def _variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {},
    }
    return [
        source,
        _variable("model", "Model", "label_values(garcom_version_answers, model)"),
        _variable("version", "Version", f"label_values(garcom_predictions_total{{{_MODEL}}}, version)"),
        _variable("metric", "Metric", f"label_values(garcom_performance{{{_MODEL}}}, metric)"),
    ]


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    """A choice of several values, all of them at first; an empty version is that of all versions together."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }
