"""The SQLite file of the idempotency keys: its schema, its statements, and what happens to it as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

FORMAT = "1"

# The answers grow at one end of the table; only the small index on the digests is written at random places.
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE keys (
    digest BLOB PRIMARY KEY, body_digest BLOB, owner INTEGER,
    media_type TEXT, body BLOB, id TEXT, subject TEXT, expires_at INTEGER NOT NULL
);
CREATE INDEX keys_expiry ON keys (expires_at);
CREATE INDEX keys_subject ON keys (subject) WHERE subject IS NOT NULL;
"""
_COLUMNS = "digest, body_digest, owner, media_type, body, id, subject, expires_at"
_VALUES = "?, ?, ?, ?, ?, ?, ?, ?"


class Row(NamedTuple):
    """What is known of a key: a claim while ``body`` is None, an answer afterwards. ``expires_at`` is Unix ms."""

    digest: bytes
    body_digest: bytes | None
    owner: int | None
    media_type: str | None
    body: bytes | None
    id: str | None
    subject: str | None
    expires_at: int


def boot_id() -> str:
    """What changes when the machine starts again, and with it the fate of writes that no sync made durable."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def milliseconds(prediction_id: str) -> int:
    """The time in a UUIDv7, Unix milliseconds."""
    return int(prediction_id[:8] + prediction_id[9:13], 16)


def connect(path: Path, patience_s: float) -> sqlite3.Connection:
    """Open an existing file; threads may share the connection one after the other."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=patience_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        # TRUNCATE, not PERSIST: what is erased must not stay in a journal that is no longer needed.
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA busy_timeout = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def is_whole(path: Path, boot: str) -> bool:
    """Whether there is a file of this boot and format. Raises sqlite3.Error where the disk does not tell."""
    if not path.exists():
        return False
    try:
        with closing(connect(path, 5.0)) as connection:
            connection.execute("PRAGMA busy_timeout = 5000")
            facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    except sqlite3.Error as error:
        if is_damaged(error) or "no such table" in str(error):
            return False
        raise
    return facts == {"boot": boot, "format": FORMAT}


def build(path: Path, boot: str, rows: Iterable[Row]) -> None:
    """Put a new file in the place of whatever is there; nobody sees half of it."""
    new = path.with_suffix(".new")
    remove(new)
    new.touch(0o600)
    with closing(connect(new, 5.0)) as connection:
        connection.executescript(f"BEGIN; {_SCHEMA}")
        connection.executemany("INSERT INTO facts VALUES (?, ?)", [("boot", boot), ("format", FORMAT)])
        add(connection, rows)
        connection.execute("COMMIT")
    remove(path)
    new.rename(path)
    remove(new)


def remove(path: Path) -> None:
    """Remove a file, then its journal, which would otherwise be played into the next file of the name."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


def inode(path: Path) -> int:
    """Which file it is that has the name; 0 if there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file itself is bad, not only this attempt."""
    return _code(error) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_lost(error: sqlite3.Error) -> bool:
    """Whether the file that was open is not, or no longer, the one to use."""
    return is_damaged(error) or _code(error) == sqlite3.SQLITE_READONLY_DBMOVED


def _code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself carry no code.
    return getattr(error, "sqlite_errorcode", None) or 0


def find(connection: sqlite3.Connection, digest: bytes) -> Row | None:
    """What is known of a key."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM keys WHERE digest = ?", (digest,)).fetchone()
    return Row(*found) if found else None


def put(connection: sqlite3.Connection, row: Row) -> None:
    """Write a row, in the place of an older one."""
    connection.execute(f"INSERT OR REPLACE INTO keys ({_COLUMNS}) VALUES ({_VALUES})", row)


def add(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write rows of which nothing is known yet."""
    connection.executemany(f"INSERT OR IGNORE INTO keys ({_COLUMNS}) VALUES ({_VALUES})", rows)


def take(connection: sqlite3.Connection, digest: bytes, owner: int) -> None:
    """Take over a claim."""
    connection.execute("UPDATE keys SET owner = ? WHERE digest = ?", (owner, digest))


def settle(connection: sqlite3.Connection, row: Row, owner: int, nobody: int) -> None:
    """Keep an answer, unless the claim has gone to another owner than ``nobody``."""
    connection.execute(
        f"INSERT INTO keys ({_COLUMNS}) VALUES ({_VALUES}) ON CONFLICT (digest) DO UPDATE SET owner = NULL, "
        "body_digest = excluded.body_digest, media_type = excluded.media_type, body = excluded.body, "
        "id = excluded.id, subject = excluded.subject WHERE owner IN (?, ?)",
        (*row, owner, nobody),
    )


def release(connection: sqlite3.Connection, digest: bytes, owner: int) -> None:
    """Remove a claim of this owner."""
    connection.execute("DELETE FROM keys WHERE digest = ? AND owner = ? AND body IS NULL", (digest, owner))


def leave(connection: sqlite3.Connection, digests: Collection[bytes], owner: int, nobody: int) -> None:
    """Mark claims of this owner as nobody's."""
    connection.executemany(
        "UPDATE keys SET owner = ? WHERE digest = ? AND owner = ? AND body IS NULL",
        [(nobody, digest, owner) for digest in digests],
    )


def forget(connection: sqlite3.Connection, column: Literal["digest", "subject"], values: Iterable[object]) -> int:
    """Delete the rows that have one of these values."""
    return sum(connection.execute(f"DELETE FROM keys WHERE {column} = ?", (value,)).rowcount for value in values)


def forget_ids(connection: sqlite3.Connection, ids: Iterable[str]) -> int:
    """Delete the answers that begin with one of these predictions; reads the whole table once."""
    wanted = json.dumps(list(ids))
    return connection.execute("DELETE FROM keys WHERE id IN (SELECT value FROM json_each(?))", (wanted,)).rowcount


def expire(connection: sqlite3.Connection, now_ms: int, limit: int) -> int:
    """Delete some of the rows whose time is over."""
    return connection.execute(
        "DELETE FROM keys WHERE rowid IN (SELECT rowid FROM keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
        (now_ms, limit),
    ).rowcount
