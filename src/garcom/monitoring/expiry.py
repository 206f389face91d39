"""What profiles no longer need goes: names of rows that were dropped, and all of versions that were removed."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from garcom.errors import InputError
from garcom.lake.upkeep import Spans
from garcom.profiles.profile import without_names
from garcom.settings import RetentionSettings
from garcom.storage import profiles
from garcom.storage.database import Database

logger = logging.getLogger("garcom.monitoring")

#: So many profiles, of up to some 100 KB each, are changed in one transaction: other writers wait for it.
_AT_ONCE = 200


def forget_names(database: Database, retention: RetentionSettings, now: datetime | None = None) -> int:
    """Take the names of unseen categories out of profiles whose predictions are past their retention; their number.

    Such a name is what somebody has written, and must not outlive it. The counts stay. A profile that is damaged goes.
    """
    spans, today = Spans.predictions(retention), now or datetime.now(UTC)
    n_done = 0
    with database.read() as connection:
        models = profiles.list_models(connection)
    for model in models:
        first = spans.first_day(model, today)
        while first:
            n = _forget_some(database, model, datetime.strptime(first, "%Y-%m-%d").replace(tzinfo=UTC))
            n_done += n
            if n < _AT_ONCE:
                break
    return n_done


def _forget_some(database: Database, model: str, until: datetime) -> int:
    with database.write() as connection:
        profiles.take_turn(connection)
        named = profiles.list_named(connection, model, until, _AT_ONCE)
        for row in named:
            try:
                body = without_names(row.body)
            except InputError:
                logger.error("a damaged profile was removed", extra={"model": model, "hour": str(row.key.hour)})
                profiles.discard(connection, row.key)
            else:
                profiles.rewrite(connection, [row._replace(body=body, named=False)])
    return len(named)


def remove_orphans(database: Database) -> int:
    """Remove the profiles of models and versions that were removed, and give their number.

    They go with the upkeep, not with the version: there may be thousands, and rows of it may still be in the journal.
    A version that the registry never knew keeps what it has.
    """
    n_done = 0
    with database.read() as connection:
        removed = profiles.list_removed_versions(connection)
    for model, version in removed:
        n = _AT_ONCE
        while n == _AT_ONCE:
            with database.write() as connection:
                profiles.take_turn(connection)
                n = profiles.remove_version(connection, model, version, _AT_ONCE)
            n_done += n
    return n_done
