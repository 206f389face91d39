"""Every acknowledged row once: in a profile, or waiting in the journal for its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import polars as pl
from sqlalchemy import Connection

from garcom.lake.undrained import Undrained
from garcom.moments import hour_of
from garcom.monitoring.lake_rows import condition_of
from garcom.monitoring.records import Scope
from garcom.storage import profiles
from garcom.storage.database import Database

_HOUR = timedelta(hours=1)


class Acknowledged:
    """The profiles of a home, and the rows that they do not have yet. Safe across threads.

    That the lake has a row says nothing: its profile is made after it was committed, and much later where that fails.
    """

    def __init__(self, database: Database, undrained: Undrained) -> None:
        self.database = database
        self.undrained = undrained

    @contextlib.contextmanager
    def rows(self, model: str) -> Iterator[tuple[Connection, pl.DataFrame]]:
        """A transaction that sees the profiles, and the rows of a model in the journal that are in none of these.

        The rows have the columns of the lake's predictions. A segment of the journal goes after its rows are in the
        profiles, so they are missed by neither when the journal is read first.
        """
        journal = self.undrained.journal()
        with self.database.read() as connection:
            waiting = journal.beyond(profiles.progress(connection, journal.writers))
            yield connection, waiting.filter(pl.col("model") == model)


def in_hours(scope: Scope) -> pl.Expr:
    """What is true of the rows of the hours that begin in a window, but for its segment: as profiles are chosen."""
    since, until = (None if moment is None else _next_hour(moment) for moment in (scope.since, scope.until))
    return condition_of(msgspec.structs.replace(scope, since=since, until=until))


def _next_hour(moment: datetime) -> datetime:
    begin = hour_of(moment)
    return begin if begin == moment else begin + _HOUR
