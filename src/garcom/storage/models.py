"""Queries on models, their routes and the default."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from garcom.storage.tables import models, routes, traffic, versions


class ModelRow(NamedTuple):
    """A model that is not removed; ``answers`` is the number of the version that answers, if one does."""

    id: int
    name: str
    created: datetime
    is_default: bool
    answers: int | None


_COLUMNS = (models.c.id, models.c.name, models.c.created, models.c.is_default, versions.c.number)
_WITH_TRAFFIC = models.outerjoin(traffic, traffic.c.model_id == models.c.id).outerjoin(
    versions, versions.c.id == traffic.c.version_id
)
_LIVING = select(*_COLUMNS).select_from(_WITH_TRAFFIC).where(models.c.removed_at.is_(None))


def list_models(connection: Connection) -> list[ModelRow]:
    """Every model, by name."""
    return [ModelRow(*row) for row in connection.execute(_LIVING.order_by(models.c.name))]


def find_model(connection: Connection, name: str) -> ModelRow | None:
    """The model of this name, or None."""
    row = connection.execute(_LIVING.where(models.c.name == name)).one_or_none()
    return None if row is None else ModelRow(*row)


def make_model(connection: Connection, name: str, created: datetime) -> int:
    """The id of a new model; one removed earlier comes back and goes on counting its versions."""
    revived = (
        update(models).where(models.c.name == name).values(created=created, removed_at=None).returning(models.c.id)
    )
    found = connection.execute(revived).scalar_one_or_none()
    if found is not None:
        return int(found)
    made = insert(models).values(name=name, created=created).returning(models.c.id)
    return int(connection.execute(made).scalar_one())


def next_number(connection: Connection, model_id: int) -> int:
    """Take the model's next version number; it is never given again."""
    taken = (
        update(models)
        .where(models.c.id == model_id)
        .values(last_number=models.c.last_number + 1)
        .returning(models.c.last_number)
    )
    return int(connection.execute(taken).scalar_one())


def remove_model(connection: Connection, model_id: int, when: datetime) -> None:
    """Mark the model removed, and free its routes and the default."""
    connection.execute(delete(routes).where(routes.c.model_id == model_id))
    connection.execute(update(models).where(models.c.id == model_id).values(removed_at=when, is_default=False))


def set_default(connection: Connection, model_id: int) -> None:
    """Make this model the default, instead of any other."""
    connection.execute(update(models).where(models.c.is_default).values(is_default=False))
    connection.execute(update(models).where(models.c.id == model_id).values(is_default=True))


def list_routes(connection: Connection) -> dict[int, tuple[str, ...]]:
    """The routes of each model that has some, by model id."""
    found: dict[int, list[str]] = defaultdict(list)
    for path, model_id in connection.execute(select(routes.c.path, routes.c.model_id).order_by(routes.c.path)):
        found[model_id].append(path)
    return {model_id: tuple(paths) for model_id, paths in found.items()}


def route_owner(connection: Connection, path: str) -> str | None:
    """The name of the model that has this route, or None."""
    owner = select(models.c.name).join(routes, routes.c.model_id == models.c.id).where(routes.c.path == path)
    name = connection.execute(owner).scalar_one_or_none()
    return None if name is None else str(name)


def add_route(connection: Connection, model_id: int, path: str) -> None:
    """Give the model a route that nobody has."""
    connection.execute(insert(routes).values(path=path, model_id=model_id))


def remove_route(connection: Connection, path: str) -> None:
    """Take the route away from its model."""
    connection.execute(delete(routes).where(routes.c.path == path))
