"""The messages that have not arrived: those that wait, and those that were set aside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal

import msgspec

from garcom.errors import InputError
from garcom.monitoring.alerts.short_ids import meant
from garcom.storage import alerts as storage
from garcom.storage.alerts import MessageRow
from garcom.storage.audit import record
from garcom.storage.database import Database

MAX_LIMIT = 1_000
STATES = ("waiting", "set_aside")


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a receiver has not taken, and ``why`` not, where it was tried; what people may see of both.

    One that waits is tried again by itself, not before ``next_at``; one that was set aside when somebody asks for it.
    """

    id: str
    to: str
    model: str
    title: str
    created_at: datetime
    state: Literal["waiting", "set_aside"]
    attempts: int
    next_at: datetime | None = None
    set_aside_at: datetime | None = None
    why: str | None = None


class UndeliveredShown(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that have not arrived."""

    messages: tuple[Undelivered, ...]


class _Headed(msgspec.Struct):
    title: str = ""


class Outbox:
    """The messages of one database that have not arrived. Whoever changes something is told by the database's actor.

    ``models`` are the models that the caller may ask for; None for all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def shown(
        self, models: Collection[str] | None = None, states: Collection[str] = STATES, limit: int = 100
    ) -> UndeliveredShown:
        """The newest of them, once for each receiver. Raises InputError."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InputError(f"Expected a limit from 1 to {MAX_LIMIT:,}, got {limit:,}.")
        unknown = [state for state in states if state not in STATES]
        if unknown:
            raise InputError(f"Expected states among {', '.join(STATES)}, got {unknown[0][:100]!r}.")
        set_aside = None if set(states) == set(STATES) else "set_aside" in states
        with self._database.read() as connection:
            rows = storage.list_undelivered(connection, models=models, set_aside=set_aside, limit=limit)
        return UndeliveredShown(messages=tuple(map(_shown, rows)))

    def retry(self, id: str | None = None, models: Collection[str] | None = None) -> UndeliveredShown:
        """Let a message (None: every one) be tried again at once, as if it never had been; what that is true of.

        The beginning of an id does where it is that of no other. Raises NotFound for one that has arrived, and
        InputError for the beginning of several.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            rows = storage.list_undelivered(connection, models=models)
            if id is not None:
                what = "a message that has not arrived (`garcom alert messages` tells them)"
                id = meant(id, {row.id for row in rows}, what)
                rows = [row for row in rows if row.id == id]
            again = [row._replace(attempts=0, next_at=now, set_aside_at=None) for row in rows]
            for row in again:
                storage.change_message(connection, row.id, row.destination, attempts=0, next_at=now, set_aside_at=None)
                record(connection, "alert_message.retry", row.id, after={"to": row.shown, "model": row.model})
        return UndeliveredShown(messages=tuple(map(_shown, again)))


def _shown(row: MessageRow) -> Undelivered:
    return Undelivered(
        id=row.id,
        to=row.shown,
        model=row.model,
        title=_title(row.body),
        created_at=row.created_at,
        state="waiting" if row.set_aside_at is None else "set_aside",
        attempts=row.attempts,
        next_at=row.next_at if row.set_aside_at is None else None,
        set_aside_at=row.set_aside_at,
        why=row.why,
    )


def _title(body: str) -> str:
    try:
        return msgspec.json.decode(body, type=_Headed).title
    except msgspec.DecodeError:  # set aside for that very reason
        return ""
