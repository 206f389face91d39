"""Counts and latencies of the data plane, kept as plain numbers: the hot path adds, a scrape reads."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

import msgspec

#: Upper bounds of the latency histogram, in seconds.
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class VersionCounts(msgspec.Struct):
    """What one version of a model has served."""

    rows: int = 0
    warned_rows: int = 0
    requests: dict[int, int] = {}
    latency_buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    latency_sum_s: float = 0.0
    #: Rows that something else has answered, and that were logged here.
    logged_rows: int = 0

    def refuse(self, status: int) -> None:
        """Count a request that was answered with an error."""
        self.requests[status] = self.requests.get(status, 0) + 1

    def add(self, status: int, n_rows: int, n_warned: int, seconds: float) -> None:
        """Count a request that was served."""
        self.requests[status] = self.requests.get(status, 0) + 1
        self.rows += n_rows
        self.warned_rows += n_warned
        self.latency_buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.latency_sum_s += seconds

    def merge(self, other: VersionCounts) -> None:
        """Add another worker's counts."""
        self.rows += other.rows
        self.warned_rows += other.warned_rows
        self.logged_rows += other.logged_rows
        for status, n in other.requests.items():
            self.requests[status] = self.requests.get(status, 0) + n
        self.latency_buckets = [a + b for a, b in zip(self.latency_buckets, other.latency_buckets, strict=True)]
        self.latency_sum_s += other.latency_sum_s


class Counts(msgspec.Struct):
    """A worker's counts, as it shares them with its siblings. Keys of ``versions`` are ``model:number``."""

    versions: dict[str, VersionCounts] = {}
    refused: dict[int, int] = {}
    unwritten_rows: int = 0

    def merge(self, other: Counts) -> None:
        """Add another worker's counts."""
        for key, counts in other.versions.items():
            self.versions.setdefault(key, VersionCounts()).merge(counts)
        for status, n in other.refused.items():
            self.refused[status] = self.refused.get(status, 0) + n
        self.unwritten_rows += other.unwritten_rows


class Telemetry:
    """The counts of this worker."""

    def __init__(self) -> None:
        self._versions: defaultdict[tuple[str, int], VersionCounts] = defaultdict(VersionCounts)
        self._refused: dict[int, int] = {}
        self._unwritten_rows = 0

    def version(self, model: str, version: int) -> VersionCounts:
        """The counts of a version, to add to."""
        return self._versions[model, version]

    def refuse(self, status: int) -> None:
        """Count a request that reached no version."""
        self._refused[status] = self._refused.get(status, 0) + 1

    def add_unwritten(self, n_rows: int) -> None:
        """Count rows that were answered although the journal could not take them."""
        self._unwritten_rows += n_rows

    def snapshot(self) -> Counts:
        """The counts as they are now."""
        versions = {f"{model}:{number}": counts for (model, number), counts in self._versions.items()}
        return Counts(versions, self._refused, self._unwritten_rows)
