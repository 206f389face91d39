"""Alert rules, alerts, silences, and the messages that tell of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "alert_rules",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_alert_rules"),
    )
    op.create_table(
        "alert_exclusions",
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("rule", "model", name="pk_alert_exclusions"),
    )
    op.create_table(
        "alert_standings",
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("counted", sa.Integer, nullable=False),
        sa.Column("counted_at", sa.DateTime),
        sa.Column("clear_since", sa.DateTime),
        sa.Column("alert_id", sa.String(36)),
        sa.Column("evaluated_at", sa.DateTime, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("actuals", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text),
        sa.PrimaryKeyConstraint("rule", "model", name="pk_alert_standings"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("stage", sa.String(20)),
        sa.Column("segment", sa.Text),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("fired_at", sa.DateTime),
        sa.Column("resolved_at", sa.DateTime),
        sa.Column("value", sa.Float),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("actuals", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("acknowledged_by", sa.String(200)),
        sa.Column("acknowledged_at", sa.DateTime),
        sa.Column("told_at", sa.DateTime),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_model", "alerts", ["model", "id"])
    op.create_table(
        "alert_silences",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("rule", sa.String(60)),
        sa.Column("model", sa.String(100)),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_silences"),
    )
    op.create_table(
        "alert_events",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_events"),
    )
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("destination", sa.String(16), nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("delivered_at", sa.DateTime),
        sa.Column("why", sa.Text),
        sa.PrimaryKeyConstraint("id", "destination", name="pk_alert_messages"),
    )
    op.create_index("ix_alert_messages_delivered_at", "alert_messages", ["delivered_at"])
