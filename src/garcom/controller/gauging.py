"""What monitoring finds of every model that answers, put where ``/metrics`` finds it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from garcom.controller.monitor_desk import Monitors
from garcom.errors import GarcomError
from garcom.monitoring.prometheus import VersionGauges, publish_gauges, version_gauges
from garcom.monitoring.records import AlertState

logger = logging.getLogger("garcom.controller")

#: The window that gauges are about.
WINDOW = timedelta(days=1)
#: Models that are told; the others are left out, so that one run ends.
MAX_MODELS = 200


def gauge(
    monitors: Monitors,
    answering: Iterable[tuple[str, int]],
    alerts: Iterable[AlertState],
    run_folder: Path,
    now: datetime,
) -> None:
    """Look at the last day of each model and the version that answers for it, and publish what was found.

    A model of which nothing can be said is left out, and the log says why. Raises OSError where it cannot be written.
    """
    found = [
        gauges for model, version in list(answering)[:MAX_MODELS] if (gauges := _of(monitors, model, version, now))
    ]
    publish_gauges(run_folder, found, alerts, now)


def _of(monitors: Monitors, model: str, version: int, now: datetime) -> VersionGauges | None:
    since = now - WINDOW
    try:
        return version_gauges(
            drift=monitors.drift(
                model, since=since, until=now, version=version, stage=None, segment=None, reference=None
            ),
            quality=monitors.quality(model, since=since, until=now, version=version, stage=None, segment=None),
            performance=monitors.performance(
                model,
                since=since,
                until=now,
                version=version,
                stage=None,
                segment=None,
                every=None,
                changes=False,
                parts=False,
            ),
        )
    except GarcomError as error:
        logger.warning("model cannot be gauged", extra={"model": model, "version": version, "why": str(error)})
        return None
