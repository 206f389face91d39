"""What answers, and the revision that counts its changes."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from garcom.storage.tables import state, traffic


def revision(connection: Connection) -> int:
    """How many changes to what answers there have been."""
    return int(connection.execute(select(state.c.revision)).scalar_one())


def bump(connection: Connection) -> int:
    """Count one more change; belongs into the transaction that makes it. Answers the new revision."""
    counted = update(state).values(revision=state.c.revision + 1).returning(state.c.revision)
    return int(connection.execute(counted).scalar_one())


def answer_with(connection: Connection, model_id: int, version_id: int | None) -> None:
    """Let this version answer for the model from now on; None lets nothing answer."""
    connection.execute(delete(traffic).where(traffic.c.model_id == model_id))
    if version_id is not None:
        connection.execute(insert(traffic).values(model_id=model_id, version_id=version_id))
