from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from garcom.controller.gauging import WINDOW, gauge
from garcom.errors import ModelNotFound
from garcom.monitoring.prometheus import read_gauges
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport, Scope

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Monitors:
    """Knows of wine only."""

    def drift(self, model: str, *, reference: str | None, **scope: Any) -> DriftReport:
        if model != "wine":
            raise ModelNotFound(model)
        assert scope["until"] - scope["since"] == WINDOW
        told = Scope(model=model, **scope)
        return DriftReport(scope=told, reference="training", rows_reference=1, rows_current=1, drifted=False)

    def quality(self, model: str, **scope: Any) -> QualityReport:
        return QualityReport(scope=Scope(model=model, **scope), rows=0)

    def performance(
        self, model: str, *, every: Any, estimates: bool = True, changes: bool = True, parts: bool = True, **scope: Any
    ) -> PerformanceReport:
        assert estimates  # they are gauges of their own
        assert not changes  # these are not
        assert not parts
        told = Scope(model=model, **scope)
        return PerformanceReport(scope=told, task="regression", rows=1, actuals=0, maturity=0.0)


def test_each_model_that_answers_is_gauged_and_one_that_fails_is_left_out(tmp_path: Path) -> None:
    gauge(Monitors(), [("beer", 1), ("wine", 2)], [], tmp_path, NOW)
    found = read_gauges(tmp_path)
    assert found is not None
    assert found.ran_at == NOW.timestamp()
    assert [(each.model, each.version, each.drifted, each.label_maturity) for each in found.versions] == [
        ("wine", 2, False, 0.0)
    ]
