from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from garcom.controller.gauging import WINDOW, gauge
from garcom.errors import ModelNotFound
from garcom.monitoring.prometheus import read_gauges
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport, Scope

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Reports:
    """Knows of wine only."""

    def drift(self, scope: Scope, **asked: Any) -> DriftReport:
        if scope.model != "wine":
            raise ModelNotFound(scope.model)
        assert (scope.since, scope.until) == (NOW - WINDOW, NOW)
        return DriftReport(scope=scope, reference="training", rows_reference=1, rows_current=1, drifted=False)

    def quality(self, scope: Scope, **asked: Any) -> QualityReport:
        return QualityReport(scope=scope, rows=0)

    def performance(
        self, scope: Scope, *, estimates: bool = True, changes: bool = True, parts: bool = True, **asked: Any
    ) -> PerformanceReport:
        assert estimates  # they are gauges of their own
        assert not changes  # these are not
        assert not parts
        return PerformanceReport(scope=scope, task="regression", rows=1, actuals=0, maturity=0.0)


def test_each_model_that_answers_is_gauged_and_one_that_fails_is_left_out(tmp_path: Path) -> None:
    gauge(Reports(), [("beer", 1), ("wine", 2)], [], tmp_path, NOW)
    found = read_gauges(tmp_path)
    assert found is not None
    assert found.ran_at == NOW.timestamp()
    assert [(each.model, each.version, each.drifted, each.label_maturity) for each in found.versions] == [
        ("wine", 2, False, 0.0)
    ]
