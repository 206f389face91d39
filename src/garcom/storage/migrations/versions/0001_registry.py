"""Models, versions, what is known of them, and what answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("removed_at", sa.DateTime),
        sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("last_number", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("name", name="uq_models_name"),
    )
    op.create_index(
        "uq_models_default",
        "models",
        ["is_default"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("task", sa.String(20), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("removed_at", sa.DateTime),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        sa.UniqueConstraint("model_id", "number", name="uq_versions_model_id_number"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_versions_model_id_models"),
    )
    op.create_index(
        "uq_versions_living_digest",
        "versions",
        ["model_id", "digest"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    _create_facts("metrics", sa.Column("value", sa.Float))
    _create_facts("parameters", sa.Column("value", sa.Text, nullable=False))
    _create_facts("lineage", sa.Column("value", sa.JSON, nullable=False))
    op.create_table(
        "traffic",
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("model_id", name="pk_traffic"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_traffic_model_id_models"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_traffic_version_id_versions"),
    )
    op.create_table(
        "routes",
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_routes"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_routes_model_id_models"),
    )
    state = op.create_table(
        "state",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_state_single_row")),
        sa.PrimaryKeyConstraint("id", name="pk_state"),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0}])


def _create_facts(name: str, value: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        value,
        sa.PrimaryKeyConstraint("version_id", "name", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=f"fk_{name}_version_id_versions", ondelete="CASCADE"
        ),
    )
