"""Whether the audit trail tells where the users, the API keys and the versions of a database came from.

Whoever deletes every row together with the trail's secret and its witness leaves a trail that looks as if it had never
begun; what was made before still stands in the other tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from garcom.storage.audit_rows import AT
from garcom.storage.tables import api_keys, audit, models, users, versions

_USER, _KEY, _VERSION = _MAKING = ("user.create", "api_key.create", "model.register")


class _Made(NamedTuple):
    """Something that is there, and the row that tells of it."""

    action: str
    target: str
    at: datetime


def without_origin(connection: Connection) -> str | None:
    """The first that is there without a row that tells who made it, as the trail names it; None where there is none.

    What was there when rows were last missing, and that was accepted, needs none.
    """
    rows = select(audit.c.action, audit.c.target).where(audit.c.action.in_(_MAKING))
    told = {(action, target) for action, target in connection.execute(rows)}
    accepted = connection.execute(select(func.max(audit.c.at)).where(audit.c.action == "audit.accept")).scalar()
    since = None if accepted is None else datetime.strptime(accepted, AT).replace(tzinfo=UTC)
    for made in _everything(connection):
        if (made.action, made.target) not in told and (since is None or made.at > since):
            return made.target
    return None


def _everything(connection: Connection) -> Iterator[_Made]:
    for name, at in connection.execute(select(users.c.name, users.c.created_at)):
        yield _Made(_USER, f"user:{name}", at)
    for prefix, at in connection.execute(select(api_keys.c.prefix, api_keys.c.created_at)):
        yield _Made(_KEY, f"key:{prefix}", at)
    query = select(models.c.name, versions.c.number, versions.c.created).join_from(versions, models)
    for name, number, at in connection.execute(query):
        yield _Made(_VERSION, f"{name}:{number}", at)
