"""Questions about a window reach the monitors as they were asked, and reports come back as JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from garcom.controller.messages import (
    MonitoringQuestion,
    ShowDrift,
    ShowPerformance,
    ShowQuality,
    decode_question,
    encode,
)
from garcom.controller.monitor_desk import MonitorDesk
from garcom.errors import InputError
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport, Scope

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
WINDOW: dict[str, Any] = {"since": SINCE, "until": UNTIL, "version": 2, "stage": "stable", "segment": "cor=tinto"}


class Told:
    """Monitors that tell what they were asked."""

    def drift(
        self, scope: Scope, *, reference: str | None = None, parts: bool = False, min_rows: int = 100
    ) -> DriftReport:
        assert reference == "seasonal"
        assert parts
        return DriftReport(scope=scope, reference="seasonal", rows_reference=0, rows_current=0, why="no rows")

    def quality(self, scope: Scope, *, parts: bool = False, min_rows: int = 100) -> QualityReport:
        if scope.model == "none":
            raise InputError("There is none.")
        assert parts
        return QualityReport(scope=scope, rows=3)

    def performance(self, scope: Scope, *, every: timedelta | None = None, **asked: Any) -> PerformanceReport:
        assert every == timedelta(hours=6)
        return PerformanceReport(scope=scope, task="classification", rows=3, actuals=0, maturity=None)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        pytest.param(ShowDrift(model="wine", **WINDOW, reference="seasonal", parts=True), DriftReport, id="drift"),
        pytest.param(ShowQuality(model="wine", **WINDOW, parts=True), QualityReport, id="quality"),
        pytest.param(ShowPerformance(model="wine", **WINDOW, every=timedelta(hours=6)), PerformanceReport, id="perf"),
    ],
)
def test_what_is_asked_arrives_and_the_report_comes_back(question: MonitoringQuestion, kind: Any) -> None:
    sent = decode_question(encode(question))
    assert sent == question
    reply, answer = MonitorDesk(Told()).answer(question)
    assert reply.media_type == "application/json"
    assert msgspec.json.decode(answer, type=kind).scope == Scope(model="wine", **WINDOW)


def test_what_monitors_refuse_is_refused() -> None:
    with pytest.raises(InputError):
        MonitorDesk(Told()).answer(ShowQuality(model="none"))
