"""Queries on users, API keys, and what is granted to them.

A holder of grants is told by the column that names it: ``user_id=3`` or ``api_key_id=5``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, insert, or_, select, update

from garcom.storage.tables import api_keys, grants, users


class UserRow(NamedTuple):
    """A user, without the password's hash: nothing that prints a row prints a secret."""

    id: int
    name: str
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions_from: datetime


class KeyRow(NamedTuple):
    """An API key; ``digest`` is its SHA-256, ``limits`` what was written down of them."""

    id: int
    name: str
    prefix: str
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    limits: dict[str, Any]


class GrantRow(NamedTuple):
    """A role for a model, or for all (``*``)."""

    role: str
    model: str


_USERS: Select[Any] = select(
    users.c.id,
    users.c.name,
    users.c.password_hash.is_not(None),
    users.c.created_at,
    users.c.disabled_at,
    users.c.sessions_from,
)
_KEYS: Select[Any] = select(*(api_keys.c[name] for name in KeyRow._fields))


def any_account(connection: Connection) -> bool:
    """Whether a user or a key was ever made here and not removed since; disabled and revoked ones count."""
    return bool(connection.execute(select(or_(exists(select(users.c.id)), exists(select(api_keys.c.id))))).scalar_one())


def list_users(connection: Connection, *, after: str = "", limit: int | None = None) -> list[UserRow]:
    """Users by name: those after a name, and at most so many of them."""
    query = _USERS.where(users.c.name > after).order_by(users.c.name).limit(limit)
    return [UserRow(*row) for row in connection.execute(query)]


def find_user(connection: Connection, name: str) -> UserRow | None:
    """The user of this name."""
    row = connection.execute(_USERS.where(users.c.name == name)).one_or_none()
    return None if row is None else UserRow(*row)


def name_like(connection: Connection, name: str) -> str | None:
    """The name of the user that differs from this one in upper and lower case at most."""
    found = select(users.c.name).where(func.lower(users.c.name) == name.lower()).limit(1)
    return connection.execute(found).scalar_one_or_none()


def password_hash(connection: Connection, user_id: int) -> str | None:
    """What is stored of a user's password."""
    return connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one_or_none()


def add_user(connection: Connection, name: str, hashed: str | None, when: datetime) -> int:
    """Write down a user. Answers its id."""
    values = {"name": name, "password_hash": hashed, "created_at": when, "sessions_from": when}
    return int(connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one())


def change_user(connection: Connection, user_id: int, **values: Any) -> None:
    """Write new values over those of a user."""
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def remove_user(connection: Connection, user_id: int) -> None:
    """Remove a user with its grants and refresh tokens."""
    connection.execute(delete(users).where(users.c.id == user_id))


def count_able(connection: Connection, role: str, model: str) -> int:
    """How many users that are not disabled have exactly this grant."""
    query = (
        select(func.count())
        .select_from(users.join(grants, grants.c.user_id == users.c.id))
        .where(users.c.disabled_at.is_(None), grants.c.role == role, grants.c.model == model)
    )
    return int(connection.execute(query).scalar_one())


def list_keys(connection: Connection, *, after_id: int = 0, limit: int | None = None) -> list[KeyRow]:
    """API keys, the oldest first: those made after one, and at most so many of them."""
    query = _KEYS.where(api_keys.c.id > after_id).order_by(api_keys.c.id).limit(limit)
    return [KeyRow(*row) for row in connection.execute(query)]


def list_valid_keys(connection: Connection, now: datetime) -> list[KeyRow]:
    """The API keys that are neither revoked nor expired."""
    return [KeyRow(*row) for row in connection.execute(_KEYS.where(*_valid(now)))]


def count_able_keys(connection: Connection, role: str, model: str, now: datetime) -> int:
    """How many API keys that are neither revoked nor expired have exactly this grant."""
    query = (
        select(func.count())
        .select_from(api_keys.join(grants, grants.c.api_key_id == api_keys.c.id))
        .where(*_valid(now), grants.c.role == role, grants.c.model == model)
    )
    return int(connection.execute(query).scalar_one())


def find_key(connection: Connection, prefix: str) -> KeyRow | None:
    """The API key of this prefix."""
    row = connection.execute(_KEYS.where(api_keys.c.prefix == prefix)).one_or_none()
    return None if row is None else KeyRow(*row)


def add_key(connection: Connection, **values: Any) -> int:
    """Write down an API key, of the fields of :class:`KeyRow`. Answers its id."""
    return int(connection.execute(insert(api_keys).values(values).returning(api_keys.c.id)).scalar_one())


def revoke_key(connection: Connection, key_id: int, when: datetime) -> None:
    """Let an API key be valid no more."""
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=when))


def note_uses(connection: Connection, uses: Mapping[str, datetime]) -> None:
    """Write down when keys, by their digests, were used; an earlier moment than the known one changes nothing."""
    if not uses:
        return
    later = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("moment"))
    noted = (
        update(api_keys)
        .where(api_keys.c.digest == bindparam("used_digest"), later)
        .values(last_used_at=bindparam("moment"))
    )
    connection.execute(noted, [{"used_digest": digest, "moment": moment} for digest, moment in uses.items()])


def user_grants(connection: Connection, user_ids: Collection[int] | None = None) -> dict[int, list[GrantRow]]:
    """What is granted to these users, or to all, by id."""
    return _grants(connection, "user_id", user_ids)


def key_grants(connection: Connection, key_ids: Collection[int] | None = None) -> dict[int, list[GrantRow]]:
    """What is granted to these API keys, or to all, by id."""
    return _grants(connection, "api_key_id", key_ids)


def _valid(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What is true of API keys that are neither revoked nor expired."""
    return api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)


def _grants(connection: Connection, holder: str, ids: Collection[int] | None) -> dict[int, list[GrantRow]]:
    column = grants.c[holder]
    query = select(column, grants.c.role, grants.c.model).where(column.is_not(None))
    query = query if ids is None else query.where(column.in_(ids))
    found: dict[int, list[GrantRow]] = defaultdict(list)
    for held_by, role, model in connection.execute(query.order_by(grants.c.role, grants.c.model)):
        found[held_by].append(GrantRow(role, model))
    return found


def add_grants(connection: Connection, rows: Collection[GrantRow], **holder: int) -> None:
    """Grant these to a holder that has none of them yet."""
    if rows:
        connection.execute(insert(grants), [{**holder, "role": row.role, "model": row.model} for row in rows])


def remove_grant(connection: Connection, row: GrantRow, **holder: int) -> bool:
    """Take a grant away. Answers whether the holder had it."""
    meant = delete(grants).filter_by(**holder, role=row.role, model=row.model)
    return connection.execute(meant).rowcount > 0
