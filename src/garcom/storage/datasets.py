"""Queries on datasets and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select, update

from garcom.storage.tables import dataset_versions, datasets


class DatasetVersionRow(NamedTuple):
    """A version of a dataset; ``dataset`` is the name."""

    id: int
    dataset: str
    number: int
    state: str
    created_at: datetime
    digest: str
    next_digest: str | None
    delta_version: int
    n_rows: int
    columns: list[dict[str, Any]]
    profile: dict[str, Any]
    lineage: dict[str, Any]
    erasures: list[dict[str, Any]]


#: The states in which a version is there for everybody.
_LIVING = ("ready", "erasing")
_ROWS: Select[Any] = (
    select(
        dataset_versions.c.id,
        datasets.c.name,
        dataset_versions.c.number,
        dataset_versions.c.state,
        dataset_versions.c.created_at,
        dataset_versions.c.digest,
        dataset_versions.c.next_digest,
        dataset_versions.c.delta_version,
        dataset_versions.c.n_rows,
        dataset_versions.c["columns"],
        dataset_versions.c.profile,
        dataset_versions.c.lineage,
        dataset_versions.c.erasures,
    )
    .join(datasets, datasets.c.id == dataset_versions.c.dataset_id)
    .order_by(datasets.c.name, dataset_versions.c.number)
)


def list_living(connection: Connection, name: str | None = None) -> list[DatasetVersionRow]:
    """The versions of one dataset, or of all, by name and number."""
    query = _ROWS.where(dataset_versions.c.state.in_(_LIVING))
    query = query if name is None else query.where(datasets.c.name == name)
    return _rows(connection, query)


def list_unfinished(connection: Connection) -> list[DatasetVersionRow]:
    """The versions with which somebody has begun something and not ended it."""
    query = _ROWS.where(dataset_versions.c.state != "ready")
    return _rows(connection, query)


def _rows(connection: Connection, query: Select[Any]) -> list[DatasetVersionRow]:
    return [DatasetVersionRow(*row) for row in connection.execute(query)]


def begin_version(
    connection: Connection,
    name: str,
    when: datetime,
    *,
    digest: str,
    n_rows: int,
    columns: Sequence[Mapping[str, Any]],
    profile: Mapping[str, Any],
    lineage: Mapping[str, Any],
) -> DatasetVersionRow:
    """Write down a version whose table is still to be written."""
    dataset_id, number = _next_number(connection, name, when)
    values = {
        "dataset_id": dataset_id,
        "number": number,
        "state": "writing",
        "created_at": when,
        "digest": digest,
        "delta_version": 0,
        "n_rows": n_rows,
        "columns": list(columns),
        "profile": dict(profile),
        "lineage": dict(lineage),
        "erasures": [],
    }
    version_id = connection.execute(
        insert(dataset_versions).values(values).returning(dataset_versions.c.id)
    ).scalar_one()
    return _rows(connection, _ROWS.where(dataset_versions.c.id == version_id))[0]


def _next_number(connection: Connection, name: str, when: datetime) -> tuple[int, int]:
    """The dataset's id, made where there is none, and a number that is never given again."""
    taken = (
        update(datasets)
        .where(datasets.c.name == name)
        .values(last_number=datasets.c.last_number + 1)
        .returning(datasets.c.id, datasets.c.last_number)
    )
    found = connection.execute(taken).one_or_none()
    if found is None:
        made = insert(datasets).values(name=name, created_at=when, last_number=1)
        found = connection.execute(made.returning(datasets.c.id, datasets.c.last_number)).one()
    return int(found[0]), int(found[1])


def change_version(connection: Connection, version_id: int, **values: Any) -> None:
    """Write new values over those of a version."""
    connection.execute(update(dataset_versions).where(dataset_versions.c.id == version_id).values(values))


def forget_version(connection: Connection, version_id: int) -> None:
    """Remove a version; its number is not given again."""
    connection.execute(delete(dataset_versions).where(dataset_versions.c.id == version_id))
