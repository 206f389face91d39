"""The profile of a window: whole hours from their profiles and the rows that wait, parts of hours from the rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
from sqlalchemy import Connection

from garcom.errors import InputError
from garcom.moments import hour_of
from garcom.monitoring.acknowledged import Acknowledged, in_hours
from garcom.monitoring.drift import ReferenceKind
from garcom.monitoring.lake_rows import profile_of_rows
from garcom.monitoring.records import Scope
from garcom.monitoring.rows import table_of
from garcom.monitoring.segments import rows_of
from garcom.monitoring.windows import ReportWindow
from garcom.profiles.layout import Layout
from garcom.profiles.profile import Profile
from garcom.storage import profiles
from garcom.storage.profiles import ProfileRow

#: Seasons are made of so many weeks before the window.
SEASON_WEEKS = 4
#: Rows of a part of an hour are read up to so many.
_ROWS_READ = 200_000
#: So many rows of the journal are looked at together.
_WAITING_AT_ONCE = 50_000
_HOUR = timedelta(hours=1)
#: The day of the week and the hour of it.
_OF_WEEK = "%w %H"


class WindowProfiles:
    """Makes the profiles of windows; every row that was acknowledged is in them once."""

    def __init__(self, acknowledged: Acknowledged) -> None:
        self._acknowledged = acknowledged

    def of(self, window: ReportWindow, layout: Layout) -> Profile:
        """The rows of the window; of a segment that is not kept by the hour, they are read from the lake."""
        scope, undrained, signature = window.scope, self._acknowledged.undrained, window.reference.signature
        if not is_hourly(scope.segment, layout):
            return profile_of_rows(undrained, scope, signature, layout)
        since, until = self._whole_hours(window)
        profile = self._of_hours(window, layout, since, until) if since < until else Profile(layout)
        for first, last in {(window.since, min(since, window.until)), (max(until, since), window.until)}:
            if first < last:  # a part of an hour
                part = msgspec.structs.replace(scope, since=first, until=last)
                profile.merge(profile_of_rows(undrained, part, signature, layout))
        return profile

    def before(self, window: ReportWindow, layout: Layout, kind: ReferenceKind) -> Profile:
        """The rows that the window is compared with where it is not the training data.

        Raises InputError for a segment that is not kept by the hour.
        """
        if not is_hourly(window.scope.segment, layout):
            raise InputError(
                f"Expected a segment of {', '.join(layout.segments) or 'no field'} with this reference: of other "
                f"fields no profiles are kept by the hour. Compare with the training data, or leave the segment out."
            )
        length, end = window.until - window.since, window.begin(window.since)
        if kind == "previous":
            return self._of_hours(window, layout, window.begin(window.since - length), end)
        n_hours = -(-length // _HOUR)
        wanted = {(window.since + at * _HOUR).astimezone(UTC).strftime(_OF_WEEK) for at in range(min(n_hours, 168))}
        return self._of_hours(
            window, layout, window.begin(window.since - timedelta(weeks=SEASON_WEEKS)), end, only=wanted
        )

    def _whole_hours(self, window: ReportWindow) -> tuple[datetime, datetime]:
        """The hours whose profiles tell of the window; the rows of the parts of hours beside them are read.

        An hour of very many rows counts as a whole, and so does the one that is not over.
        """
        if window.since < window.kept_since:
            return window.since, window.until
        since, until = hour_of(window.since), hour_of(window.until)
        rows = self._n_rows(window, {since, until})
        if window.since != since and rows[since] <= _ROWS_READ:
            since += _HOUR
        if window.until != until and (window.goes_on or rows[until] > _ROWS_READ):
            until += _HOUR
        return since, max(since, until)

    def _n_rows(self, window: ReportWindow, hours: Collection[datetime]) -> dict[datetime, int]:
        """How many rows the profiles of these hours have."""
        scope, rows = window.scope, dict.fromkeys(hours, 0)
        with self._acknowledged.database.read() as connection:
            for begin in hours:
                found = profiles.list_hours(
                    connection, scope.model, since=begin, until=begin + _HOUR, version=scope.version, stage=scope.stage
                )
                rows[begin] = sum(each.n_rows for each in found if each.hour == begin)
        return rows

    def _of_hours(
        self,
        window: ReportWindow,
        layout: Layout,
        since: datetime,
        until: datetime,
        only: Collection[str] | None = None,
    ) -> Profile:
        """The rows of the hours that begin in a time, those of the journal too: a first look should not have to wait.

        ``only`` are hours of the week (:data:`_OF_WEEK`), for which whole days are of no use.
        """
        scope = msgspec.structs.replace(window.scope, since=since, until=until)
        with self._acknowledged.rows(scope.model) as (connection, waiting):
            rows = bodies(connection, scope, layout, days=only is None)
        waiting = waiting.filter(in_hours(scope))
        if only is not None:
            rows = [row for row in rows if row.key.hour.astimezone(UTC).strftime(_OF_WEEK) in only]
            waiting = waiting.filter(pl.col("time").dt.strftime(_OF_WEEK).is_in(list(only)))
        return self.merged(window, layout, rows, waiting)

    def apart(self, window: ReportWindow, layout: Layout, *, days: bool) -> tuple[list[ProfileRow], pl.DataFrame]:
        """The profiles of the window's hours, by time, and the rows of the journal: for those who part them by time.

        The first hour and the last are whole ones. With ``days``, days that are summed up come as one.
        """
        scope = msgspec.structs.replace(window.scope, since=window.begin(window.since))
        with self._acknowledged.rows(scope.model) as (connection, waiting):
            return bodies(connection, scope, layout, days=days), waiting.filter(in_hours(scope))

    def merged(
        self, window: ReportWindow, layout: Layout, rows: Sequence[ProfileRow], waiting: pl.DataFrame
    ) -> Profile:
        """Profiles and rows of the journal as one profile; of the rows those of the window's segment."""
        profile, signature = together(layout, rows), window.reference.signature
        for part in waiting.iter_slices(_WAITING_AT_ONCE):
            profile.add(rows_of(table_of(part, signature), window.scope.segment, signature))
        return profile


def is_hourly(segment: str | None, layout: Layout) -> bool:
    """Whether there are profiles by the hour of a segment, or of all rows."""
    return segment is None or segment.partition("=")[0] in layout.segments


def bodies(connection: Connection, scope: Scope, layout: Layout, *, days: bool = True) -> list[ProfileRow]:
    """The profiles of the hours that begin in a scope; whole days as one unless ``days`` is false."""
    return profiles.list_bodies(
        connection,
        scope.model,
        since=scope.since,
        until=scope.until,
        version=scope.version,
        stage=scope.stage,
        segment=scope.segment,
        layout=layout.digest,
        days=days,
    )


def together(layout: Layout, rows: Sequence[ProfileRow]) -> Profile:
    """Several profiles of one layout as one."""
    profile = Profile(layout)
    profile.merge_encoded([row.body for row in rows])
    return profile
