"""``/metrics`` in Prometheus' text format, over all workers of this server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from garcom.journal.segment import closed_segments
from garcom.monitoring.prometheus import MonitorGauges, families
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import BUCKETS_S, Counts

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Exposition(Collector):
    """Collects the counts of all workers, the state of the one that is asked, and what waits in the journal folder.

    ``monitors`` gives what monitoring found last, None before it has run.
    """

    def __init__(
        self,
        counts: Callable[[], Counts],
        runtime: Runtime,
        journal: Path,
        monitors: Callable[[], MonitorGauges | None] = lambda: None,
    ) -> None:
        self._monitors = monitors
        self._counts = counts
        self._runtime = runtime
        self._journal = journal
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """The metrics as text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metric families; prometheus_client calls it."""
        counts = self._counts()
        requests = CounterMetricFamily(
            "garcom_requests", "Prediction requests by HTTP status.", labels=["model", "version", "status"]
        )
        rows = CounterMetricFamily("garcom_predictions", "Rows answered.", labels=["model", "version"])
        warned = CounterMetricFamily(
            "garcom_predictions_with_warnings", "Rows answered with a warning.", labels=["model", "version"]
        )
        logged = CounterMetricFamily(
            "garcom_logged_predictions", "Rows logged that were answered elsewhere.", labels=["model", "version"]
        )
        latency = HistogramMetricFamily(
            "garcom_request_seconds", "Time from the whole body to its answer.", labels=["model", "version"]
        )
        for key, version in sorted(counts.versions.items()):
            labels = list(key.rsplit(":", 1))
            for status, n in sorted(version.requests.items()):
                requests.add_metric([*labels, str(status)], n)
            rows.add_metric(labels, version.rows)
            warned.add_metric(labels, version.warned_rows)
            logged.add_metric(labels, version.logged_rows)
            latency.add_metric(labels, _cumulative(version.latency_buckets), version.latency_sum_s)
        refused = CounterMetricFamily(
            "garcom_refused_requests", "Prediction requests that reached no model, by status.", labels=["status"]
        )
        for status, n in sorted(counts.refused.items()):
            refused.add_metric([str(status)], n)
        unwritten = CounterMetricFamily(
            "garcom_journal_unwritten_rows", "Rows answered although the journal could not take them."
        )
        unwritten.add_metric([], counts.unwritten_rows)
        yield from (requests, rows, warned, logged, latency, refused, unwritten)
        yield from self._state()
        waiting = closed_segments(self._journal)
        yield GaugeMetricFamily(
            "garcom_journal_waiting_segments", "Closed segments that are not in the lake yet.", len(waiting)
        )
        yield from families(self._monitors())

    def _state(self) -> Iterator[Metric]:
        runtime = self._runtime
        yield GaugeMetricFamily(
            "garcom_plan_revision", "The revision of the traffic plan that this worker follows.", runtime.plan.revision
        )
        yield GaugeMetricFamily("garcom_models", "Registered models.", len(runtime.plan.models))
        queued = GaugeMetricFamily(
            "garcom_queued_rows", "Rows that wait for an engine in this worker.", labels=["model", "version"]
        )
        answering = GaugeMetricFamily(
            "garcom_version_answers", "1 for the version that answers.", labels=["model", "version"]
        )
        for slot in runtime.loaded():
            if slot.batcher is not None:
                queued.add_metric([slot.model, str(slot.version)], slot.batcher.queued_rows)
        for name, planned in runtime.plan.models.items():
            if planned.answers is not None:
                answering.add_metric([name, str(planned.answers)], 1)
        yield from (queued, answering)
        yield GaugeMetricFamily("garcom_worker_resident_bytes", "Memory of this worker.", _resident_bytes())


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, n in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
        total += n
        found.append((bound, float(total)))
    return found


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0  # no /proc on this system
    return pages * os.sysconf("SC_PAGE_SIZE")
