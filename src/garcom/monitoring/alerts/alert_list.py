"""The alerts that there are and were, and who looks after them."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import cast

import msgspec

from garcom.errors import Conflict, InputError, NotFound
from garcom.monitoring.alerts.rule import Severity
from garcom.monitoring.alerts.short_ids import meant
from garcom.monitoring.alerts.silences import silenced_until
from garcom.monitoring.records import AlertState
from garcom.storage import alerts as storage
from garcom.storage.alerts import AlertRow, SilenceRow
from garcom.storage.audit import record
from garcom.storage.database import Database

MAX_LIMIT = 1_000
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_LENGTH = 36
#: What is not over.
OPEN = ("pending", "firing")
STATES = (*OPEN, "resolved")


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of alerts; ``next`` is the cursor of the page after it, null on the last."""

    alerts: tuple[AlertState, ...]
    next: str | None = None


class AlertList:
    """The alerts of one database. Whoever changes something is told by the database's actor.

    ``models`` are the models that the caller may ask for; None for all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        *,
        models: Collection[str] | None = None,
        states: Collection[str] = OPEN,
        since: datetime | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> AlertPage:
        """Alerts, the newest first; with ``since`` none that was resolved before it. Raises InputError."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InputError(f"Expected a limit from 1 to {MAX_LIMIT:,}, got {limit:,}; a cursor gives the next page.")
        if cursor is not None and not _ID.fullmatch(cursor):
            raise InputError("Expected a cursor that the page before gave as 'next', got another text.")
        unknown = [state for state in states if state not in STATES]
        if unknown:
            raise InputError(f"Expected states among {', '.join(STATES)}, got {unknown[0][:100]!r}.")
        with self._database.read() as connection:
            found = storage.list_alerts(
                connection, models=models, states=states, since=since, before=cursor, limit=limit + 1
            )
            silences = storage.list_silences(connection, datetime.now(UTC))
        page = found[:limit]
        more = page[-1].id if len(found) > limit else None
        return AlertPage(alerts=tuple(_state(row, silences) for row in page), next=more)

    def acknowledge(self, id: str, models: Collection[str] | None = None) -> AlertState:
        """Take an alert on: nobody is told of it again until it is over. Once it has been, that changes nothing.

        The beginning of an id does where it is that of one alert which is not over. Raises NotFound, InputError for the
        beginning of several, and Conflict for one that is over.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            ids = storage.alert_ids(connection, id[:_ID_LENGTH], models)
            going_on = [each for each, is_over in ids.items() if not is_over]
            id = meant(id, ids if id in ids else going_on or ids, "an alert (`garcom alert list` tells them)")
            found = storage.find_alert(connection, id)
            if found is None:
                raise NotFound(f"Expected the id of an alert, got {id!r}.")
            if found.state == "resolved":
                raise Conflict(f"The alert {id} is over since {found.since:%Y-%m-%d %H:%M} UTC.")
            if found.acknowledged_by is None:
                by = self._database.actor.name[:200]
                found = found._replace(acknowledged_by=by, acknowledged_at=now)
                storage.change_alert(connection, id, acknowledged_by=by, acknowledged_at=now)
                record(connection, "alert.acknowledge", f"{found.model}:{found.rule}", after={"alert": id})
            silences = storage.list_silences(connection, now)
        return _state(found, silences)


def _state(row: AlertRow, silences: Collection[SilenceRow]) -> AlertState:
    return AlertState(
        id=row.id,
        rule=row.rule,
        text=row.text,
        model=row.model,
        severity=cast(Severity, row.severity),
        state="resolved" if row.state == "resolved" else "pending" if row.state == "pending" else "firing",
        since=row.since,
        value=row.value,
        acknowledged_by=row.acknowledged_by,
        silenced_until=silenced_until(row.rule, row.model, silences),
        why=row.why,
        version=row.version,
        stage=row.stage,
        segment=row.segment,
        rows=row.rows,
        actuals=row.actuals,
        fired_at=row.fired_at,
    )
