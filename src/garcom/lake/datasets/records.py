"""What is said of datasets: versions, their columns and profiles, and how two versions differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

#: Columns whose names begin with this belong to Garçom: training leaves them out.
RESERVED = "_garcom_"
#: The prediction that a row was made from, and the pseudonym of whom it is about. Erasure finds rows by them.
ID, SUBJECT = f"{RESERVED}id", f"{RESERVED}subject"
METADATA = (ID, SUBJECT)

ColumnType = Literal["boolean", "integer", "number", "text", "date", "datetime"]


class Column(msgspec.Struct, frozen=True):
    """A column of a dataset."""

    name: str
    type: ColumnType

    @property
    def is_metadata(self) -> bool:
        """Whether training leaves it out."""
        return self.name.startswith(RESERVED)


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the values of one column look like.

    ``missing`` and ``distinct`` count values (``distinct`` without the missing ones); the rest is of the finite values
    that are there. ``std`` is that of the population. ``minimum`` and ``maximum`` of dates are ISO 8601; texts have
    none. ``top`` counts the most frequent texts or truth values.
    """

    count: int
    missing: int
    distinct: int
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    std: float | None = None
    top: dict[str, int] = {}


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were taken out of a version because somebody asked to be erased; the version's digest changed."""

    at: datetime
    n_rows: int
    digest_before: str
    digest_after: str


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a dataset. ``number`` counts from 1 within its dataset and is never given again.

    ``digest`` is the SHA-256 of its content: names, types and values in row order. ``existed`` is true only in the
    answer of a creation that found the same content there.
    """

    dataset: str
    number: int
    created_at: datetime
    digest: str
    delta_version: int
    n_rows: int
    columns: tuple[Column, ...]
    profile: dict[str, ColumnProfile]
    lineage: dict[str, Any]
    erasures: tuple[Erasure, ...] = ()
    existed: bool = False

    @property
    def reference(self) -> str:
        """How commands name it: ``wine-2026-11:2``."""
        return f"{self.dataset}:{self.number}"


class TypeChange(msgspec.Struct, frozen=True):
    """A column that both have, with another type."""

    name: str
    before: ColumnType
    after: ColumnType


class ProfileChange(msgspec.Struct, frozen=True):
    """A column that both have, with other values."""

    name: str
    before: ColumnProfile
    after: ColumnProfile


class RowChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that only one of two versions has, and those that both have; a row that occurs twice counts twice.

    Rows were compared on ``columns``: those that both versions have with the same type. Without any, nothing could be
    compared, and all rows count as added and removed.
    """

    added: int
    removed: int
    kept: int
    columns: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How version ``after`` differs from version ``before`` (references)."""

    before: str
    after: str
    same_content: bool
    rows: RowChanges
    columns_added: tuple[Column, ...]
    columns_removed: tuple[Column, ...]
    types_changed: tuple[TypeChange, ...]
    profiles_changed: tuple[ProfileChange, ...]
