"""Datasets: named and numbered tables that do not change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from garcom.errors import DatasetError, InputError
from garcom.lake.datasets.columns import canonical, describe_columns
from garcom.lake.datasets.difference import compare
from garcom.lake.datasets.digest import content_digest
from garcom.lake.datasets.from_predictions import from_predictions
from garcom.lake.datasets.names import parse_dataset, require_version
from garcom.lake.datasets.profile import profile_columns
from garcom.lake.datasets.records import DatasetVersion, Difference, Erasure
from garcom.lake.datasets.sources import from_file
from garcom.lake.datasets.store import Store, rows_of
from garcom.lake.exports import export_table, told_format
from garcom.lake.predictions import Predictions
from garcom.lake.tables import Lake
from garcom.model.names import check_name
from garcom.registry import Registry
from garcom.storage import datasets
from garcom.storage.audit import record
from garcom.storage.blobs import Blobs
from garcom.storage.database import Database
from garcom.storage.datasets import DatasetVersionRow
from garcom.storage.lock import locked

#: Told of each step: its name, and how much of all the work is done before it, from 0 to 1.
Progress = Callable[[str, float], None]
_LOCK_TIMEOUT_S = 600.0


class Datasets:
    """The datasets of one installation; several processes may use them at the same time.

    A reference is ``wine-2026-11:2``, or ``wine-2026-11`` for the newest version.
    """

    def __init__(self, database: Database, lake: Lake) -> None:
        self.database = database
        self._lake = lake
        self._store = Store(lake)

    def versions(self, name: str | None = None) -> tuple[DatasetVersion, ...]:
        """Every version of every dataset, or of one, by name and number."""
        with self.database.read() as connection:
            return tuple(map(_version, datasets.list_living(connection, name)))

    def version(self, reference: str) -> DatasetVersion:
        """One version; raises :class:`~garcom.errors.DatasetNotFound` with near names."""
        return _version(self._row(reference))

    def create(
        self,
        name: str,
        frame: pl.DataFrame,
        lineage: dict[str, Any],
        progress: Progress = lambda step, done: None,
    ) -> DatasetVersion:
        """Write rows down as the dataset's next version.

        The same content again is the version that exists (``existed``). Raises InputError for a name that cannot be
        one, for no rows, and for columns that cannot stand in a dataset.
        """
        check_name(name, "a dataset")
        if frame.is_empty():
            raise InputError(f"Expected at least one row for dataset {name!r}, got none.")
        progress("checking the columns", 0.2)
        frame = canonical(frame)
        progress("computing the digest", 0.3)
        digest = content_digest(frame)
        row = {
            "digest": digest,
            "n_rows": frame.height,
            "columns": msgspec.to_builtins(describe_columns(frame)),
            "lineage": lineage,
        }
        with self._changing():
            same = [version for version in self.versions(name) if version.digest == digest]
            if same:
                return msgspec.structs.replace(same[0], existed=True)
            progress("profiling the columns", 0.4)
            profile = msgspec.to_builtins(profile_columns(frame))
            with self.database.write() as connection:
                begun = datasets.begin_version(connection, name, datetime.now(UTC), profile=profile, **row)
            progress("writing the table", 0.6)
            made = _version(begun)
            delta_version = self._store.write(made, frame)
            progress("reading it back", 0.8)
            self._store.read_verified(made, digest)
            with self.database.write() as connection:
                datasets.change_version(connection, begun.id, state="ready", delta_version=delta_version)
                record(connection, "dataset.create", made.reference, after=_content(begun))
        progress("done", 1.0)
        return self.version(made.reference)

    def create_from_file(self, name: str, path: Path, progress: Progress = lambda step, done: None) -> DatasetVersion:
        """Write the rows of a CSV, Parquet, Arrow or JSON file down as the dataset's next version."""
        check_name(name, "a dataset")
        progress(f"reading {path.name}", 0.0)
        return self.create(name, *from_file(path), progress)

    def create_from_predictions(
        self,
        name: str,
        model: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        version: int | None = None,
        only_with_actual: bool = False,
        target: str = "target",
        progress: Progress = lambda step, done: None,
    ) -> DatasetVersion:
        """Write what was served down as the dataset's next version: inputs, and the actual as ``target``.

        From ``since`` (included; without it, from the first) to ``until`` (excluded; without it, until now), of one
        version of the model or of all. See :func:`~garcom.lake.datasets.from_predictions.from_predictions`.
        """
        check_name(name, "a dataset")
        progress(f"reading the predictions of {model}", 0.0)
        source = from_predictions(
            Predictions(self._lake),
            Registry(self.database, Blobs.under(self._lake.home)),
            model,
            since=since,
            until=until or datetime.now(UTC),
            version=version,
            only_with_actual=only_with_actual,
            target=target,
        )
        return self.create(name, *source, progress)

    def read(self, reference: str) -> pl.DataFrame:
        """The rows of a version, in their order.

        Raises :class:`~garcom.errors.DatasetError` when they are not those that were written.
        """
        row = self._row(reference)
        try:
            return self._read(row)
        except DatasetError:
            again = self._row(reference)
            if again == row:
                raise
            return self._read(again)  # rows were erased between the look at the database and that at the table

    def _row(self, reference: str) -> DatasetVersionRow:
        name, number = parse_dataset(reference)
        with self.database.read() as connection:
            rows = {(row.dataset, row.number): row for row in datasets.list_living(connection)}
        found = require_version(map(_version, rows.values()), name, number)
        return rows[found.dataset, found.number]

    def _read(self, row: DatasetVersionRow) -> pl.DataFrame:
        # While an erasure goes on, the table is as before or as after.
        return self._store.read_verified(_version(row), row.digest, *([row.next_digest] if row.next_digest else []))

    def export(self, reference: str, path: Path, form: str | None = None) -> DatasetVersion:
        """Write the rows of a version to a file: ``parquet``, ``csv``, ``jsonl`` or ``arrow``, or by its ending."""
        told_format(path, form)
        version = self.version(reference)
        rows = self.read_to_export(version.reference)
        export_table(rows, path, form)
        return version

    def read_to_export(self, reference: str) -> pl.DataFrame:
        """The rows of a version, in their order, for somebody who takes them away: the audit trail tells of it."""
        version = self.version(reference)
        frame = self.read(version.reference)
        with self.database.write() as connection:
            record(connection, "dataset.export", version.reference, after={"rows": frame.height})
        return frame

    def diff(self, before: str, after: str) -> Difference:
        """How the version ``after`` differs from ``before``."""
        old, new = self.version(before), self.version(after)
        return compare(old, new, self.read(old.reference), self.read(new.reference))

    def remove(self, reference: str) -> tuple[DatasetVersion, ...]:
        """Remove a dataset (``wine-2026-11``) or one version of it; answers the versions that went."""
        name, number = parse_dataset(reference)
        with self._changing():
            found = self._row(reference)
            with self.database.write() as connection:
                leaving = [found] if number is not None else datasets.list_living(connection, name)
                for row in leaving:
                    datasets.change_version(connection, row.id, state="removing")
                    record(connection, "dataset.remove", _version(row).reference, before=_content(row))
            for row in leaving:
                self._delete(row)
        return tuple(map(_version, leaving))

    def erase(self, ids: Collection[str] = (), subjects: Collection[str] = ()) -> dict[str, int]:
        """Take out of every version the rows of these predictions (ids) and subjects (pseudonyms), for good.

        No file of a version holds them afterwards, and its profile is made anew. Its digest changes, which its
        ``erasures`` tell. Answers how many rows went, by reference; a version without such rows is left alone. A
        process that is killed meanwhile leaves each version with all of the rows or with none; erase again then.
        """
        with self._changing():
            with self.database.read() as connection:
                rows = datasets.list_living(connection)
            counts = {f"{row.dataset}:{row.number}": self._erase(row, ids, subjects) for row in rows}
        return {reference: n_rows for reference, n_rows in counts.items() if n_rows}

    def _erase(self, row: DatasetVersionRow, ids: Collection[str], subjects: Collection[str]) -> int:
        version = _version(row)
        test = rows_of(version, ids, subjects)
        n_rows = 0 if test is None else self._store.count(version, test)
        if test is None or not n_rows:
            return 0
        frame = self._store.read(version)
        # One that somebody has changed stays refused, but the person's rows leave it all the same.
        is_intact = content_digest(frame) == row.digest
        next_digest = content_digest(frame.filter(~test)) if is_intact else None
        with self.database.write() as connection:
            datasets.change_version(connection, row.id, state="erasing", next_digest=next_digest)
        self._store.drop_rows(version, test)
        self._end_erasure(row._replace(state="erasing", next_digest=next_digest))
        return n_rows

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """The right to change versions; whoever has it also ends what a killed process began."""
        folder = self._lake.home / "lake"
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "datasets.lock", _LOCK_TIMEOUT_S):
            self._settle()
            yield

    def _settle(self) -> None:
        with self.database.read() as connection:
            unfinished = datasets.list_unfinished(connection)
        for row in unfinished:
            if row.state == "erasing":
                # One that cannot be read stays as it is: it can still be removed.
                with contextlib.suppress(DatasetError):
                    self._end_erasure(row)
            else:
                self._delete(row)

    def _delete(self, row: DatasetVersionRow) -> None:
        self._store.delete(_version(row))
        with self.database.write() as connection:
            datasets.forget_version(connection, row.id)

    def _end_erasure(self, row: DatasetVersionRow) -> None:
        """Record the version as it is now: without the rows, or with all of them if the process died before."""
        version = _version(row)
        delta_version = self._store.purge(version)
        frame = self._store.read(version)
        digest = content_digest(frame)
        values: dict[str, Any] = {"state": "ready", "next_digest": None, "delta_version": delta_version}
        if digest != row.digest:
            values["profile"] = msgspec.to_builtins(profile_columns(frame))
        if digest == row.next_digest:
            n_rows = row.n_rows - frame.height
            erasure = Erasure(at=datetime.now(UTC), n_rows=n_rows, digest_before=row.digest, digest_after=digest)
            values |= {
                "digest": digest,
                "n_rows": frame.height,
                "erasures": [*row.erasures, msgspec.to_builtins(erasure)],
            }
        with self.database.write() as connection:
            datasets.change_version(connection, row.id, **values)
            if "digest" in values:
                after = _content(row._replace(digest=digest, n_rows=frame.height))
                record(connection, "dataset.erase", version.reference, _content(row), after)


def _content(row: DatasetVersionRow) -> dict[str, Any]:
    """What the audit trail tells of a version's rows."""
    return {"rows": row.n_rows, "digest": row.digest}


def _version(row: DatasetVersionRow) -> DatasetVersion:
    return msgspec.convert(row._asdict(), DatasetVersion)
