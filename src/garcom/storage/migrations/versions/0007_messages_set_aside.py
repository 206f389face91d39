"""When a message of alerts was set aside, because its receiver will not take it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the step."""
    op.add_column("alert_messages", sa.Column("set_aside_at", sa.DateTime))
