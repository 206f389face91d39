"""API keys for tests of the gate: one for each grant, the same each time."""

from __future__ import annotations

import hashlib
from datetime import datetime

from garcom.access.access_list import ListedKey
from garcom.access.principals import Limits
from garcom.access.roles import Grant


def key_of(grant: Grant) -> str:
    """The text of the grant's key."""
    return "gk_" + hashlib.sha256(str(grant).encode()).hexdigest()[:8] + "_" + "A" * 43


def listed(grant: Grant, *, expires_at: datetime | None = None, limits: Limits | None = None) -> tuple[str, ListedKey]:
    """The key's digest and its entry, as the access list has them."""
    key = key_of(grant)
    entry = ListedKey(prefix=key[:11], grants=(grant,), expires_at=expires_at, limits=limits or Limits())
    return hashlib.sha256(key.encode()).hexdigest(), entry
