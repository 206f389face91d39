"""The database under the home folder: who reads, who writes, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from garcom.errors import Conflict, GarcomError, SettingsError, Unavailable
from garcom.storage import schema, sqlite
from garcom.storage.audit import RECORDER, Actor, Recorder, terminal

FILE_NAME = "garcom.db"


class Database:
    """Metadata only: predictions never wait for it.

    An instance holds no connection between transactions; threads and forked processes may share it.
    """

    def __init__(self, engine: Engine, home: Path, actor: Actor | None = None) -> None:
        self._engine = engine
        self.home = home
        self.actor = terminal() if actor is None else actor

    @classmethod
    def open(cls, home: Path) -> Database:
        """Open ``home/garcom.db``, made or brought up to date first where needed.

        Raises :class:`~garcom.errors.SettingsError` when the folder cannot be used, and
        :class:`~garcom.errors.Conflict` when a newer Garçom or another program wrote the database.
        """
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The home folder {home} cannot be made ({error.strerror}). Choose another with --home or GARCOM_HOME."
            ) from error
        path = home / FILE_NAME
        _create_private(path)
        engine = sqlite.engine_for(path)
        with _translated(engine):
            schema.prepare(engine, home / f"{FILE_NAME}.lock")
        _make_private(path)
        return cls(engine, home)

    def by(self, actor: Actor) -> Database:
        """The same database, whose changes the audit trail tells as this actor's."""
        return Database(self._engine, self.home, actor)

    def changed_at(self) -> int | None:
        """When its file was last changed, in nanoseconds: what has the same moment has most probably not changed.

        Two commits within one tick of the file system's clock have one moment. None where there is no such file.
        """
        try:
            return (self.home / FILE_NAME).stat().st_mtime_ns
        except OSError:
            return None

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout."""
        with _translated(self._engine), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes all or nothing; writers take turns.

        It commits when the block ends and is undone when the block raises or the process dies.
        """
        recorder = Recorder(self.home, self.actor)
        options = {sqlite.WRITER: True, RECORDER: recorder}
        with (
            _translated(self._engine),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection
        recorder.committed()


def _create_private(path: Path) -> None:
    """Make the file such that its owner alone reads hashes of passwords and keys; what fails, SQLite will tell."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))


def _make_private(path: Path) -> None:
    """The same for a file that was there before, as a Garçom without accounts made it for everybody to read."""
    with contextlib.suppress(OSError):  # another's file stays as its owner wants it
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)


@contextlib.contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise _explained(error, str(engine.url.database)) from error


def _explained(error: DatabaseError, path: str) -> GarcomError:
    """The driver's error in words that say what to do; an error of our own making is passed on."""
    said = str(error.orig)
    if "locked" in said:
        return Unavailable(
            f"The database {path} has been busy for {sqlite.BUSY_TIMEOUT_S:.0f} s: another process is writing to it. "
            "Try again; if it stays so, find the process that holds the file."
        )
    if "not a database" in said or "malformed" in said:
        return Conflict(
            f"{path} is not a database that SQLite can read ({said}). Restore it from a backup, or use another home "
            "folder with --home."
        )
    if "no such table" in said or "no such column" in said:  # every database that was opened has them all
        return SettingsError(
            f"Somebody has taken something out of the database {path} ({said}). Restore it from a backup, or use "
            "another home folder with --home."
        )
    if isinstance(error, OperationalError):  # no permission, no space, a failing disk
        return SettingsError(
            f"The database {path} cannot be used ({said}). Check that its folder exists, is writable and has space "
            "left, or choose another with --home or GARCOM_HOME."
        )
    raise error
