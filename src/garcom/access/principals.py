"""Whoever asks, once it is known who that is."""

from __future__ import annotations

from typing import Literal

import msgspec

from garcom.access.roles import ALL_MODELS, PERMISSIONS, Grant, Permission, Role
from garcom.rates import Limits as Limits


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with grants.

    ``kind`` says how it was known; ``name`` is the user's name, the key's prefix, or an external ``sub``. Both may
    stand in logs and in the audit trail. ``anybody`` is everyone on a server without access control, ``nobody`` whoever
    has shown no credential on one with it.
    """

    kind: Literal["nobody", "anybody", "user", "key", "external", "certificate"]
    name: str
    grants: tuple[Grant, ...] = ()
    limits: Limits = Limits()

    def may(self, permission: Permission, model: str | None = None) -> bool:
        """Whether a role permits it for this model; without a model, for all of them."""
        return any(
            permission in PERMISSIONS[grant.role] and grant.model in (ALL_MODELS, model) for grant in self.grants
        )

    def models_with(self, permission: Permission) -> frozenset[str] | None:
        """The models for which a role permits it; None for all."""
        names = frozenset(grant.model for grant in self.grants if permission in PERMISSIONS[grant.role])
        return None if ALL_MODELS in names else names

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


#: Everyone, on a server that listens on loopback and knows no user or key yet.
ANYBODY = Principal(kind="anybody", name="anybody", grants=(Grant(Role.ADMIN),))
#: Whoever has shown no credential.
NOBODY = Principal(kind="nobody", name="nobody")
