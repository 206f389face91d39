"""The tables of datasets: a Delta table for each version, written once, and rewritten only by an erasure.

A version has a table of its own, and not a partition of the dataset's, because versions may differ in their columns,
and because upkeep of one table must never touch what another version needs.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator

import polars as pl

from garcom.errors import DatasetError
from garcom.lake.datasets.columns import schema_of
from garcom.lake.datasets.digest import content_digest
from garcom.lake.datasets.records import ID, SUBJECT, DatasetVersion
from garcom.lake.erasing import delete_unnamed
from garcom.lake.tables import Lake, Table


class Store:
    """The rows of the versions of datasets."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def table(self, version: DatasetVersion) -> Table:
        """The table of a version."""
        return self._lake.table(
            f"datasets/{version.dataset}/{version.number}", schema_of(version.columns), statistics=()
        )

    def write(self, version: DatasetVersion, frame: pl.DataFrame) -> int:
        """Write the rows of a new version, as one file in their order; answers the version of the table."""
        table = self.table(version)
        table.append(frame)
        return table.snapshot().version

    def read(self, version: DatasetVersion) -> pl.DataFrame:
        """The rows of a version, as they stand there now.

        Raises :class:`~garcom.errors.DatasetError` when they cannot be read.
        """
        with _explained(version):
            snapshot = self.table(version).snapshot()
            if snapshot.version < 0:
                raise DatasetError(f"The table of {version.reference} is gone. {_WHAT_TO_DO}")
            return snapshot.scan().collect()

    def read_verified(self, version: DatasetVersion, *digests: str) -> pl.DataFrame:
        """The rows of a version; raises DatasetError when their digest is none of ``digests``."""
        frame = self.read(version)
        found = content_digest(frame)
        if found not in digests:
            raise DatasetError(
                f"{version.reference} has changed since it was made: expected the content with digest "
                f"{version.digest[:12]} ({version.n_rows:,} rows), got {found[:12]} ({frame.height:,} rows). "
                f"Versions are immutable, so it is not used. {_WHAT_TO_DO}"
            )
        return frame

    def count(self, version: DatasetVersion, test: pl.Expr) -> int:
        """How many rows of a version a test is true of, found without reading the other columns."""
        with _explained(version):
            return int(self.table(version).scan().filter(test).select(pl.len()).collect().item())

    def drop_rows(self, version: DatasetVersion, test: pl.Expr) -> None:
        """Take out the rows that a test is true of; :meth:`purge` makes it final."""
        self.table(version).rewrite(~test)

    def purge(self, version: DatasetVersion) -> int:
        """Delete the files of earlier versions of the table; answers the version that it has."""
        table = self.table(version)
        delete_unnamed(table)
        return table.snapshot().version

    def delete(self, version: DatasetVersion) -> None:
        """Delete the table of a version, if it is there."""
        place = self.table(version).place
        if place.folder is not None:
            shutil.rmtree(place.folder, ignore_errors=True)
            if place.folder.exists():
                raise DatasetError(f"The folder {place.folder} cannot be deleted. Check who may write there.")
            return
        from deltalake.fs import DeltaStorageHandler

        DeltaStorageHandler(place.uri, dict(place.options)).delete_dir("")


_WHAT_TO_DO = "Restore its folder from a backup, or remove the version and create it again."


@contextlib.contextmanager
def _explained(version: DatasetVersion) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DatasetError(f"The table of {version.reference} cannot be read: {error}. {_WHAT_TO_DO}") from error


def rows_of(version: DatasetVersion, ids: Collection[str], subjects: Collection[str]) -> pl.Expr | None:
    """What is true of the rows of these predictions and subjects; None where there can be none."""
    names = {column.name for column in version.columns}
    wanted = [(ID, ids), (SUBJECT, subjects)]
    tests = [pl.col(name).is_in(list(values)).fill_null(False) for name, values in wanted if name in names and values]
    return pl.any_horizontal(tests) if tests else None
