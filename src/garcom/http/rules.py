"""What a route can ask of its caller."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from garcom.access.roles import Permission


class Reach(Enum):
    """For which models the permission is needed."""

    #: Anybody may ask; the route itself tells less to those who are not known.
    PUBLIC = "public"
    #: Whoever is known, whatever its roles.
    KNOWN = "known"
    #: For the model that the path names.
    MODEL = "model"
    #: For any model at all; the route tells of those only for which the caller has it.
    SOME = "some"
    #: For all models.
    ALL = "all"


class Rule(NamedTuple):
    """What a route asks of its caller."""

    reach: Reach
    permission: Permission | None = None


PUBLIC = Rule(Reach.PUBLIC)
KNOWN = Rule(Reach.KNOWN)


#: What predicting asks, at whichever path.
PREDICT = Rule(Reach.MODEL, Permission.PREDICT)
