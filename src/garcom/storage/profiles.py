"""Queries on the profiles of monitoring, and on how far the journals are in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    insert,
    select,
    text,
    true,
    update,
)

from garcom.storage.tables import models, profile_progress, profiles, versions

#: The role whose answers nobody was given: its rows are those of another version once more.
SHADOW = "shadow"
#: The segment of all rows.
EVERYTHING = ""
#: What a profile covers.
HOUR, DAY = 1, 24

#: So many values stand in one query; SQLite takes at least 999.
_AT_ONCE = 500


class ProfileKey(NamedTuple):
    """Which profile: ``hour`` is when it begins, ``hours`` what it covers (1, or 24 for a whole UTC day).

    ``segment`` is ``field=value``, or empty for all rows; ``layout`` a digest.
    """

    model: str
    segment: str
    hours: int
    version: int
    stage: str
    hour: datetime
    layout: str

    @property
    def whole_day(self) -> ProfileKey:
        """The profile of the day that it is in."""
        return self._replace(hours=DAY, hour=day_of(self.hour))


class ProfileRow(NamedTuple):
    """A profile as it is kept; ``named`` is whether its body names values of categories that were never seen before."""

    key: ProfileKey
    n_rows: int
    body: bytes
    named: bool = False


class HourRow(NamedTuple):
    """How many rows of a version and a stage there are in an hour, or in a day whose hours were removed (24)."""

    version: int
    stage: str
    hour: datetime
    n_rows: int
    hours: int = HOUR


_KEY = [profiles.c[name] for name in ProfileKey._fields]
_ROW = [*_KEY, profiles.c.n_rows, profiles.c.body, profiles.c.named]
#: What a day and its hours have in common.
_DAY = ("model", "segment", "version", "stage", "layout")


def day_of(moment: datetime) -> datetime:
    """When the UTC day of a moment begins."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def list_bodies(
    connection: Connection,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    version: int | None = None,
    stage: str | None = None,
    segment: str | None = None,
    layout: str | None = None,
    days: bool = True,
) -> list[ProfileRow]:
    """The profiles of the hours that begin from ``since`` (included) to ``until`` (excluded), by time; each row once.

    A whole day comes as one profile where there is one, unless ``days`` is false. A day that stands alone comes only
    where all of it is in the window, and never without ``days``. Without a version those of all; without a stage those
    of all that answered, which a shadow does not; without a segment those of all rows.
    """
    tests = _window(model, version, stage, segment)
    if layout is not None:
        tests.append(profiles.c.layout == layout)
    hourly = and_(profiles.c.hours == HOUR, _between(since, until))
    if not days:
        return _rows(connection, select(*_ROW).where(*tests, hourly))
    first = None if since is None else day_of(since + timedelta(days=1) - timedelta(microseconds=1))
    last = None if until is None else day_of(until)
    daily = and_(profiles.c.hours == DAY, _between(first, last))
    summed = profiles.alias()
    same = [summed.c[name] == profiles.c[name] for name in _DAY]
    covered = (
        select(1)
        .where(*same, summed.c.hours == DAY, summed.c.hour == profiles.c.day, _between(first, last, summed.c.hour))
        .exists()
    )
    found = [
        *_rows(connection, select(*_ROW).where(*tests, daily)),
        *_rows(connection, select(*_ROW).where(*tests, hourly, ~covered)),
    ]
    return sorted(found, key=lambda row: (row.key.hour, row.key.version, row.key.stage, row.key.layout))


def list_hours(
    connection: Connection,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    version: int | None = None,
    stage: str | None = None,
    segment: str | None = None,
) -> list[HourRow]:
    """The rows of each hour, by hour; which ones, as for :func:`list_bodies`. No body is read.

    A day that stands alone comes as one entry, if it begins in the window.
    """
    end = None if until is None else day_of(until) + timedelta(days=1)  # a day may have hours after the window only
    names = "version", "stage", "layout", "day", "hours", "hour", "n_rows"
    query = select(*(profiles.c[name] for name in names)).where(
        *_window(model, version, stage, segment), profiles.c.hours.in_([HOUR, DAY]), _between(since, end)
    )
    rows = connection.execute(query).all()
    with_hours = {tuple(row[:4]) for row in rows if row.hours == HOUR}
    counts: dict[tuple[datetime, int, str, int], int] = defaultdict(int)
    for row in rows:
        is_told = row.hours == HOUR or tuple(row[:4]) not in with_hours
        if is_told and (until is None or row.hour < until):
            counts[row.hour, row.version, row.stage, row.hours] += row.n_rows
    return [HourRow(number, role, hour, counts[hour, number, role, n], n) for hour, number, role, n in sorted(counts)]


def list_segments(connection: Connection, model: str, version: int | None = None) -> list[str]:
    """The segments of a model that have a profile, as ``field=value``, sorted."""
    query = select(profiles.c.segment).where(profiles.c.model == model, profiles.c.segment != EVERYTHING).distinct()
    if version is not None:
        query = query.where(profiles.c.version == version)
    return sorted(connection.execute(query).scalars())


def list_unsummed(connection: Connection, until: datetime) -> list[ProfileKey]:
    """The days that ended by then and have hours but no profile of their own, as the keys that they are to get."""
    return _days(connection, profiles.c.hours == HOUR, profiles.c.day <= until - timedelta(days=1), ~_has_day())


def list_alone(connection: Connection, keys: Iterable[ProfileKey]) -> set[ProfileKey]:
    """Of the days of these hours those that stand alone: that have a profile, and whose hours were removed."""
    groups: dict[ProfileKey, set[str]] = defaultdict(set)
    for key in keys:
        groups[key.whole_day._replace(segment="")].add(key.segment)
    found: set[ProfileKey] = set()
    for day, segments in groups.items():
        same = [column == value for column, value in zip(_KEY, day, strict=True) if column.name != "segment"]
        for part in _parts(sorted(segments)):
            found.update(_days(connection, *same, profiles.c.segment.in_(part), ~_has_hours()))
    return found


def find_bodies(connection: Connection, keys: Iterable[ProfileKey]) -> dict[ProfileKey, bytes]:
    """The bodies of those of the keys that have one."""
    groups: dict[ProfileKey, list[str]] = defaultdict(list)
    for key in keys:
        groups[key._replace(segment="")].append(key.segment)
    found: dict[ProfileKey, bytes] = {}
    for key, segments in groups.items():
        same = [column == value for column, value in zip(_KEY, key, strict=True) if column.name != "segment"]
        for part in _parts(segments):
            rows = _rows(connection, select(*_ROW).where(*same, profiles.c.segment.in_(part)))
            found.update((row.key, row.body) for row in rows)
    return found


def write(connection: Connection, rows: Sequence[ProfileRow], replaced: Iterable[ProfileKey] = ()) -> None:
    """Write profiles; those that ``replaced`` names are there already.

    An hour ends the profile of its day. Of a day that stands alone (:func:`list_alone`) no hour may be written, for
    what it holds is nowhere else.
    """
    there = set(replaced)
    new = [row for row in rows if row.key not in there]
    if days := {row.key.whole_day for row in rows if row.key.hours == HOUR}:
        _remove(connection, sorted(days))
    if new:
        values = [
            {
                **row.key._asdict(),
                "day": day_of(row.key.hour),
                "n_rows": row.n_rows,
                "named": row.named,
                "body": row.body,
            }
            for row in new
        ]
        connection.execute(insert(profiles), values)
    rewrite(connection, [row for row in rows if row.key in there])


def rewrite(connection: Connection, rows: Sequence[ProfileRow]) -> None:
    """Put these in the place of those of the same keys, which say the same otherwise: days and hours stay."""
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("n_rows", "named", "body")}
    if rows:
        connection.execute(
            update(profiles).where(_is_key()).values(new),
            [
                {**_bound(row.key), "new_n_rows": row.n_rows, "new_named": row.named, "new_body": row.body}
                for row in rows
            ],
        )


def remove(
    connection: Connection,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    but_versions: Collection[int] = (),
) -> int:
    """Remove the profiles of a model, of every stage and segment, of the days in the window, and give their number."""
    tests = [profiles.c.model == model, profiles.c.version.not_in(but_versions)]
    removed = delete(profiles).where(*tests, _between(since, until, profiles.c.day))
    return int(connection.execute(removed).rowcount)


def remove_hours(connection: Connection, until: datetime, n_days: int) -> int:
    """Remove the hours of days that ended by then and have a profile of their own, which stands alone from then on.

    Of at most so many days at once; gives the number of days. Of a day all hours go, or none.
    """
    own = profiles.c.hours == HOUR, profiles.c.day <= until - timedelta(days=1), _has_day()
    days = _days(connection, *own, limit=n_days)
    for day in days:
        same = [profiles.c[name] == getattr(day, name) for name in _DAY]
        of_day = _between(day.hour, day.hour + timedelta(days=1))
        connection.execute(delete(profiles).where(*same, profiles.c.hours == HOUR, of_day))
    return len(days)


def list_named(connection: Connection, model: str, until: datetime, limit: int) -> list[ProfileRow]:
    """Profiles of days that ended by then and name values of categories that were never seen before; so many."""
    tests = profiles.c.named, profiles.c.model == model, profiles.c.day <= until - timedelta(days=1)
    return _rows(connection, select(*_ROW).where(*tests).limit(limit))


def list_models(connection: Connection) -> list[str]:
    """The models that have a profile, sorted."""
    return sorted(connection.execute(select(profiles.c.model).distinct()).scalars())


def list_removed_versions(connection: Connection) -> list[tuple[str, int]]:
    """The versions that were removed from the registry and have profiles yet: model and number."""
    kept = select(profiles.c.model, profiles.c.version).distinct()
    removed = select(models.c.name, versions.c.number).join(models).where(versions.c.removed_at.is_not(None))
    found, gone = ({(name, number) for name, number in connection.execute(query)} for query in (kept, removed))
    return sorted(found & gone)


def remove_version(connection: Connection, model: str, version: int, limit: int) -> int:
    """Remove so many profiles of a version, whatever they are of, and give their number."""
    query = select(*_KEY).where(profiles.c.model == model, profiles.c.version == version).limit(limit)
    keys = [ProfileKey(*row) for row in connection.execute(query)]
    _remove(connection, keys)
    return len(keys)


def discard(connection: Connection, key: ProfileKey) -> None:
    """Remove one profile."""
    _remove(connection, [key])


def take_turn(connection: Connection) -> None:
    """Let nobody else change profiles until the transaction ends. SQLite has one writer at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE profiles IN SHARE ROW EXCLUSIVE MODE"))


def progress(connection: Connection, writers: Iterable[str]) -> dict[str, int]:
    """The last segment of each of the writers that is in the profiles; a writer without any is left out."""
    found: dict[str, int] = {}
    for part in _parts(sorted(set(writers))):
        query = select(profile_progress.c.writer, profile_progress.c.number).where(profile_progress.c.writer.in_(part))
        found.update((row.writer, row.number) for row in connection.execute(query))
    return found


def note_progress(connection: Connection, numbers: Mapping[str, int]) -> None:
    """Write down that the segments of these writers up to these numbers are in the profiles."""
    there = progress(connection, numbers)
    new = [{"writer": writer, "number": number} for writer, number in numbers.items() if writer not in there]
    if new:
        connection.execute(insert(profile_progress), new)
    for writer, number in numbers.items():
        if writer in there and there[writer] < number:
            same = profile_progress.c.writer == writer
            connection.execute(update(profile_progress).where(same).values(number=number))


def list_writers(connection: Connection) -> set[str]:
    """Those of whom it is known how far they are."""
    return set(connection.execute(select(profile_progress.c.writer)).scalars())


def forget_progress(connection: Connection, writers: Iterable[str]) -> None:
    """Forget how far these are: their segments count as new, should any come."""
    for part in _parts(sorted(set(writers))):
        connection.execute(delete(profile_progress).where(profile_progress.c.writer.in_(part)))


def _window(model: str, version: int | None, stage: str | None, segment: str | None) -> list[ColumnElement[bool]]:
    column = profiles.c
    return [
        column.model == model,
        column.segment == (EVERYTHING if segment is None else segment),
        column.stage != SHADOW if stage is None else column.stage == stage,
        *([] if version is None else [column.version == version]),
    ]


def _has_day() -> ColumnElement[bool]:
    """Whether the day of an hour has a profile."""
    summed = profiles.alias()
    same = [summed.c[name] == profiles.c[name] for name in _DAY]
    return select(1).where(*same, summed.c.hours == DAY, summed.c.hour == profiles.c.day).exists()


def _has_hours() -> ColumnElement[bool]:
    """Whether a day has hours."""
    hourly = profiles.alias()
    same = [hourly.c[name] == profiles.c[name] for name in (*_DAY, "day")]
    return select(1).where(*same, hourly.c.hours == HOUR).exists()


def _days(connection: Connection, *tests: ColumnElement[bool], limit: int | None = None) -> list[ProfileKey]:
    """The days of the profiles that pass, by time, whether they have a profile or not."""
    query = (
        select(*(profiles.c[name] for name in _DAY), profiles.c.day)
        .where(*tests)
        .distinct()
        .order_by(profiles.c.day, profiles.c.model)
        .limit(limit)
    )
    return [
        ProfileKey(row.model, row.segment, DAY, row.version, row.stage, row.day, row.layout)
        for row in connection.execute(query)
    ]


def _between(
    since: datetime | None, until: datetime | None, column: ColumnElement[Any] = profiles.c.hour
) -> ColumnElement[bool]:
    tests = [*([] if since is None else [column >= since]), *([] if until is None else [column < until])]
    return and_(true(), *tests)


def _rows(connection: Connection, query: Select[Any]) -> list[ProfileRow]:
    return [ProfileRow(ProfileKey(*row[:7]), row.n_rows, row.body, row.named) for row in connection.execute(query)]


def _is_key() -> ColumnElement[bool]:
    return and_(*(column == bindparam(f"key_{column.name}") for column in _KEY))


def _remove(connection: Connection, keys: Sequence[ProfileKey]) -> None:
    if keys:
        connection.execute(delete(profiles).where(_is_key()), [_bound(key) for key in keys])


def _bound(key: ProfileKey) -> dict[str, Any]:
    return {f"key_{name}": value for name, value in key._asdict().items()}


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
