"""Whoever makes the reports, as those see it who ask for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport, Scope


class Reports(Protocol):
    """Reports over any window of a model, made from profiles and joined actuals.

    What cannot be said has its ``why`` in the report, as has what is of fewer than ``min_rows`` rows; InputError is for
    windows and segments that cannot be.
    """

    def drift(
        self, scope: Scope, *, reference: str | None = None, parts: bool = False, min_rows: int = 100
    ) -> DriftReport:
        """How far the data have moved from the reference (None: that which suits); with ``parts`` over time too."""
        ...

    def quality(self, scope: Scope, *, parts: bool = False, min_rows: int = 100) -> QualityReport:
        """What is wrong with the data; with ``parts`` over time too."""
        ...

    def performance(
        self,
        scope: Scope,
        *,
        every: timedelta | None = None,
        estimates: bool = True,
        changes: bool = True,
        parts: bool = True,
        min_rows: int = 100,
    ) -> PerformanceReport:
        """How good the answers were, over the whole window and in parts of it; what is not asked for is left out."""
        ...
