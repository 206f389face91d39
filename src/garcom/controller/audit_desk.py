"""The audit trail, for those who ask the controller: what was done is shown, and reads of personal data are told."""

from __future__ import annotations

import msgspec

from garcom.controller.messages import ListAudit, Reply, Selection
from garcom.errors import InputError
from garcom.journal.pseudonyms import trail_name
from garcom.storage.audit import Actor, record
from garcom.storage.audit_rows import AuditEntry, AuditPage, Wanted, newest_entries
from garcom.storage.database import Database

#: The most rows of a page.
MAX_LIMIT = 1_000


class AuditDesk:
    """Answers over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def show(self, question: ListAudit) -> tuple[Reply, bytes]:
        """A page of the trail. Raises InputError for a limit or a cursor that cannot be one."""
        if not 1 <= question.limit <= MAX_LIMIT:
            raise InputError(
                f"Expected a limit from 1 to {MAX_LIMIT:,}, got {question.limit:,}; a cursor gives the next page."
            )
        before = None if question.cursor is None else _number(question.cursor)
        wanted = Wanted(question.actor, question.action, question.target, question.since)
        with self._database.read() as connection:
            found = newest_entries(connection, question.limit + 1, before, wanted)
        shown = found[: question.limit]
        more = str(shown[-1].number) if len(found) > len(shown) else None
        page = AuditPage(entries=tuple(map(AuditEntry.of, shown)), next=more)
        return Reply(), msgspec.json.encode(page)

    def tell_reading(self, question: Selection, n_rows: int, *, is_export: bool) -> None:
        """Write down who has read predictions of a person, or taken those of a model away."""
        if question.subject is None and not is_export:
            return
        read = {"model": question.model, "predictions": n_rows, "export": is_export}
        with self._database.by(Actor(question.by, question.address)).write() as connection:
            if question.subject is None:
                record(connection, "predictions.export", question.model, after=read)
            else:
                record(connection, "predictions.read_subject", trail_name(question.subject), after=read)


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InputError("Expected a cursor that the page before gave as 'next', got another text.")
    return int(cursor)
