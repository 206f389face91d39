"""Rows of the database as the registry's records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from garcom.registry.records import Model, Version
from garcom.storage import models, versions
from garcom.storage.models import ModelRow
from garcom.storage.versions import Facts, VersionRow

_NOTHING_KNOWN = Facts({}, {}, {})


def load_models(connection: Connection) -> tuple[Model, ...]:
    """Every model with its versions, by name; the number of queries does not depend on how many there are."""
    routes = models.list_routes(connection)
    facts = versions.list_facts(connection)
    by_model: dict[int, list[VersionRow]] = defaultdict(list)
    for row in versions.list_versions(connection):
        by_model[row.model_id].append(row)
    return tuple(_model(row, routes.get(row.id, ()), by_model[row.id], facts) for row in models.list_models(connection))


def load_model(connection: Connection, row: ModelRow) -> Model:
    """One model with its versions."""
    found = versions.list_versions(connection, row.id)
    facts = versions.list_facts(connection, [version.id for version in found])
    return _model(row, models.list_routes(connection).get(row.id, ()), found, facts)


def load_version(connection: Connection, model: ModelRow, row: VersionRow) -> Version:
    """One version."""
    return _version(model, row, versions.list_facts(connection, [row.id]).get(row.id, _NOTHING_KNOWN))


def _model(row: ModelRow, routes: tuple[str, ...], found: list[VersionRow], facts: Mapping[int, Facts]) -> Model:
    return Model(
        name=row.name,
        created=row.created,
        is_default=row.is_default,
        answers=row.answers,
        routes=routes,
        versions=tuple(_version(row, version, facts.get(version.id, _NOTHING_KNOWN)) for version in found),
    )


def _version(model: ModelRow, row: VersionRow, facts: Facts) -> Version:
    return msgspec.convert(
        {
            "model": model.name,
            "number": row.number,
            "digest": row.digest,
            "task": row.task,
            "created": row.created,
            "answers": model.answers == row.number,
            "summary": row.metadata,
            **facts._asdict(),
        },
        Version,
    )
