from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from garcom.monitoring.alerts.messages import Told
from garcom.monitoring.alerts.phrases import PHRASES, text, title

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told(rule: str = "quality", happened: Any = "firing", severity: Any = "critical", **more: Any) -> Told:
    line = "wine.accuracy < 0.8 over 24h critical"
    return Told(id=rule, rule=rule, text=line, happened=happened, severity=severity, model="wine", at=NOON, **more)


def test_the_languages_say_the_same_things() -> None:
    assert set(PHRASES["en"]) == set(PHRASES["pt"])
    for name, phrase in PHRASES["en"].items():
        assert phrase.count("{") == PHRASES["pt"][name].count("{")


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([told()], "wine: 1 alert, FIRING, critical"),
        ([told(happened="resolved"), told("b", "repeated", "info")], "wine: 2 alerts, STILL FIRING, info"),
        ([told(happened="resolved"), told("b", "resolved")], "wine: 2 alerts, RESOLVED"),
    ],
    ids=["one", "worst of those that go on", "over"],
)
def test_titles(alerts: list[Told], expected: str) -> None:
    assert title(alerts, "en") == expected


def test_the_text_tells_value_cause_and_rule() -> None:
    said = text(
        [told(value=0.712345, rows=9120, actuals=812, since=NOON, why="not enough rows: 1,200 of 5,000")], "pt", "m1"
    )
    assert said == (
        "DISPARADO (crítico) wine.accuracy < 0.8 over 24h critical\n"
        "valor 0,7123 (9.120 linhas, 812 com valor real)\n"
        "linhas insuficientes: 1.200 de 5.000\n"
        "desde 2026-11-21 12:00 UTC\n"
        "regra quality: wine.accuracy < 0.8 over 24h critical\n\n"
        "mensagem m1"
    )
