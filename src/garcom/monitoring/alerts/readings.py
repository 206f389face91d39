"""What a rule compares with its threshold, and who tells it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from garcom.monitoring.alerts.subjects import Subject
from garcom.monitoring.records import Scope

#: So many rows, or actuals, make a value where nobody says otherwise.
DEFAULT_LEAST = 100


class Reading(NamedTuple):
    """The value of a subject in a window, from so many rows of which so many have their actual.

    ``value`` is None where ``why`` says why: then the window is neither a breach nor a recovery.
    """

    value: float | None
    rows: int = 0
    actuals: int = 0
    why: str | None = None


class Asked(NamedTuple):
    """A subject, and the rows of a model that it is read of; with fewer than ``least``, or actuals, it has no value."""

    subject: Subject
    scope: Scope
    least: int = DEFAULT_LEAST

    @property
    def until(self) -> datetime:
        """When the rows end: whoever judges by a rule says until when."""
        assert self.scope.until is not None
        return self.scope.until


class Readings(Protocol):
    """Whoever can tell the value of a subject."""

    def expect(self, asked: Iterable[Asked]) -> None:
        """Hear what is going to be read, so that what several need is made once, and what none needs not at all."""
        ...

    def read(self, asked: Asked) -> Reading:
        """The value. Raises GarcomError where it cannot be told."""
        ...
