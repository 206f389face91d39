"""Users and API keys looked up in a transaction, and told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from garcom.access.api_keys import is_prefix
from garcom.access.holders import Key, User, as_grants, as_limits
from garcom.errors import NotFound
from garcom.storage import accounts
from garcom.storage.accounts import GrantRow, KeyRow, UserRow


def require_user(connection: Connection, name: str) -> UserRow:
    """The user of this name. Raises NotFound."""
    found = accounts.find_user(connection, name)
    if found is None:
        raise NotFound(f"Expected the name of a user, got {name[:200]!r}. `garcom user list` tells who there is.")
    return found


def require_key(connection: Connection, prefix: str) -> KeyRow:
    """The API key of this prefix. Raises NotFound."""
    found = accounts.find_key(connection, prefix)
    if found is None and is_prefix(prefix):
        raise NotFound(f"No API key begins with {prefix}. `garcom api-key list` tells which there are.")
    if found is None:
        # Somebody may take the key itself for its prefix; no message repeats that.
        raise NotFound(
            "Expected the prefix of an API key, gk_ and eight characters, got something else. `garcom api-key list` "
            "tells which there are."
        )
    return found


def told_user(connection: Connection, name: str) -> User:
    """The user of this name, as it is told. Raises NotFound."""
    row = require_user(connection, name)
    return user_of(row, accounts.user_grants(connection, [row.id]).get(row.id, []))


def told_key(connection: Connection, prefix: str) -> Key:
    """The API key of this prefix, as it is told. Raises NotFound."""
    row = require_key(connection, prefix)
    return key_of(row, accounts.key_grants(connection, [row.id]).get(row.id, []))


def user_of(row: UserRow, granted: Iterable[GrantRow]) -> User:
    """A user as it is told."""
    return User(
        name=row.name,
        grants=as_grants(granted),
        has_password=row.has_password,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def key_of(row: KeyRow, granted: Iterable[GrantRow]) -> Key:
    """An API key as it is told."""
    facts: dict[str, Any] = row._asdict()
    told = {name: facts[name] for name in Key.__struct_fields__ if name not in ("grants", "limits")}
    return Key(**told, grants=as_grants(granted), limits=as_limits(row.limits))
