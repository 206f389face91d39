"""Queries on versions and what is known of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, insert, select, update

from garcom.storage.tables import lineage, metrics, parameters, versions


class VersionRow(NamedTuple):
    """A version that is not removed."""

    id: int
    model_id: int
    number: int
    digest: str
    task: str
    created: datetime
    metadata: dict[str, Any]


class Facts(NamedTuple):
    """What is known of a version by name; a metric may be NaN (undefined for its data)."""

    metrics: dict[str, float]
    parameters: dict[str, str]
    lineage: dict[str, Any]


_LIVING = select(
    versions.c.id,
    versions.c.model_id,
    versions.c.number,
    versions.c.digest,
    versions.c.task,
    versions.c.created,
    versions.c.metadata,
).where(versions.c.removed_at.is_(None))


def list_versions(connection: Connection, model_id: int | None = None) -> list[VersionRow]:
    """The versions of one model, or of all, by number."""
    query = _LIVING.order_by(versions.c.number)
    return _rows(connection, query if model_id is None else query.where(versions.c.model_id == model_id))


def list_digests(connection: Connection) -> list[tuple[int, int, str]]:
    """Model id, number and digest of every version, by number."""
    query = select(versions.c.model_id, versions.c.number, versions.c.digest).where(versions.c.removed_at.is_(None))
    return [(row.model_id, row.number, row.digest) for row in connection.execute(query.order_by(versions.c.number))]


def find_version(connection: Connection, model_id: int, number: int) -> VersionRow | None:
    """The model's version of this number, or None."""
    found = _rows(connection, _LIVING.where(versions.c.model_id == model_id, versions.c.number == number))
    return found[0] if found else None


def find_digest(connection: Connection, model_id: int, digest: str) -> VersionRow | None:
    """The model's version with this content, or None."""
    found = _rows(connection, _LIVING.where(versions.c.model_id == model_id, versions.c.digest == digest))
    return found[0] if found else None


def _rows(connection: Connection, query: Select[Any]) -> list[VersionRow]:
    return [VersionRow(*row) for row in connection.execute(query)]


def add_version(
    connection: Connection,
    *,
    model_id: int,
    number: int,
    digest: str,
    task: str,
    created: datetime,
    metadata: Mapping[str, Any],
    facts: Facts,
) -> int:
    """Insert a version with its facts; answers its id."""
    values = {
        "model_id": model_id,
        "number": number,
        "digest": digest,
        "task": task,
        "created": created,
        "metadata": dict(metadata),
    }
    version_id = int(connection.execute(insert(versions).values(values).returning(versions.c.id)).scalar_one())
    known = {name: None if math.isnan(value) else value for name, value in facts.metrics.items()}
    for table, named in ((metrics, known), (parameters, facts.parameters), (lineage, facts.lineage)):
        rows = [{"version_id": version_id, "name": name, "value": value} for name, value in named.items()]
        if rows:
            connection.execute(insert(table), rows)
    return version_id


def set_metadata(connection: Connection, version_id: int, metadata: Mapping[str, Any]) -> None:
    """Write the version's summary anew."""
    connection.execute(update(versions).where(versions.c.id == version_id).values(metadata=dict(metadata)))


def set_parameters(connection: Connection, version_id: int, values: Mapping[str, str]) -> None:
    """Write parameters over those of the same name."""
    if not values:
        return
    same = parameters.c.version_id == version_id, parameters.c.name.in_(list(values))
    connection.execute(parameters.delete().where(*same))
    rows = [{"version_id": version_id, "name": name, "value": value} for name, value in values.items()]
    connection.execute(insert(parameters), rows)


def remove_version(connection: Connection, version_id: int, when: datetime) -> None:
    """Mark the version removed; its number and its facts stay."""
    connection.execute(update(versions).where(versions.c.id == version_id).values(removed_at=when))


def living_digests(connection: Connection) -> set[str]:
    """The contents that some version still needs."""
    return set(connection.execute(select(versions.c.digest).where(versions.c.removed_at.is_(None))).scalars())


def list_facts(connection: Connection, version_ids: Sequence[int] | None = None) -> dict[int, Facts]:
    """What is known of these versions, or of all, by version id; a version of which nothing is known is left out."""
    found: dict[int, Facts] = defaultdict(lambda: Facts({}, {}, {}))
    for version_id, name, value in connection.execute(_named(metrics, version_ids)):
        found[version_id].metrics[name] = math.nan if value is None else value
    for version_id, name, value in connection.execute(_named(parameters, version_ids)):
        found[version_id].parameters[name] = value
    for version_id, name, value in connection.execute(_named(lineage, version_ids)):
        found[version_id].lineage[name] = value
    return dict(found)


def _named(table: Table, version_ids: Sequence[int] | None) -> Select[Any]:
    query = select(table.c.version_id, table.c.name, table.c.value).order_by(table.c.name)
    return query if version_ids is None else query.where(table.c.version_id.in_(version_ids))
