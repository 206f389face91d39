"""Grants as people write them, and the names of those who hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from garcom.access.roles import ALL_MODELS, Grant, Role
from garcom.errors import InputError
from garcom.model.names import LENGTH_LIMIT, check_name
from garcom.suggestions import near

#: The most that one user or key may hold.
MOST = 500

_ROLES = [str(role) for role in Role]
#: The texts that :func:`parse_grant` takes.
GRANT_PATTERN = rf"^({'|'.join(_ROLES)})(:(\*|[a-z0-9][a-z0-9_.-]{{0,{LENGTH_LIMIT - 1}}}))?$"
_NAME = re.compile(rf"[A-Za-z0-9._@+-]{{1,{LENGTH_LIMIT}}}")


def parse_grant(text: str) -> Grant:
    """The grant in ``viewer`` (for all models) or ``client:wine``. Raises InputError."""
    role, colon, model = text.partition(":")
    if role not in _ROLES:
        raise InputError(
            f"Expected a role ({', '.join(_ROLES)}), alone or with a model as in client:wine, got {text[:200]!r}."
            f"{near(role, _ROLES)}"
        )
    return check_grant(Grant(Role(role), model if colon else ALL_MODELS))


def check_grant(grant: Grant) -> Grant:
    """The grant, if its model is ``*`` or a name that a model may have. Raises InputError."""
    if grant.model != ALL_MODELS:
        check_name(grant.model)
    return grant


def check_grants(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """The grants in order, each once. Raises InputError."""
    found = tuple(sorted({check_grant(grant) for grant in grants}))
    if len(found) > MOST:
        raise InputError(f"Expected at most {MOST} grants, got {len(found):,}. A role for all models is one grant.")
    return found


def check_holder_name(name: str, what: str) -> str:
    """The name, if a user or a key (``what``) may have it: 1 to 100 of ``A-Z a-z 0-9 . _ @ + -``. Raises InputError."""
    if _NAME.fullmatch(name):
        return name
    raise InputError(
        f"Expected the name of {what}: 1 to {LENGTH_LIMIT} of A-Z, a-z, 0-9, '.', '_', '@', '+' and '-', got "
        f"{name[:200]!r}."
    )
