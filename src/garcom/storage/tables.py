"""The tables. ``migrations/`` builds the same schema step by step; a test holds the two equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    # Alembic can only change a constraint that has a name.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC without a zone in the database (SQLite knows no zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC without a zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


def _version_facts(name: str, value: Column[Any]) -> Table:
    """A table of named values of a version."""
    return Table(
        name,
        metadata,
        Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
        Column("name", String(200), primary_key=True),
        value,
    )


#: A removed model keeps its row, because its version numbers are never given again.
models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("created", Moment, nullable=False),
    Column("removed_at", Moment),
    Column("is_default", Boolean, nullable=False, server_default=false()),
    Column("last_number", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name"),
)
Index(
    "uq_models_default",
    models.c.is_default,
    unique=True,
    sqlite_where=text("is_default"),
    postgresql_where=text("is_default"),
)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("task", String(20), nullable=False),
    Column("created", Moment, nullable=False),
    Column("removed_at", Moment),
    Column("metadata", JSON, nullable=False),
    UniqueConstraint("model_id", "number"),
)
# The same content is at most one living version of a model, whoever registers it and at the same time.
Index(
    "uq_versions_living_digest",
    versions.c.model_id,
    versions.c.digest,
    unique=True,
    sqlite_where=text("removed_at IS NULL"),
    postgresql_where=text("removed_at IS NULL"),
)

#: NULL is a metric that is not a number (undefined for these data).
metrics = _version_facts("metrics", Column("value", Float))
parameters = _version_facts("parameters", Column("value", Text, nullable=False))
lineage = _version_facts("lineage", Column("value", JSON, nullable=False))

#: Which version of a model answers; a model without a row answers nothing.
traffic = Table(
    "traffic",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
)

#: Paths of a model's own beside ``/v1/models/{model}/predict``.
routes = Table(
    "routes",
    metadata,
    Column("path", String(200), primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
)

#: A removed dataset keeps its row, because its version numbers are never given again.
datasets = Table(
    "datasets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_number", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name"),
)

#: ``state`` tells what was going on with the version's table, so that whoever comes next can end what a killed process
#: began: ``writing`` and ``removing`` (nobody sees the version), ``ready``, ``erasing`` (``next_digest`` is to come).
dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_id", ForeignKey("datasets.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("next_digest", String(64)),
    Column("delta_version", Integer, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("profile", JSON, nullable=False),
    Column("lineage", JSON, nullable=False),
    Column("erasures", JSON, nullable=False),
    UniqueConstraint("dataset_id", "number"),
    CheckConstraint("state IN ('writing', 'ready', 'erasing', 'removing')", name="known_state"),
)

#: One row: ``revision`` counts every change to what answers.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)
