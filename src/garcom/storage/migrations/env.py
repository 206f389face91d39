"""Alembic's entry: runs in the connection and transaction that ``schema.upgrade`` hands over."""

from __future__ import annotations

from alembic import context

from garcom.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot change a column in place; Alembic then copies the table.
    render_as_batch=True,
)
context.run_migrations()
