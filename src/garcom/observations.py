"""What really happened, on its way from a body of actuals into the lake."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Observed(NamedTuple):
    """The actual of one prediction, which ``id`` or the client's own ``key`` names (the other is None).

    ``actual`` is the value as JSON, written in the one way in which equal values are equal texts. ``label`` is that of
    a model that answers labels, ``value`` that of a regression with one target. ``observed_at`` is in UTC; None means
    when it is received.
    """

    id: str | None
    key: str | None
    actual: str
    label: str | None = None
    value: float | None = None
    observed_at: datetime | None = None


class Observations(NamedTuple):
    """The rows of one call, all of them right; ``unseen_labels`` of them have a label that the model never answers."""

    rows: list[Observed]
    unseen_labels: int = 0
