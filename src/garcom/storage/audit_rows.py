"""The rows of the audit trail, as they are read and hashed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, or_, select

from garcom.storage.tables import audit

#: How a moment is written: in UTC and always as long, so that texts are ordered as the moments are.
AT = "%Y-%m-%dT%H:%M:%S.%fZ"
#: The hash before the first row.
GENESIS = "0" * 64


class Entry(NamedTuple):
    """A row of the trail; ``before`` and ``after`` are JSON, or None where there is nothing to tell."""

    number: int
    at: str
    actor: str
    address: str
    action: str
    target: str
    before: str | None
    after: str | None
    hash: str


def chained(secret_key: bytes, previous: str, entry: Entry) -> str:
    """The hash that the row must have after a row with the hash ``previous``."""
    told = msgspec.json.encode([previous, *entry[:-1]])
    return hmac.new(secret_key, told, hashlib.sha256).hexdigest()


class Wanted(NamedTuple):
    """Which rows: None does not matter.

    An action may be named by its thing (``model`` for ``model.use`` and the like), and a target without what stands
    after a colon (``wine`` for ``wine:2``).
    """

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None

    def tests(self) -> Iterator[ColumnElement[bool]]:
        """What is true of such rows."""
        if self.actor is not None:
            yield audit.c.actor == self.actor
        if self.action is not None:
            yield _is_or_begins(audit.c.action, self.action, ".")
        if self.target is not None:
            yield _is_or_begins(audit.c.target, self.target, ":")
        if self.since is not None:
            yield audit.c.at >= self.since.strftime(AT)


EVERY = Wanted()


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it is shown; ``before`` and ``after`` are what changed, or null."""

    number: int
    at: str
    actor: str
    address: str
    action: str
    target: str
    before: Any
    after: Any
    hash: str

    @classmethod
    def of(cls, entry: Entry) -> AuditEntry:
        """What is shown of a row, even of one that somebody has damaged."""
        texts = {name: str(getattr(entry, name)) for name in ("at", "actor", "address", "action", "target", "hash")}
        return cls(number=entry.number, before=_read(entry.before), after=_read(entry.after), **texts)


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, the newest first; ``next`` is the cursor of the page after it, or null."""

    entries: tuple[AuditEntry, ...]
    next: str | None


def entries(
    connection: Connection, after: int | None = None, limit: int | None = None, wanted: Wanted = EVERY
) -> Iterator[Entry]:
    """The rows in order, with ``after`` only those with larger numbers; at most ``limit``."""
    query = select(audit).where(*wanted.tests()).order_by(audit.c.number).limit(limit)
    query = query if after is None else query.where(audit.c.number > after)
    return (Entry(**row._mapping) for row in connection.execute(query))


def newest_entries(
    connection: Connection, limit: int, before: int | None = None, wanted: Wanted = EVERY
) -> tuple[Entry, ...]:
    """The newest rows, the newest first; with ``before``, only those with smaller numbers."""
    query = select(audit).where(*wanted.tests()).order_by(audit.c.number.desc()).limit(limit)
    query = query if before is None else query.where(audit.c.number < before)
    return tuple(Entry(**row._mapping) for row in connection.execute(query))


def newest_entry(connection: Connection) -> Entry | None:
    """The newest row; None where there is none."""
    return next(iter(newest_entries(connection, 1)), None)


def _is_or_begins(column: Column[Any], text: str, separator: str) -> ColumnElement[bool]:
    return or_(column == text, column.startswith(text + separator, autoescape=True))


def _read(text: str | None) -> Any:
    try:
        return None if text is None else msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError):
        return str(text)
