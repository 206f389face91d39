"""``garcom grafana-dashboard``."""

from __future__ import annotations

import json

import typer


def command() -> None:
    """Print a dashboard for Grafana: traffic, errors, latency, drift, quality, performance with estimates, alerts.

    It is JSON to be imported, or put where Grafana's provisioning looks, and reads the metrics of `GET /metrics`.

    Example: `garcom grafana-dashboard > garcom.json`
    """
    from garcom.monitoring.grafana import grafana_dashboard

    typer.echo(json.dumps(grafana_dashboard(), ensure_ascii=False, indent=2))
