"""The counters of one machine: rates in the run folder, daily quotas in the home folder, to outlive a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from garcom.access.measures import Measure
from garcom.access.shared_table import SharedTable
from garcom.access.windows import (
    QUOTA_LANE_WORDS,
    QUOTA_STAMPS,
    WINDOW_LANE_WORDS,
    WINDOW_STAMPS,
    Counter,
    DailyQuota,
    Window,
)

logger = logging.getLogger("garcom.access")

#: So many rates are counted together by all workers at a time; those past it are counted in each worker alone.
N_RATES = 2048
N_QUOTAS = 1024
#: Processes that can count in one home folder; their number may change between two starts, the file may not.
QUOTA_LANES = 256


class LocalCounters:
    """Counters by their measures; the files are opened when the first is wanted."""

    def __init__(
        self,
        run_folder: Path,
        home: Path,
        workers: int,
        clock: Callable[[], int] = time.monotonic_ns,
        calendar: Callable[[], int] = time.time_ns,
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._run_folder = run_folder
        self._quotas_folder = home / "limits"
        # One more, for the moment in which a worker has ended and the next has begun.
        self._rate_lanes = workers + 1
        self._rates: SharedTable | None = None
        self._quotas: SharedTable | None = None
        self._counters: dict[str, Counter] = {}

    def counter(self, measure: Measure) -> Counter:
        """What counts the measure; the same for the same key, with the amount of now."""
        counter = self._counters.get(measure.key)
        if counter is None:
            counter = self._counters[measure.key] = self._made(measure)
        counter.amount = measure.amount
        return counter

    def forget(self) -> None:
        """Free the memory of counters; the files keep what was counted."""
        self._counters = {}

    def close(self) -> None:
        """Close the files."""
        self.forget()
        for table in (self._rates, self._quotas):
            if table is not None:
                table.close()
        self._rates = self._quotas = None

    def _made(self, measure: Measure) -> Counter:
        if measure.daily:
            if self._quotas is None:
                self._quotas = _opened(
                    self._quotas_folder / "days-1.table", N_QUOTAS, QUOTA_LANES, QUOTA_LANE_WORDS, QUOTA_STAMPS
                )
            return DailyQuota(self._quotas, measure.key, measure.amount, self._calendar)
        if self._rates is None:
            path = self._run_folder / "rates.table"
            self._rates = _opened(path, N_RATES, self._rate_lanes, WINDOW_LANE_WORDS, WINDOW_STAMPS)
        return Window(self._rates, measure.key, measure.amount, measure.span_s, self._clock)


def _opened(path: Path, n_records: int, n_lanes: int, lane_words: int, stamps: slice) -> SharedTable:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return SharedTable(path, n_records=n_records, n_lanes=n_lanes, lane_words=lane_words, stamps=stamps)
    except OSError as error:
        logger.error(
            "limits cannot be counted together; each worker counts by itself", extra={"path": path, "why": str(error)}
        )
        return SharedTable(None, n_records=n_records, n_lanes=1, lane_words=lane_words, stamps=stamps)
