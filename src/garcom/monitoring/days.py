"""Days that are over as one profile each: a window of a month is read from some thirty instead of hundreds.

Their hours go when they are old, so that what is kept of a year is 365 profiles and not 8,760.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from garcom.monitoring.folding import Find, merged
from garcom.storage import models, profiles, versions
from garcom.storage.database import Database

logger = logging.getLogger("garcom.monitoring")

#: Hours are kept for so long after the end of their day: a window of a month, and the four weeks before it.
HOURS_KEPT = timedelta(days=62)
#: A day is summed up so long after its end: rows that come later would end its profile again and again.
_SETTLED = timedelta(hours=6)
#: So many days, of up to 24 hours each, are removed in one transaction: other writers wait for it.
_DAYS_AT_ONCE = 20


def hours_since(now: datetime) -> datetime:
    """When the first day begins whose hours are kept; of days before there may be one profile only."""
    return profiles.day_of(now - HOURS_KEPT)


def sum_days(database: Database, find: Find, now: datetime | None = None) -> int:
    """Make the profiles of the days that are over and have none, and give their number.

    Hours stay as they are. A day of a version that is removed, or of an older layout, is left as it is.
    """
    until = profiles.day_of((now or datetime.now(UTC)) - _SETTLED)
    with database.read() as connection:
        days = profiles.list_unsummed(connection, until)
        digests = _digests(connection) if days else {}
    n_summed = 0
    for day in days:
        digest = digests.get((day.model, day.version))
        known = None if digest is None else find(digest)
        if known is None or known.layout.digest != day.layout:
            continue
        with database.write() as connection:
            profiles.take_turn(connection)
            hours = [
                row.body
                for row in profiles.list_bodies(
                    connection,
                    day.model,
                    since=day.hour,
                    until=day.hour + timedelta(days=1),
                    version=day.version,
                    stage=day.stage,
                    segment=day.segment,
                    layout=day.layout,
                    days=False,
                )
            ]
            if not hours:
                continue  # forgotten meanwhile, or summed and removed by somebody else
            try:
                whole = merged(known.layout, hours)
            except (msgspec.DecodeError, ValueError, IndexError) as error:
                logger.error("a day has a damaged profile", extra={"model": day.model, "why": str(error)})
                continue
            profiles.write(connection, [whole.row(day)], profiles.find_bodies(connection, [day]))
        n_summed += 1
    return n_summed


def remove_old_hours(database: Database, now: datetime | None = None) -> int:
    """Remove the hours of days that ended :data:`HOURS_KEPT` ago and are summed up, and give the number of such days.

    Each day of a version, stage and segment counts. Rows that come later are added to the day.
    """
    until = hours_since(now or datetime.now(UTC))
    n_days = 0
    while True:
        with database.write() as connection:
            profiles.take_turn(connection)
            n = profiles.remove_hours(connection, until, _DAYS_AT_ONCE)
        n_days += n
        if n < _DAYS_AT_ONCE:
            return n_days


def _digests(connection: Connection) -> dict[tuple[str, int], str]:
    """The digests of all versions, by model and number."""
    names = {model.id: model.name for model in models.list_models(connection)}
    found = versions.list_digests(connection)
    return {(names[model], number): digest for model, number, digest in found if model in names}
