"""Brings a database to the schema of this Garçom; Alembic is imported only when there is work for it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from garcom.errors import Conflict
from garcom.storage import alert_tables, tables
from garcom.storage.lock import locked
from garcom.storage.sqlite import WRITER

#: Every migration in order; the last one is what ``tables`` describes. A test compares them with the scripts.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")


def prepare(engine: Engine, lock: Path) -> None:
    """Create or upgrade the schema, one process at a time.

    A database that is up to date costs one query and no lock. Raises
    :class:`~garcom.errors.Conflict` for a database of a newer Garçom or of another program, which is
    then left as it was.
    """
    if _is_current(engine):
        return
    with locked(lock):
        if _is_current(engine):  # another process did it meanwhile
            return
        with engine.connect().execution_options(**{WRITER: True}) as connection, connection.begin():
            if _read_revision(connection) is None:
                _create(connection)
            else:
                upgrade(connection)


def _is_current(engine: Engine) -> bool:
    with engine.connect() as connection, connection.begin():
        revision = _read_revision(connection)
    if revision is not None and revision not in REVISIONS:
        raise Conflict(
            f"The database {engine.url.database} was written by a newer Garçom (schema {revision}; this one knows "
            f"up to {REVISIONS[-1]}). Upgrade Garçom (`pip install --upgrade garcom`), or use another home "
            "folder with --home."
        )
    return revision == REVISIONS[-1]


def _read_revision(connection: Connection) -> str | None:
    """The schema's revision; None for a database without tables."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "alembic_version" not in names:
        raise Conflict(
            f"The database {connection.engine.url.database} belongs to another program (tables {sorted(names)[:5]}). "
            "Use another home folder with --home."
        )
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def _create(connection: Connection) -> None:
    alert_tables.metadata.create_all(connection)  # those of ``tables`` too
    for state in (tables.state, tables.access_state):
        connection.execute(state.insert().values(id=1, revision=0))
    connection.execute(
        text(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISIONS[-1]})


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to ``revision`` in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "garcom.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
