"""What monitoring finds of every model that answers, put where ``/metrics`` finds it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from garcom.errors import GarcomError
from garcom.monitoring.prometheus import VersionGauges, publish_gauges, version_gauges
from garcom.monitoring.records import AlertState, Scope
from garcom.monitoring.reporting import Reports

logger = logging.getLogger("garcom.controller")

#: The window that gauges are about.
WINDOW = timedelta(days=1)
#: Models that are told; the others are left out, so that one run ends.
MAX_MODELS = 200


def gauge(
    reports: Reports,
    answering: Iterable[tuple[str, int]],
    alerts: Iterable[AlertState],
    run_folder: Path,
    now: datetime,
) -> None:
    """Look at the last day of each model and the version that answers for it, and publish what was found.

    A model of which nothing can be said is left out, and the log says why. Raises OSError where it cannot be written.
    """
    found = [gauges for model, version in list(answering)[:MAX_MODELS] if (gauges := _of(reports, model, version, now))]
    publish_gauges(run_folder, found, alerts, now)


def _of(reports: Reports, model: str, version: int, now: datetime) -> VersionGauges | None:
    scope = Scope(model=model, version=version, since=now - WINDOW, until=now)
    try:
        return version_gauges(
            drift=reports.drift(scope),
            quality=reports.quality(scope),
            performance=reports.performance(scope, changes=False, parts=False),
        )
    except GarcomError as error:
        logger.warning("model cannot be gauged", extra={"model": model, "version": version, "why": str(error)})
        return None
