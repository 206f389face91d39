"""The revision that counts the changes to who may do what."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from garcom.storage.tables import access_state


def revision(connection: Connection) -> int:
    """How many changes to who may do what there have been."""
    return int(connection.execute(select(access_state.c.revision)).scalar_one())


def bump(connection: Connection) -> int:
    """Count one more change; belongs into the transaction that makes it. Answers the new revision."""
    counted = update(access_state).values(revision=access_state.c.revision + 1).returning(access_state.c.revision)
    return int(connection.execute(counted).scalar_one())
