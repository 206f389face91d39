"""Reads every rule, and writes down what became of its alerts.

The state, the audit trail and what is to be told stand in one transaction: none is there without the others.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, cast

import msgspec
from sqlalchemy import Connection

from garcom.errors import GarcomError
from garcom.ids import uuid7s
from garcom.monitoring.alerts.messages import Happened, Told
from garcom.monitoring.alerts.readings import DEFAULT_LEAST, Asked, Reading, Readings
from garcom.monitoring.alerts.rule import EVERY_MODEL, Rule, Severity
from garcom.monitoring.alerts.rule_book import NamedRule, RuleBook
from garcom.monitoring.alerts.silences import silenced_until
from garcom.monitoring.alerts.standing import Standing, State, shortage, step
from garcom.monitoring.records import Scope
from garcom.storage import alerts as storage
from garcom.storage.alerts import AlertRow, SilenceRow, StandingRow
from garcom.storage.audit import record
from garcom.storage.database import Database
from garcom.storage.models import list_models

logger = logging.getLogger("garcom.alerts")

#: Alerts that were resolved, and messages that were delivered, are forgotten after this time.
KEPT = timedelta(days=400)

#: A rule is read so many times in its own span at most: what a week tells is not another thing a minute later.
OFTEN = 100

#: A rule's name and a model's.
Key = tuple[str, str]


class _Read(NamedTuple):
    """What a rule read of a model just now."""

    rule: NamedRule
    model: str
    reading: Reading


class Evaluator:
    """Evaluates the rules of one database, as its actor. Everything it knows is in the database: it may be killed."""

    def __init__(self, book: RuleBook, database: Database, *, repeat_s: float) -> None:
        self._book = book
        self._database = database
        self._repeat = timedelta(seconds=repeat_s)

    def run(self, readings: Readings, now: datetime) -> None:
        """Read the rules for every model that they hold for, in the windows that end now.

        A rule about a long time is read less often: a hundredth of its span has to pass.
        """
        with self._database.read() as connection:
            known = {(row.rule, row.model): row for row in storage.list_standings(connection)}
            due = [
                (rule, model)
                for rule, model in self._holding(connection)
                if _is_due(rule, known.get((rule.name, model)), now)
            ]
        readings.expect(_asked(rule.rule, model, now) for rule, model in due)
        found = [_Read(rule, model, _read(readings, rule.rule, model, now)) for rule, model in due]
        with self._database.write() as connection:
            self._write(connection, found, now)

    def _holding(self, connection: Connection) -> list[tuple[NamedRule, str]]:
        """The rules that hold, each with each of its models."""
        rules = self._book.rules(connection)
        off = {(row.rule, row.model) for row in storage.list_exclusions(connection)}
        models = [row.name for row in list_models(connection)]
        return [
            (rule, model)
            for name, rule in rules.items()
            for model in models
            if rule.rule.model in (model, EVERY_MODEL) and not off & {(name, model), (name, EVERY_MODEL)}
        ]

    def _write(self, connection: Connection, found: list[_Read], now: datetime) -> None:
        # Rules may have come or gone, and alerts been acknowledged, while the readings were made.
        holding = {(rule.name, model): rule for rule, model in self._holding(connection)}
        known = {(row.rule, row.model): row for row in storage.list_standings(connection)}
        silences = storage.list_silences(connection, now)
        for key, row in known.items():
            if key not in holding or row.text != str(holding[key].rule):
                self._close(connection, row, _why_closed(holding, key), silences, now)
        current = [
            self._advance(connection, each, known.get((each.rule.name, each.model)), silences, now)
            for each in found
            if holding.get((each.rule.name, each.model)) == each.rule
        ]
        storage.put_standings(connection, current)
        # A silence may have ended, or a repetition be due, long before the rule is read again.
        read = {(each.rule.name, each.model) for each in found}
        for key, row in known.items():
            if key not in read and key in holding and row.text == str(holding[key].rule):
                self._remind(connection, row, holding[key].rule, silences, now)
        storage.forget_past(connection, now - KEPT)

    def _advance(
        self, connection: Connection, read: _Read, row: StandingRow | None, silences: list[SilenceRow], now: datetime
    ) -> StandingRow:
        rule, reading = read.rule.rule, read.reading
        row = row if row is not None and row.text == str(rule) else None
        before = Standing(since=now) if row is None else _standing(row)
        after = step(rule, before, reading, now)
        why = shortage(rule, reading)
        alert = None if row is None or row.alert_id is None else storage.find_alert(connection, row.alert_id)
        if alert is None and after.state in ("pending", "firing"):
            alert = _begun(read, after, now)
        if alert is not None:
            alert = alert._replace(
                state=after.state,
                since=after.since,
                value=reading.value if why is None else alert.value,
                rows=reading.rows,
                actuals=reading.actuals,
                why=why,
            )
            alert = self._changed(connection, alert, before.state, rule, silences, now)
        is_open = after.state in ("pending", "firing")
        kept = after if is_open else Standing(since=after.since)
        return StandingRow(
            rule=read.rule.name,
            model=read.model,
            text=str(rule),
            state=kept.state,
            since=kept.since,
            counted=kept.counted,
            counted_at=kept.counted_at,
            clear_since=kept.clear_since,
            alert_id=alert.id if alert is not None and is_open else None,
            evaluated_at=now,
            value=reading.value if why is None else None,
            rows=reading.rows,
            actuals=reading.actuals,
            why=why,
        )

    def _changed(
        self,
        connection: Connection,
        alert: AlertRow,
        before: State,
        rule: Rule,
        silences: list[SilenceRow],
        now: datetime,
    ) -> AlertRow:
        """The alert as it is written down, with what is told of it."""
        if alert.state == "inactive":  # it never fired
            storage.drop_alert(connection, alert.id)
            return alert
        if alert.state == "firing" and before != "firing":
            alert = alert._replace(fired_at=now)
            record(connection, "alert.fire", f"{alert.model}:{alert.rule}", after=_trail(alert))
        if alert.state == "resolved":
            alert = alert._replace(resolved_at=now)
            record(connection, "alert.resolve", f"{alert.model}:{alert.rule}", after=_trail(alert))
        alert = self._told(connection, alert, rule.threshold, silences, now)
        storage.put_alert(connection, alert)
        return alert

    def _remind(
        self, connection: Connection, row: StandingRow, rule: Rule, silences: list[SilenceRow], now: datetime
    ) -> None:
        """Tell what there is to be told of an alert that goes on, though its rule was not read."""
        alert = None if row.alert_id is None else storage.find_alert(connection, row.alert_id)
        if alert is not None:
            told = self._told(connection, alert, rule.threshold, silences, now)
            if told is not alert:
                storage.put_alert(connection, told)

    def _told(
        self, connection: Connection, alert: AlertRow, threshold: float, silences: list[SilenceRow], now: datetime
    ) -> AlertRow:
        """The alert, after what there is to be told of it now was put where messages wait."""
        happened = self._to_tell(alert, silences, now)
        if happened is None:
            return alert
        _tell(connection, alert, happened, threshold, now)
        return alert._replace(told_at=now)

    def _to_tell(self, alert: AlertRow, silences: list[SilenceRow], now: datetime) -> Happened | None:
        """What people are to be told of an alert now; None for nothing.

        A silence does not hold back the end of what was told: a receiver that keeps an incident open could not know.
        """
        if alert.state == "resolved":  # whoever was not told that it fires need not know
            return None if alert.told_at is None else "resolved"
        if silenced_until(alert.rule, alert.model, silences) is not None:
            return None
        if alert.state != "firing" or alert.acknowledged_by is not None:
            return None
        if alert.told_at is None:
            return "firing"
        return "repeated" if self._repeat and now - alert.told_at >= self._repeat else None

    def _close(
        self, connection: Connection, row: StandingRow, why: str, silences: list[SilenceRow], now: datetime
    ) -> None:
        """End what a rule that does not hold any more has begun."""
        storage.drop_standing(connection, row.rule, row.model)
        alert = None if row.alert_id is None else storage.find_alert(connection, row.alert_id)
        if alert is None:
            return
        if alert.state == "pending":
            storage.drop_alert(connection, alert.id)
            return
        alert = alert._replace(state="resolved", since=now, resolved_at=now, why=why)
        record(connection, "alert.resolve", f"{alert.model}:{alert.rule}", after=_trail(alert))
        happened = self._to_tell(alert, silences, now)
        if happened is not None:
            _tell(connection, alert, happened, None, now)
        storage.put_alert(connection, alert)


def _is_due(rule: NamedRule, row: StandingRow | None, now: datetime) -> bool:
    if row is None or row.text != str(rule.rule):
        return True
    return not timedelta(0) <= now - row.evaluated_at < rule.rule.span / OFTEN


def _asked(rule: Rule, model: str, now: datetime) -> Asked:
    counts_itself = rule.counts == rule.subject.kind.counts
    least = max(1, rule.least) if counts_itself else DEFAULT_LEAST
    scope = Scope(
        model=model,
        version=rule.version,
        stage=rule.stage,
        segment=rule.segment,
        since=now - rule.span,
        until=now,
    )
    return Asked(rule.subject, scope, least)


def _read(readings: Readings, rule: Rule, model: str, now: datetime) -> Reading:
    """What there is to read; a fault is told in place of a value, and ends neither this round nor an alert."""
    try:
        return readings.read(_asked(rule, model, now))
    except GarcomError as error:
        return Reading(None, why=str(error).partition("\n")[0])
    except Exception as error:
        # The boundary of one rule: its fault must not keep the others from being read.
        logger.exception("rule cannot be read", extra={"rule": str(rule), "model": model})
        return Reading(None, why=f"it could not be read ({type(error).__name__}); the server's log says why")


def _why_closed(holding: Mapping[Key, NamedRule], key: Key) -> str:
    return "the rule was changed" if key in holding else "the rule does not hold for this model any more"


def _standing(row: StandingRow) -> Standing:
    return Standing(
        state=cast(State, row.state),
        since=row.since,
        counted=row.counted,
        counted_at=row.counted_at,
        clear_since=row.clear_since,
    )


def _begun(read: _Read, standing: Standing, now: datetime) -> AlertRow:
    rule = read.rule.rule
    return AlertRow(
        id=uuid7s(1)[0],
        rule=read.rule.name,
        text=str(rule),
        model=read.model,
        version=rule.version,
        stage=rule.stage,
        segment=rule.segment,
        severity=rule.severity,
        state=standing.state,
        since=standing.since,
        began_at=now,
        fired_at=None,
        resolved_at=None,
        value=None,
        rows=0,
        actuals=0,
        why=None,
        acknowledged_by=None,
        acknowledged_at=None,
        told_at=None,
    )


def _trail(alert: AlertRow) -> dict[str, object]:
    return {"alert": alert.id, "rule": alert.text, "value": alert.value, "why": alert.why}


def _tell(connection: Connection, alert: AlertRow, happened: Happened, threshold: float | None, now: datetime) -> None:
    told = Told(
        id=alert.id,
        rule=alert.rule,
        text=alert.text,
        happened=happened,
        severity=cast(Severity, alert.severity),
        model=alert.model,
        version=alert.version,
        stage=alert.stage,
        segment=alert.segment,
        value=alert.value,
        threshold=threshold,
        rows=alert.rows,
        actuals=alert.actuals,
        since=alert.fired_at,
        at=now,
        why=alert.why,
    )
    body = msgspec.json.encode(told).decode()
    storage.add_event(connection, storage.EventRow(uuid7s(1)[0], alert.model, now, body))
