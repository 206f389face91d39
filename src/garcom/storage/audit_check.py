"""Whether the audit trail is what was written: every row, in order, and the newest of them."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import inspect

from garcom.errors import InputError, SettingsError
from garcom.storage.audit import Wrong, contradiction, existing_key, gone, key_path
from garcom.storage.audit_origins import without_origin
from garcom.storage.audit_rows import GENESIS, Entry, chained, entries, newest_entry
from garcom.storage.database import Database
from garcom.storage.tables import audit
from garcom.storage.witness import witness_of

#: Rows of one transaction: while one goes on, nobody else can write to SQLite.
_CHUNK = 2_000
_NO_TABLE = "the table audit is missing from the database, and every row with it; restore the database from a backup"
_ANCHOR = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")

#: Told how many rows are checked, of how many.
Progress = Callable[[int, int], None]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: ``wrong`` is the first number that is not as it was written, ``how`` says what is wrong.

    ``head`` (``15:ab12…``) is the newest row; whoever keeps it elsewhere can ask for it later.
    """

    intact: bool
    rows: int
    head: str | None = None
    wrong: int | None = None
    how: str = ""


class Anchor(NamedTuple):
    """A row that is known to have been written: somebody kept its number and hash elsewhere."""

    number: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """``15:ab12…``, as ``Verification.head`` tells it. Raises InputError."""
        found = _ANCHOR.fullmatch(text.strip())
        if found is None:
            raise InputError(f"Expected NUMBER:HASH with 64 hexadecimal digits, as verify prints it; got {text!r}.")
        return cls(int(found[1]), found[2])


def verify(
    database: Database, anchor: Anchor | None = None, progress: Progress = lambda done, rows: None
) -> Verification:
    """Check every row and its place, the witness, and the row of ``anchor``. Changes nothing."""
    home = database.home
    with database.read() as connection:
        if not inspect(connection).has_table(audit.name):
            return Verification(intact=False, rows=0, how=_NO_TABLE)
        newest = newest_entry(connection)
        if newest is None and not key_path(home).exists() and witness_of(home) is None:  # nothing was ever written
            key, objection = b"", None
        else:
            try:
                key = existing_key(home)
            except SettingsError as error:
                return Verification(intact=False, rows=0, how=str(error).rstrip("."))
            objection = contradiction(connection, home, key)
    rows = 0 if newest is None else newest.number
    last, wrong = _check_rows(database, key, anchor, lambda done: progress(done, rows))
    head = None if last is None else f"{last.number}:{last.hash}"
    n_rows = 0 if last is None else last.number
    wrong = wrong or objection or _missing(anchor, n_rows) or _unexplained(database)
    if wrong is None:
        return Verification(intact=True, rows=n_rows, head=head)
    return Verification(intact=False, rows=n_rows, head=head, wrong=wrong.number, how=wrong.how)


def _missing(anchor: Anchor | None, n_rows: int) -> Wrong | None:
    return None if anchor is None or anchor.number <= n_rows else gone(anchor.number, n_rows)


def _unexplained(database: Database) -> Wrong | None:
    with database.read() as connection:
        found = without_origin(connection)
    return None if found is None else Wrong(f"{found} is in the database, and no row tells who made it")


def _check_rows(
    database: Database, key: bytes, anchor: Anchor | None, progress: Callable[[int], None]
) -> tuple[Entry | None, Wrong | None]:
    """The last row that is right, and what is wrong with the one after it."""
    last: Entry | None = None
    while True:
        with database.read() as connection:
            found = tuple(entries(connection, None if last is None else last.number, _CHUNK))
        for entry in found:
            how = _fault(key, last, entry, anchor)
            if how:
                return last, Wrong(how, 1 if last is None else last.number + 1)
            last = entry
        progress(0 if last is None else last.number)
        if len(found) < _CHUNK:
            return last, None


def _fault(key: bytes, last: Entry | None, entry: Entry, anchor: Anchor | None) -> str:
    expected = 1 if last is None else last.number + 1
    if entry.number < expected:
        return f"a row with the number {entry.number} stands before it"
    if entry.number > expected:
        return f"numbers {expected} to {entry.number - 1} are gone"
    right = chained(key, GENESIS if last is None else last.hash, entry)
    if not hmac.compare_digest(str(entry.hash).encode(), right.encode()):
        return "the row was changed, or put there by somebody else"
    if anchor is not None and anchor.number == entry.number and anchor.hash != entry.hash:
        return "another row was written under this number, as you know from elsewhere"
    return ""
