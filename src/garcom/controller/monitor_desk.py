"""What monitoring says of a window, as JSON."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from garcom.controller.messages import MonitorQuestion, Reply, ShowDrift, ShowPerformance, ShowQuality
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport


class Monitors(Protocol):
    """Reports over any window of a model, made from profiles and joined actuals.

    ``since`` is included, ``until`` is not; ``stage`` is the role that answered, ``segment`` is ``field=value``. What
    cannot be said has its ``why`` in the report; InputError is for windows and segments that cannot be.
    """

    def drift(
        self,
        model: str,
        *,
        since: datetime | None,
        until: datetime | None,
        version: int | None,
        stage: str | None,
        segment: str | None,
        reference: str | None,
    ) -> DriftReport:
        """How far the data have moved from the reference (None: that which suits)."""

    def quality(
        self,
        model: str,
        *,
        since: datetime | None,
        until: datetime | None,
        version: int | None,
        stage: str | None,
        segment: str | None,
    ) -> QualityReport:
        """What is wrong with the data."""

    def performance(
        self,
        model: str,
        *,
        since: datetime | None,
        until: datetime | None,
        version: int | None,
        stage: str | None,
        segment: str | None,
        every: timedelta | None,
        estimates: bool = True,
        changes: bool = True,
        parts: bool = True,
    ) -> PerformanceReport:
        """How good the answers were, over the whole window and in parts of it."""


class MonitorDesk:
    """Answers over the monitors of one home; its methods run in threads."""

    def __init__(self, monitors: Monitors) -> None:
        self._monitors = monitors

    def answer(self, question: ShowDrift | ShowQuality | ShowPerformance) -> tuple[Reply, bytes]:
        """The report as JSON. Raises GarcomError."""
        return Reply(), msgspec.json.encode(self._report(question))

    def _report(
        self, question: ShowDrift | ShowQuality | ShowPerformance
    ) -> DriftReport | QualityReport | PerformanceReport:
        scope = {name: getattr(question, name) for name in MonitorQuestion.__struct_fields__ if name != "model"}
        match question:
            case ShowDrift():
                return self._monitors.drift(question.model, **scope, reference=question.reference)
            case ShowQuality():
                return self._monitors.quality(question.model, **scope)
            case ShowPerformance():
                return self._monitors.performance(question.model, **scope, every=question.every)
