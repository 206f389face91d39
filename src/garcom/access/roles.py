"""Roles, and what each permits. A role is granted for one model, or for all."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

#: In place of a model's name: all of them, those to come too.
ALL_MODELS = "*"


class Permission(StrEnum):
    """What a route asks of its caller."""

    #: See that a model exists, what it takes and answers: its card, signature, example and documentation.
    DESCRIBE = "describe"
    #: Read what it served: predictions, actuals, their maturity, metrics.
    READ = "read"
    PREDICT = "predict"
    #: Tell what really happened, and what was predicted elsewhere.
    SEND_ACTUALS = "send_actuals"
    #: Bring in a new version.
    REGISTER = "register"
    #: Make and remove datasets.
    MAKE_DATASETS = "make_datasets"
    #: Choose which version answers: promote, roll back.
    PROMOTE = "promote"
    #: Users, keys, grants, the audit trail, what is stored of a person.
    ADMINISTER = "administer"


class Role(StrEnum):
    """What can be granted."""

    VIEWER = "viewer"
    CLIENT = "client"
    TRAINER = "trainer"
    APPROVER = "approver"
    ADMIN = "admin"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.DESCRIBE, Permission.READ}),
    Role.CLIENT: frozenset({Permission.DESCRIBE, Permission.PREDICT, Permission.SEND_ACTUALS}),
    Role.TRAINER: frozenset({Permission.DESCRIBE, Permission.READ, Permission.REGISTER, Permission.MAKE_DATASETS}),
    Role.APPROVER: frozenset({Permission.DESCRIBE, Permission.READ, Permission.PROMOTE}),
    Role.ADMIN: frozenset(Permission),
}


class Grant(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """A role for one model (by its name), or for all (``*``)."""

    role: Role
    model: Annotated[str, Meta(pattern=r"^(\*|[a-z0-9][a-z0-9_.-]{0,99})$")] = ALL_MODELS

    def __str__(self) -> str:
        return str(self.role) if self.model == ALL_MODELS else f"{self.role}:{self.model}"
