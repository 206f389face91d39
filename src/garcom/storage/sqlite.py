"""What is particular to SQLite, in one place."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

#: How long a statement waits for another process's transaction, in seconds.
BUSY_TIMEOUT_S = 30.0

#: The execution option of a connection that will write.
WRITER = "garcom_writer"


def engine_for(path: Path) -> Engine:
    """An engine on the database file ``path``; the file is made when the first connection opens.

    Connections are not pooled: opening one costs less than a millisecond, and none can leak into a
    forked worker.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"timeout": BUSY_TIMEOUT_S},
        # An error's text would end in the log with hashes of passwords and with keys in it.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    # The driver's own BEGIN comes too late (before the first write) and not at all before DDL; see _begin.
    connection.isolation_level = None
    # A rollback journal, because SQLite before 3.51.3 can corrupt a write-ahead log that has several writers.
    # What is deleted is overwritten in the file: profiles of datasets may hold what somebody has asked to be erased.
    for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # A writer takes its turn at once. One that starts as a reader could not upgrade past another writer's
    # commit, and would fail instead of waiting.
    writes = connection.get_execution_options().get(WRITER, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
