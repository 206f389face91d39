"""The access list: everything by which a worker knows callers and what they may do, as one file in the run folder.

The supervisor writes it when the database's access revision changes, as it does with the traffic plan; a worker needs
neither SQLAlchemy nor the database, and hears of a revoked key within a second.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from garcom.access.principals import Limits
from garcom.access.roles import Grant


class ListedUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user that is not disabled; sessions and tokens from before ``sessions_from`` are void."""

    grants: tuple[Grant, ...]
    sessions_from: datetime


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key that is neither revoked nor, when the list was written, expired."""

    prefix: str
    grants: tuple[Grant, ...]
    expires_at: datetime | None = None
    limits: Limits = Limits()


class AccessList(msgspec.Struct, frozen=True, kw_only=True):
    """Who is known, at one revision.

    ``required`` is False only on a loopback address where no user and no key exists: then everyone may do everything.
    """

    revision: int
    required: bool
    users: dict[str, ListedUser] = {}
    #: By the SHA-256 of the whole key, in hexadecimal.
    keys: dict[str, ListedKey] = {}
    #: Ed25519 public keys that verify our tokens, base64url without padding, by ``kid``.
    token_keys: dict[str, str] = {}
    revoked_tokens: frozenset[str] = frozenset()
