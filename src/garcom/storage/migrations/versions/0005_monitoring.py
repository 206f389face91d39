"""What monitoring knows of each hour, and how far the journals are in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "profiles",
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("hours", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("hour", sa.DateTime, nullable=False),
        sa.Column("layout", sa.String(64), nullable=False),
        sa.Column("day", sa.DateTime, nullable=False),
        sa.Column("n_rows", sa.Integer, nullable=False),
        sa.Column("named", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("model", "segment", "hours", "version", "stage", "hour", "layout", name="pk_profiles"),
    )
    op.create_index("ix_profiles_day", "profiles", ["day", "hours", "model", "segment"])
    op.create_index("ix_profiles_named", "profiles", ["named", "model", "day"])
    op.create_table(
        "profile_progress",
        sa.Column("writer", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("writer", name="pk_profile_progress"),
    )
