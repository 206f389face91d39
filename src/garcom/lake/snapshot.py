"""One version of a table: its files and what the log tells of them. Does not change when the table does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl
from deltalake import DeltaTable

from garcom.lake.place import Place


class FileFacts(NamedTuple):
    """A parquet file of a table. The ids are None where the file has no id, or was written by another tool."""

    path: str
    size_bytes: int
    n_rows: int
    partition: Mapping[str, str]
    min_id: str | None
    max_id: str | None

    @property
    def model(self) -> str:
        """The model whose rows it holds."""
        return self.partition.get("model", "")

    @property
    def day(self) -> str:
        """Their day, ``YYYY-MM-DD``."""
        return self.partition.get("day", "")

    def may_hold(self, first_id: str, last_id: str) -> bool:
        """Whether an id from the first to the last, both included, can stand in it."""
        return self.min_id is None or self.max_id is None or (self.min_id <= last_id and self.max_id >= first_id)


@dataclass(frozen=True)
class Snapshot:
    """``transactions`` holds the last number of each writer that was asked for; files come newest ids first."""

    place: Place
    schema: pl.Schema
    version: int = -1
    all_files: tuple[FileFacts, ...] = ()
    transactions: Mapping[str, int] = field(default_factory=dict)

    def files(
        self,
        *,
        model: str | None = None,
        days: tuple[str, str] | None = None,
        ids: tuple[str, str] | None = None,
    ) -> list[FileFacts]:
        """The files in which such rows can stand, newest ids first. Days and ids: first and last, both included."""
        return [
            file
            for file in self.all_files
            if (model is None or file.model == model)
            and (days is None or days[0] <= file.day <= days[1])
            and (ids is None or file.may_hold(*ids))
        ]

    def scan(
        self,
        *,
        model: str | None = None,
        days: tuple[str, str] | None = None,
        ids: tuple[str, str] | None = None,
    ) -> pl.LazyFrame:
        """The rows of a model, of some days, with ids in a range; a row without an id is in no range."""
        frame = self.read(self.files(model=model, days=days, ids=ids))
        return frame if ids is None else frame.filter(pl.col("id").is_between(pl.lit(ids[0]), pl.lit(ids[1])))

    def read(self, files: Sequence[FileFacts]) -> pl.LazyFrame:
        """The rows of some of its files, in their order."""
        if not files:
            return pl.LazyFrame(schema=self.schema)
        return pl.scan_parquet(
            [self.place.path(file.path) for file in files],
            schema=self.schema,
            glob=False,
            hive_partitioning=False,
            missing_columns="insert",
            storage_options=dict(self.place.options) or None,
            credential_provider=None,
        )


def facts(table: DeltaTable, partition_by: Sequence[str]) -> tuple[FileFacts, ...]:
    """What the log tells of the files, those with the newest ids first."""
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    if actions.is_empty():
        return ()
    absent = [name for name in ("min.id", "max.id") if name not in actions.columns]
    actions = actions.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    rows = actions.sort("max.id", "path", descending=True, nulls_last=True).select(
        "path", "size_bytes", "num_records", "min.id", "max.id", *(f"partition.{name}" for name in partition_by)
    )
    return tuple(
        FileFacts(path, size, n or 0, dict(zip(partition_by, values, strict=True)), least, most)
        for path, size, n, least, most, *values in rows.iter_rows()
    )
