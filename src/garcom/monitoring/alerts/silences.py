"""Who is not to be told, and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from garcom.errors import Forbidden, InputError
from garcom.ids import uuid7s
from garcom.moments import in_utc, parse_duration
from garcom.monitoring.alerts.short_ids import meant
from garcom.registry.reference import require_model
from garcom.storage import alerts as storage
from garcom.storage.alerts import SilenceRow
from garcom.storage.audit import record
from garcom.storage.database import Database

LONGEST = timedelta(days=400)


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody is told of a rule and a model (None: of all) until a moment. What happens is written down all the same."""

    id: str
    rule: str | None = None
    model: str | None = None
    until: datetime
    reason: str = ""
    created_by: str
    created_at: datetime


class SilencesShown(msgspec.Struct, frozen=True, kw_only=True):
    """The silences that are not over."""

    silences: tuple[Silence, ...]


class Silences:
    """The silences of one database. Whoever changes something is told by the database's actor.

    ``models`` are the models that the caller may ask for; None for all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def shown(self, models: Collection[str] | None = None, rules: Collection[str] = ()) -> SilencesShown:
        """Those that are not over, and that hold for one of these models and one of these rules."""
        with self._database.read() as connection:
            rows = storage.list_silences(connection, datetime.now(UTC))
        if models is not None:
            rows = [row for row in rows if row.model is None or row.model in models]
            rows = [row for row in rows if row.rule is None or row.rule in rules]
        return SilencesShown(silences=tuple(map(_shown, rows)))

    def add(
        self,
        until: str,
        *,
        rule: str | None = None,
        model: str | None = None,
        reason: str = "",
        models: Collection[str] | None = None,
    ) -> Silence:
        """Tell nobody until a moment, or for a time (``2h``). Raises InputError, Forbidden and ModelNotFound."""
        _permit(model, models)
        now = datetime.now(UTC)
        by = self._database.actor.name[:200]
        row = SilenceRow(uuid7s(1)[0], rule, model, end(until, now), reason, by, now)
        told = {"rule": rule, "model": model, "until": row.until, "reason": reason}
        with self._database.write() as connection:
            if model is not None:
                require_model(connection, model)
            storage.add_silence(connection, row)
            record(connection, "alert_silence.add", row.id, after=told)
        return _shown(row)

    def remove(self, id: str, models: Collection[str] | None = None) -> str:
        """End a silence before its time; its id. The beginning of one does where it is that of no other.

        Raises NotFound, InputError for the beginning of several, and Forbidden.
        """
        with self._database.write() as connection:
            rows = {row.id: row for row in storage.list_silences(connection, datetime.now(UTC))}
            own = [row.id for row in rows.values() if models is None or row.model in models]
            id = meant(id, rows if id in rows else own, "a silence that is not over")
            _permit(rows[id].model, models)
            storage.remove_silence(connection, id)
            told = {"rule": rows[id].rule, "model": rows[id].model, "until": rows[id].until}
            record(connection, "alert_silence.remove", id, before=told)
        return id


def silenced_until(rule: str, model: str, silences: Iterable[SilenceRow]) -> datetime | None:
    """When the last silence ends that holds for a rule and a model; None where there is none."""
    ends = [row.until for row in silences if row.rule in (None, rule) and row.model in (None, model)]
    return max(ends, default=None)


def end(text: str, now: datetime) -> datetime:
    """The moment that ``2h`` or a date means for a silence that begins now. Raises InputError."""
    try:
        length = parse_duration(text)
    except InputError:
        length = None
    try:
        until = in_utc(datetime.fromisoformat(text.strip())) if length is None else now + length
    except (ValueError, OverflowError):
        raise InputError(
            f"Expected for how long (30m, 2h, 7d) or until when (2026-11-21T10:00:00Z), got {text[:100]!r}."
        ) from None
    if not now < until <= now + LONGEST:
        raise InputError(
            f"Expected a moment to come, at most {LONGEST.days} days away, got {text[:100]!r}. A rule is switched off "
            "for good with `garcom alert off`."
        )
    return until


def _permit(model: str | None, models: Collection[str] | None) -> None:
    if models is not None and model not in models:
        meant = "every model" if model is None else f"the model {model!r}"
        raise Forbidden(f"Expected a role that permits to promote for {meant} (approver or admin), got none.")


def _shown(row: SilenceRow) -> Silence:
    return Silence(**row._asdict())
