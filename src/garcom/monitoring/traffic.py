"""The rows of each hour of a window, and how much of them was wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

import msgspec
import polars as pl

from garcom.monitoring.acknowledged import Acknowledged, in_hours
from garcom.monitoring.quality import shares
from garcom.monitoring.records import Traffic
from garcom.monitoring.rows import table_of
from garcom.monitoring.segments import rows_of
from garcom.monitoring.window_profiles import bodies, is_hourly, together
from garcom.monitoring.windows import ReportWindow
from garcom.storage import profiles
from garcom.storage.profiles import ProfileRow

#: Traffic is told for so long before the window too, so that what is usual is known: in an hour that began before the
#: window, the hour of the same weekday too.
_BEFORE = timedelta(days=7, hours=2)
#: Hours of longer windows are not looked into one by one.
COUNTED = timedelta(days=31)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
#: No field has this name.
_TIME = "\0time"


def traffic(acknowledged: Acknowledged, window: ReportWindow) -> list[Traffic]:
    """The hours of the window and of a week before it, those without rows too, since the first that has any.

    Days in their place, where the hours of some are not kept any more.
    """
    step, rows = _counts(acknowledged, window)
    if not rows:
        return []
    told = _shares(acknowledged, window, step)
    begin, found = min(rows), []
    while begin < window.until:
        missing, out_of_range, unseen = told.get(begin, (None, None, None))
        found.append(Traffic(since=begin, rows=rows[begin], missing=missing, out_of_range=out_of_range, unseen=unseen))
        begin += step
    return found


def _counts(acknowledged: Acknowledged, window: ReportWindow) -> tuple[timedelta, Counter[datetime]]:
    """An hour or a day, and the rows of each by its beginning."""
    first = max(window.since - _BEFORE, window.until - COUNTED)
    if window.since >= window.kept_since:
        first = max(first, window.kept_since)
    scope = msgspec.structs.replace(window.scope, since=first)
    with acknowledged.rows(scope.model) as (connection, waiting):
        found = profiles.list_hours(
            connection,
            scope.model,
            since=scope.since,
            until=scope.until,
            version=scope.version,
            stage=scope.stage,
            segment=scope.segment,
        )
    step = _HOUR if all(each.hours == profiles.HOUR for each in found) else _DAY
    rows: Counter[datetime] = Counter()
    for each in found:
        rows[_begin(each.hour, step)] += each.n_rows
    times = _times(waiting.filter(in_hours(scope)), window)
    rows.update(dict(times.dt.truncate(step).value_counts().iter_rows()))
    return step, rows


def _times(rows: pl.DataFrame, window: ReportWindow) -> pl.Series:
    """When these rows were answered; of a segment those that are in it, if it has profiles by the hour."""
    segment, layout, signature = window.scope.segment, window.reference.layout, window.reference.signature
    if segment is None:
        return rows["time"]
    if layout is None or not is_hourly(segment, layout):
        return rows["time"].clear()
    table = table_of(rows, signature).with_columns(rows["time"].alias(_TIME))
    return rows_of(table, segment, signature)[_TIME]


def _shares(
    acknowledged: Acknowledged, window: ReportWindow, step: timedelta
) -> dict[datetime, tuple[float | None, float | None, float | None]]:
    """How much of each hour, or day, of the window was missing, out of range and unseen."""
    layout = window.reference.layout
    if layout is None or window.until - window.since > COUNTED:
        return {}
    scope = msgspec.structs.replace(window.scope, since=window.begin(window.since))
    parts: defaultdict[datetime, list[ProfileRow]] = defaultdict(list)
    with acknowledged.database.read() as connection:
        for row in bodies(connection, scope, layout, days=step == _DAY):
            parts[_begin(row.key.hour, step)].append(row)
    return {begin: shares(together(layout, rows)) for begin, rows in parts.items()}


def _begin(hour: datetime, step: timedelta) -> datetime:
    return hour if step == _HOUR else profiles.day_of(hour)
