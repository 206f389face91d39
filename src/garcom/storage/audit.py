"""The audit trail: who did what, when, from where, and what it was before and after.

A row stands in the transaction of the change that it tells, so that neither is there without the other. Its hash is an
HMAC-SHA256 over the row and the hash before it, under a secret of the installation: whoever can write to the database,
but cannot read ``secrets/audit.key``, can put no row in, change one, or mend the rest. That the newest rows are still
there is told by the witness (``storage/witness.py``).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, insert, select

from garcom.errors import SettingsError
from garcom.storage.secret_file import secret
from garcom.storage.tables import audit
from garcom.storage.witness import Witness, witness_of

#: The execution option of a connection under which its recorder stands.
RECORDER = "garcom_recorder"

KEY_FILE = "audit.key"
_KEY_BYTES = 32
#: The hash before the first row.
GENESIS = "0" * 64


class Actor(NamedTuple):
    """Who does something (``user:ana``), and where its request came from."""

    name: str
    address: str


#: What the server does by itself.
CONTROLLER = Actor("controller", "")


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
        self._key = b""
        self._last: Entry | None = None
        self._witnessed = False

    def record(self, connection: Connection, action: str, target: str, before: Any, after: Any) -> None:
        """Append a row."""
        newest = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).one_or_none()
        if self._last is None:
            self._begin(connection, is_empty=newest is None)
        told = Entry(
            number=1 if newest is None else newest.number + 1,
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
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
            Witness(self._last.number, self._last.hash).write(self.home, self._key)

    def _begin(self, connection: Connection, *, is_empty: bool) -> None:
        is_first = is_empty and not key_path(self.home).exists()
        self._key = key(self.home) if is_first else existing_key(self.home)
        if is_first:
            Witness(0, GENESIS).write(self.home, self._key)
        # A witness of rows that are no longer there stays what it is: it is the proof that they have been.
        self._witnessed = contradiction(connection, self.home, self._key) is None


def record(connection: Connection, action: str, target: str, before: Any = None, after: Any = None) -> None:
    """Tell a change in the transaction that makes it (``Database.write``), as done by the database's actor.

    ``action`` is ``<thing>.<verb>``, such as ``model.use``; ``before`` and ``after`` become JSON. No secret and no
    personal value belongs in any of them. Raises :class:`~garcom.errors.SettingsError` where the installation's secret
    has been lost: then nothing can be changed until it is restored.
    """
    connection.get_execution_options()[RECORDER].record(connection, action, target, before, after)


def contradiction(connection: Connection, home: Path, secret_key: bytes) -> str | None:
    """What the witness says against the rows; None where it knows nothing of them that is not so."""
    witness = witness_of(home)
    if witness is None:
        return "its witness is missing, so that nobody can tell whether the newest rows are still there"
    if not witness.is_signed(home, secret_key):
        return "its witness was not written by this installation"
    if witness.number == 0:
        return None
    found = connection.execute(select(audit.c.hash).where(audit.c.number == witness.number)).scalar_one_or_none()
    if found is None:
        return f"rows up to number {witness.number} have been written, and the newest of them are gone"
    if found != witness.hash:
        return f"number {witness.number} is another row than the one that was written"
    return None


def chained(secret_key: bytes, previous: str, entry: Entry) -> str:
    """The hash that the row must have after a row with the hash ``previous``."""
    told = msgspec.json.encode([previous, *entry[:-1]])
    return hmac.new(secret_key, told, hashlib.sha256).hexdigest()


def key_path(home: Path) -> Path:
    """Where the secret of the hashes lies."""
    return home / "secrets" / KEY_FILE


def key(home: Path) -> bytes:
    """The secret of the hashes, made where there is none."""
    return secret(home, KEY_FILE, lambda: secrets.token_bytes(_KEY_BYTES))


def existing_key(home: Path) -> bytes:
    """The secret of a trail that has been begun; raises SettingsError where it is no longer there."""
    if not key_path(home).exists():
        raise SettingsError(
            f"Expected the secret of the audit trail in {key_path(home)}, and it is gone; without it no change can be "
            "written down. Restore it from a backup: a new one would make every row before it look altered."
        )
    return key(home)


def entries(connection: Connection, after: int = 0) -> Iterator[Entry]:
    """The rows with larger numbers than ``after``, in order."""
    rows = connection.execution_options(yield_per=1000).execute(
        select(audit).where(audit.c.number > after).order_by(audit.c.number)
    )
    return map(_entry, rows)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)


def _canonical(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value, order="sorted").decode()
