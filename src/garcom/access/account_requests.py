"""What may be asked about users and API keys, as it comes over HTTP.

The types are as strict as the rules that follow: what fits the schema in the documentation is seldom refused.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from garcom.access.password_rule import LONGEST, PATTERN, SHORTEST
from garcom.access.roles import Grant
from garcom.rates import Limits

#: Ten years; a key that shall be valid for longer is one without an end.
_LONGEST_LIFE_S = 10 * 366 * 86_400

HolderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@+-]{1,100}$")]
Password = Annotated[
    str,
    Meta(
        min_length=SHORTEST,
        max_length=LONGEST,
        extra_json_schema={
            "format": "password",
            "pattern": PATTERN,
            "description": "None of those that are tried first.",
        },
    ),
]
GrantList = Annotated[list[Grant], Meta(max_length=500)]


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user that shall be made; without a password only an external provider can tell that it is them."""

    name: HolderName
    password: Password | None = None
    grants: GrantList = []

    def __repr__(self) -> str:
        return f"NewUser({self.name!r})"


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change of a user: another password, or whether it is disabled."""

    password: Password | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET

    def __repr__(self) -> str:
        return "UserChange(…)"


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key that shall be made."""

    name: HolderName
    grants: GrantList = []
    #: How long it is valid; None is for ever.
    expires_in_s: Annotated[int, Meta(ge=1, le=_LONGEST_LIFE_S)] | None = None
    limits: Limits = Limits()
