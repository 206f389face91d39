"""What monitoring says of a window, as JSON."""

from __future__ import annotations

import msgspec

from garcom.controller.messages import Reply, ShowDrift, ShowPerformance, ShowQuality
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport, Scope
from garcom.monitoring.reporting import Reports


class MonitorDesk:
    """Answers over the monitors of one home; its methods run in threads."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def answer(self, question: ShowDrift | ShowQuality | ShowPerformance) -> tuple[Reply, bytes]:
        """The report as JSON. Raises GarcomError."""
        return Reply(), msgspec.json.encode(self._report(question))

    def _report(
        self, question: ShowDrift | ShowQuality | ShowPerformance
    ) -> DriftReport | QualityReport | PerformanceReport:
        scope = msgspec.convert(question, Scope, from_attributes=True)
        match question:
            case ShowDrift():
                return self._reports.drift(scope, reference=question.reference, parts=question.parts)
            case ShowQuality():
                return self._reports.quality(scope, parts=question.parts)
            case ShowPerformance():
                return self._reports.performance(scope, every=question.every)
