"""Keeps the lake quick and bounded: small files are put together, old rows dropped, and what nobody needs deleted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl

from garcom.errors import Conflict
from garcom.lake.schemas import day_of
from garcom.lake.snapshot import FileFacts
from garcom.lake.tables import Lake, Table
from garcom.settings import RetentionSettings
from garcom.storage.lock import locked

logger = logging.getLogger("garcom.lake")

#: A file with fewer rows is small, and put together with others up to about twice so many.
SMALL_ROWS = 250_000
#: A day is left alone until it has so many small files, so that rows are not written anew again and again.
MANY_FILES = 8


@dataclass
class Upkept:
    """What one run has done: small files put together, rows past their retention, files deleted for good."""

    n_compacted: int = 0
    n_expired_rows: int = 0
    n_deleted_files: int = 0


class Upkeep:
    """Looks after predictions and actuals. Works beside whatever reads and writes them.

    ``expired`` hears of the rows that were dropped: the table's name, and how many of each model.
    """

    def __init__(
        self,
        lake: Lake,
        retention: RetentionSettings,
        expired: Callable[[str, dict[str, int]], None] = lambda table, rows: None,
    ) -> None:
        self._lake = lake
        self._retention = retention
        self._expired = expired

    def run(self, now: datetime | None = None) -> Upkept:
        """Do what is due. What somebody else changes at the same time waits for the next run."""
        today = now or datetime.now(UTC)
        done = Upkept()
        # Whoever erases holds these locks, and nothing may be copied then.
        predictions, actuals = Spans.predictions(self._retention), Spans.actuals(self._retention)
        for name, table, retention, lock in (
            ("predictions", self._lake.predictions, predictions, self._lake.home / "journal" / "drain.lock"),
            ("actuals", self._lake.actuals, actuals, self._lake.home / "lake" / "actuals.lock"),
        ):
            if table.snapshot().version < 0:
                continue
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                rows = _expire(table, retention, today, lock)
                if rows:
                    self._expired(name, dict(rows))
                done.n_expired_rows += rows.total()
                done.n_compacted += compact(table, lock)
            except (Conflict, FileNotFoundError) as error:  # an erasure deletes what it replaces
                logger.info("upkeep gave way to another change", extra={"why": str(error)})
            done.n_deleted_files += len(table.vacuum())
            table.checkpoint()
        return done


@dataclass(frozen=True)
class Spans:
    """How many days rows are kept, of those that are named here and of all other models; None is for ever."""

    days: int | None
    models: dict[str, int | None]

    @classmethod
    def predictions(cls, settings: RetentionSettings) -> Spans:
        """Those of predictions."""
        return cls._of(settings.predictions, {name: model.predictions for name, model in settings.models.items()})

    @classmethod
    def actuals(cls, settings: RetentionSettings) -> Spans:
        """Those of actuals."""
        return cls._of(settings.actuals, {name: model.actuals for name, model in settings.models.items()})

    @classmethod
    def _of(cls, every: str, models: dict[str, str]) -> Spans:
        return cls(_days(every), {name: _days(span) for name, span in models.items() if span})

    def first_day(self, model: str, today: datetime) -> str:
        """The first day that is kept (``YYYY-MM-DD``), empty where all are."""
        days = self.models.get(model, self.days)
        return "" if days is None else day_of(today - timedelta(days=days))


def _days(span: str) -> int | None:
    return int(span.removesuffix("d")) if span else None


def _expire(table: Table, retention: Spans, today: datetime, lock: Path) -> Counter[str]:
    """Drop the files of days that are past; how many rows of each model they had."""
    with locked(lock):
        old = [file for file in table.files() if file.day < retention.first_day(file.model, today)]
        if old:
            table.replace(old, pl.DataFrame(schema=table.schema))
    rows: Counter[str] = Counter()
    for file in old:
        rows[file.model] += file.n_rows
    return rows


def compact(table: Table, lock: Path) -> int:
    """Put the small files of each partition together, sorted, and give the number of those that went."""
    n_files = 0
    for group in _groups(table.files()):
        with locked(lock):  # for one group only: a drain need not wait for all
            rows = table.snapshot().read(group).collect()
            table.replace(group, rows, same_rows=True)
        n_files += len(group)
    return n_files


def _groups(files: Sequence[FileFacts]) -> Iterator[list[FileFacts]]:
    """Small files of one partition that become one file, those with neighbouring ids together."""

    def partition(file: FileFacts) -> tuple[str, str]:
        return file.model, file.day

    small = [file for file in files if file.n_rows < SMALL_ROWS]
    for _, found in groupby(sorted(small, key=lambda file: (*partition(file), file.max_id or "")), partition):
        day = list(found)
        if len(day) < MANY_FILES:
            continue
        group: list[FileFacts] = []
        for file in day:
            group.append(file)
            if sum(one.n_rows for one in group) >= SMALL_ROWS:
                yield group
                group = []
        if len(group) > 1:
            yield group
