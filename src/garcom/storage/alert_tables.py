"""The tables of alerts; part of the same schema as ``tables``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from garcom.storage.tables import Moment
from garcom.storage.tables import metadata as metadata

#: Rules that somebody added; those of the settings and those that hold from the start are in no table.
alert_rules = Table(
    "alert_rules",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("text", Text, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
)

#: Rules that are switched off for a model, or for all (``*``).
alert_exclusions = Table(
    "alert_exclusions",
    metadata,
    Column("rule", String(60), primary_key=True),
    Column("model", String(100), primary_key=True),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
)

#: Where each rule stands for each model, and what it read last. ``alert_id`` is the alert that is pending or firing.
alert_standings = Table(
    "alert_standings",
    metadata,
    Column("rule", String(60), primary_key=True),
    Column("model", String(100), primary_key=True),
    Column("text", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("since", Moment, nullable=False),
    Column("counted", Integer, nullable=False),
    Column("counted_at", Moment),
    Column("clear_since", Moment),
    Column("alert_id", String(36)),
    Column("evaluated_at", Moment, nullable=False),
    Column("value", Float),
    Column("rows", BigInteger, nullable=False),
    Column("actuals", BigInteger, nullable=False),
    Column("why", Text),
)

#: One row from the first breach of a rule to the end of the alert; a breach that came to nothing leaves none.
alerts = Table(
    "alerts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("rule", String(60), nullable=False),
    Column("text", Text, nullable=False),
    Column("model", String(100), nullable=False),
    Column("version", Integer),
    Column("stage", String(20)),
    Column("segment", Text),
    Column("severity", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("since", Moment, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("fired_at", Moment),
    Column("resolved_at", Moment),
    Column("value", Float),
    Column("rows", BigInteger, nullable=False),
    Column("actuals", BigInteger, nullable=False),
    Column("why", Text),
    Column("acknowledged_by", String(200)),
    Column("acknowledged_at", Moment),
    Column("told_at", Moment),
)
Index("ix_alerts_model", alerts.c.model, alerts.c.id)

#: Until when nobody is told of a rule, of a model, or of anything (both NULL).
alert_silences = Table(
    "alert_silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("rule", String(60)),
    Column("model", String(100)),
    Column("until", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
)

#: What is to be told and in no message yet. A row stands in the transaction of the change that it tells.
alert_events = Table(
    "alert_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("model", String(100), nullable=False),
    Column("at", Moment, nullable=False),
    Column("body", Text, nullable=False),
)

#: Messages, one row for each receiver. ``destination`` is a digest of its address, which holds secrets; ``shown`` is
#: what may be seen of that. What was set aside is not tried again by itself.
alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("destination", String(16), primary_key=True),
    Column("shown", Text, nullable=False),
    Column("model", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Column("why", Text),
    Column("set_aside_at", Moment),
)
Index("ix_alert_messages_delivered_at", alert_messages.c.delivered_at)
