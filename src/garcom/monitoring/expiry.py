"""What profiles no longer need goes: names of rows that were dropped, all of versions that were removed, and how far
writers of the journal were that have ended."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from garcom.errors import InputError
from garcom.journal.segment import CLOSED, OPEN, segment_names
from garcom.lake.drain import PATIENCE_S
from garcom.lake.upkeep import Spans
from garcom.profiles.profile import without_names
from garcom.settings import RetentionSettings
from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.lock import locked

logger = logging.getLogger("garcom.monitoring")

#: So many profiles, of up to some 100 KB each, are changed in one transaction: other writers wait for it.
_AT_ONCE = 200
#: Whoever reads the journal asks soon after that how far its writers are, in much less than this time.
_SURELY_READ = timedelta(hours=1)


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


class EndedWriters:
    """Forgets how far writers were that have ended: there is a new one whenever a worker starts.

    How far one is matters as long as a segment of it stands in the journal, or is held by who has just read it there.
    So a writer is forgotten when it had none whenever this looked, for an hour. One that only rests does not suffer:
    its next segment is one more that is in no profile. Not safe across threads.
    """

    def __init__(self, database: Database, journal: Path) -> None:
        self._database = database
        self._journal = journal
        self._without_since: dict[str, datetime] = {}

    def forget(self, now: datetime | None = None) -> int:
        """Look, and give how many writers were forgotten."""
        now = now or datetime.now(UTC)
        if not self._journal.is_dir():
            return 0
        with locked(self._journal / "drain.lock", PATIENCE_S):  # or a drain could note one meanwhile
            # A name that changes while the folder is listed can be missed once, but not twice.
            names = [
                name for _ in range(2) for suffix in (OPEN, CLOSED) for name in segment_names(self._journal, suffix)
            ]
            with self._database.read() as connection:
                without = profiles.list_writers(connection) - {name.writer for name in names}
            since = {writer: self._without_since.get(writer, now) for writer in without}
            ended = {writer for writer, moment in since.items() if now - moment >= _SURELY_READ}
            if ended:
                with self._database.write() as connection:
                    profiles.forget_progress(connection, ended)
        self._without_since = {writer: moment for writer, moment in since.items() if writer not in ended}
        return len(ended)
