"""``garcom prometheus-rules``."""

from __future__ import annotations

import typer


def command() -> None:
    """Print alerting rules for Prometheus: errors, latency, silence, drift, lost accuracy, alerts that fire.

    They are YAML for its `rule_files`, and read the metrics of `GET /metrics`.

    Example: `garcom prometheus-rules > garcom.rules.yml`
    """
    import yaml

    from garcom.monitoring.prometheus_rules import prometheus_rules

    typer.echo(yaml.safe_dump(prometheus_rules(), sort_keys=False, allow_unicode=True, width=200), nl=False)
