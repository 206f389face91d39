"""The Delta tables of the lake: appended to, read by partition and id, and rewritten file by file.

A commit names files that are on the disk already, and is on the disk itself when the call returns. What replaces
files commits only on the version that it has read, and begins anew when another commit came first; an append commits
whatever else is going on, except that a number of a writer is never committed twice.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from garcom.errors import Conflict, LakeUnavailable
from garcom.lake.place import Place
from garcom.lake.schemas import ACTUALS, PREDICTIONS
from garcom.lake.snapshot import FileFacts, Snapshot, facts
from garcom.lake.torn import clear_torn

logger = logging.getLogger("garcom.lake")

#: So many commits are read one by one when a table is opened; then a checkpoint sums them up.
CHECKPOINT_COMMITS = 50
#: A file that is not committed after so long never will be: its writer has died.
UNCOMMITTED_HOURS = 1
#: How often a commit is tried that others overtake.
ATTEMPTS = 20
#: Statistics of these columns alone may stand in the log: it outlives the erasure of a subject.
STATISTICS = ("id", "time", "version")
CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
}
#: Checkpoints are made here, where they are made durable too.
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


class Table:
    """A Delta table, made when it is first appended to. Safe across threads.

    Columns of the partition stand in the files too, so that each file can be read on its own.
    """

    def __init__(
        self,
        place: Place,
        schema: pl.Schema,
        *,
        partition_by: Sequence[str] = (),
        sort_by: Sequence[str] = (),
        statistics: Sequence[str] = STATISTICS,
    ) -> None:
        self.place = place
        self.schema = schema
        self.partition_by = tuple(partition_by)
        self.sort_by = tuple(sort_by)
        self.statistics = tuple(name for name in statistics if name in schema)
        self._lock = threading.RLock()
        self._table: DeltaTable | None = None
        self._snapshot = Snapshot(place, schema)

    def snapshot(self, writers: Iterable[str] = ()) -> Snapshot:
        """The table as it is now, with the last numbers of these writers."""
        with self._lock:
            table = self._refresh()
            if table is None:
                return Snapshot(self.place, self.schema)
            if table.version() != self._snapshot.version:
                files = facts(table, self.partition_by)
                self._snapshot = Snapshot(self.place, self.schema, table.version(), files)
            known = {writer: table.transaction_version(writer) for writer in writers}
            transactions = {writer: number for writer, number in known.items() if number is not None}
            return Snapshot(self.place, self.schema, table.version(), self._snapshot.all_files, transactions)

    def transaction(self, app_id: str) -> int | None:
        """The number that was last committed for this writer."""
        return self.snapshot([app_id]).transactions.get(app_id)

    def scan(
        self,
        *,
        model: str | None = None,
        days: tuple[str, str] | None = None,
        ids: tuple[str, str] | None = None,
    ) -> pl.LazyFrame:
        """The rows of a model, of some days, with ids in a range (first and last, both included)."""
        return self.snapshot().scan(model=model, days=days, ids=ids)

    def files(
        self,
        *,
        model: str | None = None,
        days: tuple[str, str] | None = None,
        ids: tuple[str, str] | None = None,
    ) -> list[FileFacts]:
        """The files in which such rows can stand, newest ids first."""
        return self.snapshot().files(model=model, days=days, ids=ids)

    def append(
        self, frame: pl.DataFrame, transactions: Mapping[str, int] | None = None, *, seen: Snapshot | None = None
    ) -> None:
        """Add rows, and record the numbers of their writers in the same commit.

        Raises Conflict, and adds nothing, when the table holds such a number of one of the writers already, or one
        that it did not hold in the snapshot which was ``seen``.
        """
        numbers = dict(transactions or {})
        if frame.is_empty() and not numbers:
            return
        adds = self.write(frame)

        def not_yet(snapshot: Snapshot) -> None:
            for writer, number in numbers.items():
                last = snapshot.transactions.get(writer, -1)
                if last >= number or (seen is not None and last > seen.transactions.get(writer, -1)):
                    raise Conflict(
                        f"Expected segment {number} of {writer} to be new, but the lake holds up to {last} already."
                    )

        try:
            self._commit(adds, [], not_yet, numbers, retries=None)
        except BaseException:
            # Or a disk on which commits fail would be filled by the attempts. A store may still be committing.
            if self.place.folder is not None and not self._holds(adds, []):
                self._discard(adds)
            raise

    def replace(self, old: Sequence[FileFacts], rows: pl.DataFrame, *, same_rows: bool = False) -> None:
        """Put rows in the place of files, in one commit. ``same_rows`` says that only their arrangement changes.

        Raises Conflict, and changes nothing, when one of the files has been replaced by somebody else.
        """
        paths = {file.path for file in old}
        now = _now_ms()
        removes = [RemoveAction(f.path, not same_rows, now, f.size_bytes, dict(f.partition)) for f in old]

        def still_there(snapshot: Snapshot) -> None:
            if gone := paths - {file.path for file in snapshot.all_files}:
                raise Conflict(
                    f"Expected to replace {len(old)} files of the lake, but {len(gone)} are gone. Try again."
                )

        still_there(self.snapshot())
        adds = self.write(rows, data_change=not same_rows)
        if adds or removes:
            try:
                # Without retries of its own delta-rs commits on the version that was checked, or not at all.
                self._commit(adds, removes, still_there, {}, retries=0)
            except Conflict:
                self._discard(adds)  # they may hold rows that somebody else has just erased
                raise

    def rewrite(self, keep: pl.Expr, files: Sequence[FileFacts] | None = None) -> int:
        """Drop the rows for which ``keep`` is not true, file by file, and give their number.

        The old files stay readable until :meth:`vacuum`. The log tells nothing of the expression.
        """
        n_dropped = 0
        snapshot = self.snapshot()
        for file in snapshot.all_files if files is None else files:
            kept = keep.fill_null(False)
            n = snapshot.read([file]).select((~kept).sum()).collect().item()
            if n:
                self.replace([file], snapshot.read([file]).filter(kept).collect())
                n_dropped += n
        return n_dropped

    def vacuum(self, retention_hours: float = 1.0) -> list[str]:
        """Delete the files that no version of the last hours needs, and those that were never committed.

        The latter are left for an hour in any case: they may be about to be committed.
        """
        hours = math.ceil(retention_hours)
        with self._lock:
            deleted = self._vacuum(hours, full=False) if hours < UNCOMMITTED_HOURS else []
            return deleted + self._vacuum(max(hours, UNCOMMITTED_HOURS), full=True)

    def _vacuum(self, hours: int, *, full: bool) -> list[str]:
        table = self._refresh()
        # A vacuum is two commits even if it deletes nothing.
        if table is None or not table.vacuum(hours, enforce_retention_duration=False, full=full):
            return []
        return table.vacuum(
            hours,
            dry_run=False,
            enforce_retention_duration=False,
            full=full,
            post_commithook_properties=_NO_HOOKS,
        )

    def make_durable(self) -> None:
        """Make the last commits durable, which may be those of somebody who died before doing it."""
        with self._lock:
            table = self._refresh()
            if table is not None:
                last = table.version()
                self._sync_commits(max(0, last - CHECKPOINT_COMMITS), last)

    def checkpoint(self) -> None:
        """Sum the log up, and drop the part of it that nobody needs any more."""
        with self._lock:
            table = self._refresh()
            if table is None:
                return
            table.create_checkpoint()
            self._sync_log(f"{table.version():020d}.checkpoint*.parquet", "_last_checkpoint")
            table.cleanup_metadata()

    def write(self, frame: pl.DataFrame, *, data_change: bool = True) -> list[AddAction]:
        """Write rows as one file for each partition, which belongs to the table when it is committed."""
        rows = frame.select(self.schema.names()).cast(self.schema)
        if rows.is_empty():
            return []
        if not self.partition_by:
            return [self._write_part(rows, {}, data_change)]
        parts = rows.partition_by(self.partition_by, as_dict=True, maintain_order=True)
        return [
            self._write_part(part, dict(zip(self.partition_by, map(str, values), strict=True)), data_change)
            for values, part in parts.items()
        ]

    def _write_part(self, rows: pl.DataFrame, partition: dict[str, str], data_change: bool) -> AddAction:
        if self.sort_by:
            rows = rows.sort(self.sort_by)
        under = "/".join(f"{name}={value}" for name, value in partition.items())
        path, size = self.place.write_parquet(rows, under)
        return AddAction(path, size, partition, _now_ms(), data_change, json.dumps(_statistics(rows, self.statistics)))

    def _commit(
        self,
        adds: list[AddAction],
        removes: list[RemoveAction],
        check: Callable[[Snapshot], None],
        numbers: dict[str, int],
        *,
        retries: int | None,
    ) -> None:
        transactions = [Transaction(writer, number, _now_ms()) for writer, number in numbers.items()]
        properties = CommitProperties(max_commit_retries=retries, app_transactions=transactions)
        with self._lock:
            if self._refresh() is None:
                self._create()
            for attempt in range(ATTEMPTS):
                check(self.snapshot(numbers))
                table = self._existing()
                before = table.version()
                try:
                    table.create_write_transaction(
                        [*adds, *removes], "append", table.schema(), list(self.partition_by),
                        commit_properties=properties, post_commithook_properties=_NO_HOOKS,
                    )  # fmt: skip
                except (DeltaError, OSError) as error:
                    # Whether it was committed all the same is seen in the table, not in the error.
                    if not self._holds(adds, removes):
                        if attempt + 1 == ATTEMPTS:
                            raise LakeUnavailable(
                                f"Expected to commit to {self.place.uri} within {ATTEMPTS} attempts, "
                                f"but the last ended with: {error}"
                            ) from error
                        time.sleep(min(0.01 * 2**attempt, 0.5))
                        continue
                self._settle(before, self._existing().version())
                return

    def _discard(self, adds: Sequence[AddAction]) -> None:
        for add in adds:
            self.place.delete(add.path)

    def _holds(self, adds: Sequence[AddAction], removes: Sequence[RemoveAction]) -> bool:
        paths = {file.path for file in self.snapshot().all_files}
        if adds:
            return all(add.path in paths for add in adds)
        return bool(removes) and not any(remove.path in paths for remove in removes)

    def _settle(self, before: int, version: int) -> None:
        """Make the commits durable; from time to time sum them up."""
        self._sync_commits(before + 1, version)
        if before // CHECKPOINT_COMMITS != version // CHECKPOINT_COMMITS:
            self.checkpoint()

    def _sync_commits(self, first: int, last: int) -> None:
        self._sync_log(*(f"{number:020d}.json" for number in range(first, last + 1)))

    def _sync_log(self, *patterns: str) -> None:
        if self.place.folder is not None:
            log = self.place.folder / "_delta_log"
            self.place.sync_files([path for pattern in patterns for path in log.glob(pattern)])

    def _existing(self) -> DeltaTable:
        table = self._refresh()
        if table is None:
            raise LakeUnavailable(f"Expected a Delta table at {self.place.uri}, but it has gone.")
        return table

    def _refresh(self) -> DeltaTable | None:
        """The table at its latest version; None as long as there is none."""
        if self._table is not None:
            try:
                self._table.update_incremental()
            except DeltaError:
                self._table = None  # the log that leads from there to here may have been cleaned up
        if self._table is None:
            folder = self.place.folder
            if folder is not None and not (folder / "_delta_log").is_dir():
                return None
            try:
                self._table = DeltaTable(self.place.uri, storage_options=dict(self.place.options))
            except TableNotFoundError:
                return None
            except (DeltaError, OSError) as error:
                if folder is not None and (torn := clear_torn(folder / "_delta_log")):
                    logger.warning("files that a power cut left without content removed", extra={"files": torn})
                    return self._refresh()
                raise LakeUnavailable(f"Expected a Delta table at {self.place.uri}, but {error}") from error
        return self._table

    def _create(self) -> None:
        if self.place.folder is not None:
            self.place.folder.mkdir(parents=True, exist_ok=True)
        # A list of no columns is written as a number of columns.
        told = "delta.dataSkippingStatsColumns" if self.statistics else "delta.dataSkippingNumIndexedCols"
        try:
            self._table = DeltaTable.create(
                self.place.uri,
                self.schema,
                mode="ignore",
                partition_by=list(self.partition_by),
                configuration={**CONFIGURATION, told: ",".join(self.statistics) or "0"},
                storage_options=dict(self.place.options),
            )
        except (DeltaError, OSError) as error:
            if self._refresh() is None:  # else somebody else has just made it
                raise LakeUnavailable(f"Expected to make a Delta table at {self.place.uri}, but {error}") from error
        self._sync_log("*.json")
        if self.place.folder is not None:
            self.place.sync_files([self.place.folder / "_delta_log"])  # its own name


class Lake:
    """The tables of one installation. ``home`` is local even where the tables are not: it has journal and locks."""

    def __init__(self, home: Path, root: Place) -> None:
        self.home = home
        self.root = root
        self.predictions = self.table("predictions", PREDICTIONS, partition_by=("model", "day"), sort_by=("id",))
        self.actuals = self.table("actuals", ACTUALS, partition_by=("model", "day"), sort_by=("id", "key"))

    @classmethod
    def open(cls, home: Path, url: str = "", storage_options: Mapping[str, str] | None = None) -> Lake:
        """The lake under a home folder, or at an address such as ``s3://bucket/prefix``; touches nothing yet."""
        if not url:
            return cls(home, Place(str((home / "lake").absolute())))
        return cls(home, Place(url.rstrip("/"), dict(storage_options or {})))

    def table(
        self,
        name: str,
        schema: pl.Schema,
        *,
        partition_by: Sequence[str] = (),
        sort_by: Sequence[str] = (),
        statistics: Sequence[str] = STATISTICS,
    ) -> Table:
        """A table below the lake's root, such as ``datasets/wine``."""
        return Table(self.root.below(name), schema, partition_by=partition_by, sort_by=sort_by, statistics=statistics)


def _statistics(rows: pl.DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    """What the log tells of a file. Text bounds are whole here, never cut."""
    found: dict[str, Any] = {"numRecords": rows.height, "minValues": {}, "maxValues": {}, "nullCount": {}}
    if "id" in columns:
        ids = rows["id"]
        found["nullCount"]["id"] = ids.null_count()
        if ids.null_count() < rows.height:
            found["minValues"]["id"], found["maxValues"]["id"] = ids.min(), ids.max()
    return found


def _now_ms() -> int:
    return int(time.time() * 1000)
