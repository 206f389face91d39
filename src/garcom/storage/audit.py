"""The audit trail: who did what, when, from where, and what it was before and after.

A row stands in the transaction of the change that it tells, so that neither is there without the other. Its hash is an
HMAC-SHA256 over the row and the hash before it, under a secret of the installation: whoever can write to the database,
but cannot read ``secrets/audit.key``, can put no row in, change one, or mend the rest. That the newest rows are still
there is told by the witness (``storage/witness.py``).
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, insert

from garcom.errors import SettingsError
from garcom.storage.audit_rows import AT, GENESIS, Entry, chained, entries, newest_entry
from garcom.storage.secret_file import secret
from garcom.storage.tables import audit
from garcom.storage.witness import Witness, witness_of

#: The execution option of a connection under which its recorder stands.
RECORDER = "garcom_recorder"

KEY_FILE = "audit.key"
_KEY_BYTES = 32


class Actor(NamedTuple):
    """Who does something (``user:ana``), and where its request came from."""

    name: str
    address: str


#: What the server does by itself.
CONTROLLER = Actor("controller", "")


def terminal() -> Actor:
    """Whoever runs this process: the user that the system knows it by, which no variable can change."""
    if sys.platform == "win32":
        import getpass

        return Actor(f"local:{getpass.getuser()}", "terminal")
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry
        name = str(os.getuid())
    return Actor(f"local:{name}", "terminal")


class Recorder:
    """Writes the rows of one transaction, and after its commit the witness of them."""

    def __init__(self, home: Path, actor: Actor) -> None:
        self.home = home
        self.actor = actor
        #: Whether the trail goes on whatever the witness says.
        self.accepts = False
        self._key = b""
        self._last: Entry | None = None
        self._witnessed = False

    def append(self, connection: Connection, action: str, target: str, before: Any, after: Any) -> None:
        """Append a row."""
        newest = newest_entry(connection)
        if self._last is None:
            self._begin(connection, is_empty=newest is None)
        told = Entry(
            number=1 if newest is None else newest.number + 1,
            at=datetime.now(UTC).strftime(AT),
            actor=self.actor.name,
            address=self.actor.address,
            action=action,
            target=target,
            before=_canonical(before),
            after=_canonical(after),
            hash="",
        )
        self._last = told._replace(hash=chained(self._key, GENESIS if newest is None else newest.hash, told))
        connection.execute(insert(audit).values(self._last._asdict()))

    def committed(self) -> None:
        """Let the witness know of the rows, now that they stand in the database."""
        if self._last is not None and self._witnessed:
            Witness(self._last.number, self._last.hash).write(self.home, self._key, accepting=self.accepts)

    def _begin(self, connection: Connection, *, is_empty: bool) -> None:
        is_first = is_empty and not key_path(self.home).exists() and witness_of(self.home) is None
        self._key = _make_key(self.home) if is_first or self.accepts else existing_key(self.home)
        if is_first:
            Witness(0, GENESIS).write(self.home, self._key)
        # A witness of rows that are no longer there stays what it is: it is the proof that they have been.
        self._witnessed = self.accepts or contradiction(connection, self.home, self._key) is None


def record(connection: Connection, action: str, target: str, before: Any = None, after: Any = None) -> None:
    """Tell a change in the transaction that makes it (``Database.write``), as done by the database's actor.

    ``action`` is ``<thing>.<verb>``, such as ``model.use``; ``before`` and ``after`` become JSON. No secret and no
    personal value belongs in any of them. Raises :class:`~garcom.errors.SettingsError` where the installation's secret
    has been lost: then nothing can be changed until it is restored.
    """
    _recorder(connection).append(connection, action, target, before, after)


def accept(connection: Connection, reason: str) -> None:
    """Let the trail go on from the rows that are there, though the witness or the secret says that it should not.

    For a database that was restored from a backup. That it was accepted, and why, stands in the trail from then on; a
    secret that was lost is made anew, and the rows before it stay unproved.
    """
    recorder = _recorder(connection)
    recorder.accepts = True
    witness = witness_of(recorder.home)
    known = None if witness is None else {"number": witness.number, "hash": witness.hash}
    record(connection, "audit.accept", "audit", before={"witness": known}, after={"reason": reason})


class Wrong(NamedTuple):
    """What is not as it was written, and the first number of which that is known."""

    how: str
    number: int | None = None


def contradiction(connection: Connection, home: Path, key: bytes) -> Wrong | None:
    """What the witness says against the rows; None where it knows nothing of them that is not so."""
    witness = witness_of(home)
    if witness is None:
        return Wrong("the witness is missing, so that nobody can tell whether the newest rows are still there")
    if not witness.is_signed(key):
        return Wrong("the witness was not written by this installation")
    if witness.number == 0:
        return None
    newest = newest_entry(connection)
    n_rows = 0 if newest is None else newest.number
    if n_rows < witness.number:
        return gone(witness.number, n_rows)
    found = next(entries(connection, witness.number - 1, 1))
    if (found.number, found.hash) != (witness.number, witness.hash):
        return Wrong("it is not the row that was written", witness.number)
    return None


def gone(number: int, n_rows: int) -> Wrong:
    """What is said of rows that somebody has seen up to ``number``, where ``n_rows`` are left."""
    return Wrong(f"rows up to number {number} have been written, and the newest of them are gone", n_rows + 1)


def key_path(home: Path) -> Path:
    """Where the secret of the hashes lies."""
    return home / "secrets" / KEY_FILE


def existing_key(home: Path) -> bytes:
    """The secret of a trail that has been begun; raises SettingsError where it is no longer there."""
    if not key_path(home).exists():
        raise SettingsError(
            f"Expected the secret of the audit trail in {key_path(home)}, and it is gone; without it no change can be "
            "written down. Restore it from a backup. Where there is none, `garcom audit accept` makes a new one, and "
            "every row before stays unproved."
        )
    found = _make_key(home)
    if len(found) != _KEY_BYTES:
        raise SettingsError(
            f"Expected a secret of {_KEY_BYTES} bytes in {key_path(home)}, got {len(found)}. Put it back from a backup."
        )
    return found


def _make_key(home: Path) -> bytes:
    return secret(home, KEY_FILE, lambda: secrets.token_bytes(_KEY_BYTES))


def _recorder(connection: Connection) -> Recorder:
    found: Recorder = connection.get_execution_options()[RECORDER]
    return found


def _canonical(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value, order="sorted").decode()
