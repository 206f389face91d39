"""Users and API keys as they are told to administrators; nothing here is secret."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from garcom.access.roles import Grant, Role
from garcom.rates import Limits

if TYPE_CHECKING:
    from garcom.storage.accounts import GrantRow

_ROLES = frozenset(map(str, Role))


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person; one without a password is known by an external provider only."""

    name: str
    grants: tuple[Grant, ...]
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A service's API key, told without the key itself; ``prefix`` is how it begins, and names it."""

    prefix: str
    name: str
    grants: tuple[Grant, ...]
    limits: Limits
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class Me(msgspec.Struct, frozen=True):
    """Whoever asks, as the server knows it."""

    kind: str
    name: str
    grants: tuple[Grant, ...]
    limits: Limits


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """A page of users, by name; ``next`` is what to ask for the page after it (None: there is none)."""

    users: tuple[User, ...]
    next: str | None


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """A page of API keys, the oldest first; ``next`` is what to ask for the page after it (None: there is none)."""

    keys: tuple[Key, ...]
    next: str | None


class MadeKey(Key, frozen=True, kw_only=True):
    """An API key as it is told to whoever has just made it, and to nobody later: ``key`` is the key itself."""

    key: str

    def __repr__(self) -> str:
        return f"MadeKey({self.prefix!r})"


def as_grants(rows: Iterable[GrantRow]) -> tuple[Grant, ...]:
    """Stored grants; one whose role this version does not know grants nothing."""
    return tuple(Grant(Role(row.role), row.model) for row in rows if row.role in _ROLES)


def as_limits(stored: dict[str, Any]) -> Limits:
    """Stored limits. Raises msgspec.ValidationError where they cannot be read: nobody goes on without them."""
    return msgspec.convert(stored, Limits)
