"""Queries on alert rules, alerts, silences, and the messages that tell of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, or_, select, update

from garcom.storage.alert_tables import (
    alert_events,
    alert_exclusions,
    alert_messages,
    alert_rules,
    alert_silences,
    alert_standings,
    alerts,
)


class RuleRow(NamedTuple):
    """A rule that somebody added."""

    name: str
    text: str
    created_by: str
    created_at: datetime


class ExclusionRow(NamedTuple):
    """A rule that is switched off for a model, or for all (``*``)."""

    rule: str
    model: str
    created_by: str
    created_at: datetime


class StandingRow(NamedTuple):
    """Where a rule stands for a model, and what it read last; ``text`` is the rule as it was then."""

    rule: str
    model: str
    text: str
    state: str
    since: datetime
    counted: int
    counted_at: datetime | None
    clear_since: datetime | None
    alert_id: str | None
    evaluated_at: datetime
    value: float | None
    rows: int
    actuals: int
    why: str | None


class AlertRow(NamedTuple):
    """An alert, from its first breach on; ``told_at`` is when people were last told that it fires, or fired."""

    id: str
    rule: str
    text: str
    model: str
    version: int | None
    stage: str | None
    segment: str | None
    severity: str
    state: str
    since: datetime
    began_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    value: float | None
    rows: int
    actuals: int
    why: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    told_at: datetime | None


class SilenceRow(NamedTuple):
    """Until when nobody is told; ``rule`` and ``model`` are None for all."""

    id: str
    rule: str | None
    model: str | None
    until: datetime
    reason: str
    created_by: str
    created_at: datetime


class EventRow(NamedTuple):
    """Something to be told, as JSON."""

    id: str
    model: str
    at: datetime
    body: str


class MessageRow(NamedTuple):
    """A message for one receiver; ``why`` is what came of the last attempt that failed.

    With ``set_aside_at`` it is not tried again until somebody asks for that.
    """

    id: str
    destination: str
    shown: str
    model: str
    created_at: datetime
    body: str
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    why: str | None
    set_aside_at: datetime | None = None


def list_rules(connection: Connection) -> list[RuleRow]:
    """The rules that were added, by name."""
    return [RuleRow(*row) for row in connection.execute(select(alert_rules).order_by(alert_rules.c.name))]


def add_rule(connection: Connection, row: RuleRow) -> None:
    """Keep a rule of a name that none has."""
    connection.execute(insert(alert_rules).values(row._asdict()))


def put_rule(connection: Connection, row: RuleRow) -> None:
    """Keep a rule in place of the one that has its name, if there is one."""
    connection.execute(delete(alert_rules).where(alert_rules.c.name == row.name))
    add_rule(connection, row)


def remove_rule(connection: Connection, name: str) -> None:
    """Remove a rule, and where it was switched off."""
    connection.execute(delete(alert_rules).where(alert_rules.c.name == name))
    connection.execute(delete(alert_exclusions).where(alert_exclusions.c.rule == name))


def list_exclusions(connection: Connection) -> list[ExclusionRow]:
    """Where rules are switched off."""
    query = select(alert_exclusions).order_by(alert_exclusions.c.rule, alert_exclusions.c.model)
    return [ExclusionRow(*row) for row in connection.execute(query)]


def switch_off(connection: Connection, row: ExclusionRow) -> None:
    """Switch a rule off that is on."""
    connection.execute(insert(alert_exclusions).values(row._asdict()))


def switch_on(connection: Connection, rule: str, model: str) -> None:
    """Switch a rule on again."""
    meant = (alert_exclusions.c.rule == rule) & (alert_exclusions.c.model == model)
    connection.execute(delete(alert_exclusions).where(meant))


def list_standings(connection: Connection) -> list[StandingRow]:
    """Where every rule stands for every model that it was ever read for."""
    query = select(alert_standings).order_by(alert_standings.c.rule, alert_standings.c.model)
    return [StandingRow(*row) for row in connection.execute(query)]


def put_standings(connection: Connection, rows: Collection[StandingRow]) -> None:
    """Write these down in place of what was known before."""
    for row in rows:
        drop_standing(connection, row.rule, row.model)
    if rows:
        connection.execute(insert(alert_standings), [row._asdict() for row in rows])


def drop_standing(connection: Connection, rule: str, model: str) -> None:
    """Forget where a rule stands for a model."""
    meant = (alert_standings.c.rule == rule) & (alert_standings.c.model == model)
    connection.execute(delete(alert_standings).where(meant))


def find_alert(connection: Connection, id: str) -> AlertRow | None:
    """The alert of an id."""
    row = connection.execute(select(alerts).where(alerts.c.id == id)).one_or_none()
    return None if row is None else AlertRow(*row)


def alert_ids(connection: Connection, begins: str, models: Collection[str] | None = None) -> dict[str, bool]:
    """The ids that begin so (of digits, a-f and dashes), with whether the alert is over; models None: of all."""
    query = select(alerts.c.id, alerts.c.state).where(alerts.c.id.startswith(begins, autoescape=True))
    found = connection.execute(query if models is None else query.where(alerts.c.model.in_(models)))
    return {id: state == "resolved" for id, state in found}


def list_alerts(
    connection: Connection,
    *,
    models: Collection[str] | None = None,
    states: Collection[str] | None = None,
    since: datetime | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> list[AlertRow]:
    """Alerts, the newest first; None does not matter.

    ``since`` leaves out those that were resolved before it, ``before`` is the id of the last one of the page before.
    """
    conditions: list[ColumnElement[bool]] = []
    if models is not None:
        conditions.append(alerts.c.model.in_(models))
    if states is not None:
        conditions.append(alerts.c.state.in_(states))
    if since is not None:
        conditions.append(or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at >= since))
    if before is not None:
        conditions.append(alerts.c.id < before)
    query = select(alerts).where(*conditions).order_by(alerts.c.id.desc()).limit(limit)
    return [AlertRow(*row) for row in connection.execute(query)]


def put_alert(connection: Connection, row: AlertRow) -> None:
    """Write an alert down in place of what was known of it before."""
    drop_alert(connection, row.id)
    connection.execute(insert(alerts).values(row._asdict()))


def change_alert(connection: Connection, id: str, **values: Any) -> None:
    """Write new values over those of an alert."""
    connection.execute(update(alerts).where(alerts.c.id == id).values(values))


def drop_alert(connection: Connection, id: str) -> None:
    """Forget an alert that came to nothing."""
    connection.execute(delete(alerts).where(alerts.c.id == id))


def list_silences(connection: Connection, now: datetime) -> list[SilenceRow]:
    """The silences that are not over, the one that ends first before the others."""
    query = select(alert_silences).where(alert_silences.c.until > now)
    return [SilenceRow(*row) for row in connection.execute(query.order_by(alert_silences.c.until, alert_silences.c.id))]


def add_silence(connection: Connection, row: SilenceRow) -> None:
    """Keep a silence."""
    connection.execute(insert(alert_silences).values(row._asdict()))


def remove_silence(connection: Connection, id: str) -> None:
    """End a silence."""
    connection.execute(delete(alert_silences).where(alert_silences.c.id == id))


def add_event(connection: Connection, row: EventRow) -> None:
    """Keep something that is to be told."""
    connection.execute(insert(alert_events).values(row._asdict()))


def list_events(connection: Connection) -> list[EventRow]:
    """What is in no message yet, the oldest first."""
    return [EventRow(*row) for row in connection.execute(select(alert_events).order_by(alert_events.c.id))]


def drop_events(connection: Connection, ids: Iterable[str]) -> None:
    """Forget what is in a message now, or what nobody is to be told."""
    connection.execute(delete(alert_events).where(alert_events.c.id.in_(list(ids))))


def add_message(connection: Connection, row: MessageRow) -> None:
    """Keep a message that is to be delivered."""
    connection.execute(insert(alert_messages).values(row._asdict()))


def list_waiting(connection: Connection) -> list[MessageRow]:
    """The messages that are to be delivered yet, the oldest first."""
    meant = alert_messages.c.delivered_at.is_(None) & alert_messages.c.set_aside_at.is_(None)
    query = select(alert_messages).where(meant).order_by(alert_messages.c.id)
    return [MessageRow(*row) for row in connection.execute(query)]


def list_undelivered(
    connection: Connection,
    *,
    models: Collection[str] | None = None,
    set_aside: bool | None = None,
    limit: int | None = None,
) -> list[MessageRow]:
    """The messages that wait and those that were set aside, the newest first; None does not matter."""
    conditions: list[ColumnElement[bool]] = [alert_messages.c.delivered_at.is_(None)]
    if models is not None:
        conditions.append(alert_messages.c.model.in_(models))
    if set_aside is not None:
        conditions.append(alert_messages.c.set_aside_at.is_not(None) == set_aside)
    order = alert_messages.c.id.desc(), alert_messages.c.destination
    query = select(alert_messages).where(*conditions).order_by(*order).limit(limit)
    return [MessageRow(*row) for row in connection.execute(query)]


def change_message(connection: Connection, id: str, destination: str, **values: Any) -> None:
    """Write new values over those of a message."""
    meant = (alert_messages.c.id == id) & (alert_messages.c.destination == destination)
    connection.execute(update(alert_messages).where(meant).values(values))


def forget_past(connection: Connection, before: datetime) -> None:
    """Delete what was delivered, resolved or over before a moment, and what waits since then for a receiver."""
    over: tuple[tuple[Table, str], ...] = (
        (alert_messages, "created_at"),
        (alerts, "resolved_at"),
        (alert_silences, "until"),
    )
    for table, moment in over:
        connection.execute(delete(table).where(table.c[moment] < before))
