"""Rules and dashboard are of the form that Prometheus and Grafana read, and use metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from garcom.cli import app
from garcom.http.metrics import Exposition
from garcom.monitoring.grafana import grafana_dashboard, queries
from garcom.monitoring.prometheus_rules import prometheus_rules
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import Telemetry
from tests.promtool import needs_promtool, promtool

#: prometheus.io/docs/prometheus/latest/configuration/alerting_rules, as a schema.
RULES_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {
        "groups": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "rules"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "rules": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["alert", "expr"],
                            "additionalProperties": False,
                            "properties": {
                                "alert": {"type": "string", "pattern": "^[A-Z][A-Za-z]+$"},
                                "expr": {"type": "string", "minLength": 1},
                                "for": {"type": "string", "pattern": "^[0-9]+[smhdw]$"},
                                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                                "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                            },
                        },
                    },
                },
            },
        }
    },
}


def expressions() -> list[str]:
    return [rule["expr"] for group in prometheus_rules()["groups"] for rule in group["rules"]] + queries()


def never(folder: Path, model: str, version: int) -> Predictor:
    raise AssertionError


@pytest.fixture(scope="module")
def exposed() -> dict[str, frozenset[str]]:
    """The labels of every series that /metrics can have, by its name."""
    runtime = Runtime(never, memory_budget_bytes=1, max_queued_rows=1)
    found: dict[str, frozenset[str]] = {}
    for family in Exposition(Telemetry().snapshot, runtime, Path("/nowhere")).collect():
        labels = frozenset(getattr(family, "_labelnames", ()))
        if family.type == "counter":
            found[f"{family.name}_total"] = labels
        elif family.type == "histogram":
            found |= {f"{family.name}_bucket": labels | {"le"}, f"{family.name}_sum": labels}
        else:
            found[family.name] = labels
    return found


@pytest.mark.parametrize("expression", expressions())
def test_every_series_of_a_query_is_exposed_with_its_labels(
    expression: str, exposed: dict[str, frozenset[str]]
) -> None:
    series = re.findall(r"(garcom_\w+)(?:\{([^}]*)\})?", expression)
    assert series
    for name, matchers in series:
        assert name in exposed, name
        assert set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", matchers)) <= exposed[name], expression
    grouped = {label for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(", ")}
    assert grouped <= frozenset.union(*(exposed[name] for name, _ in series)), expression
    for left, right in ("()", "{}", "[]"):
        assert expression.count(left) == expression.count(right), expression


def test_the_rules_are_alerting_rules() -> None:
    printed = CliRunner().invoke(app, ["prometheus-rules"])
    assert printed.exit_code == 0
    document = yaml.safe_load(printed.stdout)
    assert document == prometheus_rules()
    jsonschema.validate(document, RULES_SCHEMA)
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert {rule["labels"]["severity"] for rule in rules} == {"warning", "critical"}


@needs_promtool
def test_prometheus_takes_the_rules_and_the_dashboards_queries(tmp_path: Path) -> None:
    rules, recorded = tmp_path / "rules.yml", tmp_path / "queries.yml"
    rules.write_text(CliRunner().invoke(app, ["prometheus-rules"]).stdout)
    # Of queries it checks those of rules only; the variables stand where text or a length of time does.
    asked = [query.replace("$__rate_interval", "5m") for query in queries()]
    each = [{"record": f"query:{at}", "expr": query} for at, query in enumerate(asked)]
    recorded.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": each}]}))
    found = promtool("check", "rules", str(rules), str(recorded))
    assert re.findall(r"SUCCESS: (\d+) rules found", found) == [
        str(sum(len(group["rules"]) for group in prometheus_rules()["groups"])),
        str(len(asked)),
    ]


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    printed = CliRunner().invoke(app, ["grafana-dashboard"])
    assert printed.exit_code == 0
    document = json.loads(printed.stdout)
    assert document == grafana_dashboard()
    names = [variable["name"] for variable in document["templating"]["list"]]
    assert names == ["datasource", "model", "version", "metric"]
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert all(target["expr"] for target in panel["targets"])
    used = set(re.findall(r"\$(?:\{)?(\w+)", json.dumps(document))) - {"__rate_interval", "__all"}
    assert used == set(names)
