"""Queries on the profiles of monitoring, and on how far the journals are in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, text, update

from garcom.storage.tables import profile_progress, profiles

#: The role whose answers nobody was given: its rows are those of another version once more.
SHADOW = "shadow"
#: The segment of all rows.
EVERYTHING = ""
#: So many names stand in one query; SQLite takes at least 999.
_NAMES_AT_ONCE = 500


class ProfileKey(NamedTuple):
    """Which profile: ``hour`` is its start, ``segment`` ``field=value`` or empty, ``layout`` a digest."""

    model: str
    segment: str
    version: int
    stage: str
    hour: datetime
    layout: str


class ProfileRow(NamedTuple):
    """A profile as it is kept."""

    key: ProfileKey
    n_rows: int
    body: bytes


class HourRow(NamedTuple):
    """How many rows of a version and a stage there are in an hour."""

    version: int
    stage: str
    hour: datetime
    n_rows: int


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
) -> list[ProfileRow]:
    """The profiles of the hours that begin from ``since`` (included) to ``until`` (excluded), by hour.

    Without a version those of all; without a stage those of all that answered, which a shadow does not; without a
    segment those of all rows.
    """
    query = select(profiles).where(*_window(model, since, until, version, stage, segment))
    if layout is not None:
        query = query.where(profiles.c.layout == layout)
    found = connection.execute(query.order_by(profiles.c.hour, profiles.c.version, profiles.c.stage))
    return [ProfileRow(ProfileKey(*row[:6]), row.n_rows, row.body) for row in found]


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
    """The rows of each hour, by hour; which ones, as for :func:`list_bodies`. No body is read."""
    group = profiles.c.version, profiles.c.stage, profiles.c.hour
    query = select(*group, func.sum(profiles.c.n_rows)).where(*_window(model, since, until, version, stage, segment))
    ordered = query.group_by(*group).order_by(profiles.c.hour, profiles.c.version, profiles.c.stage)
    return [HourRow(*row[:3], int(row[3])) for row in connection.execute(ordered)]


def list_segments(connection: Connection, model: str, version: int | None = None) -> list[str]:
    """The segments of a model that have a profile, as ``field=value``, sorted."""
    query = select(profiles.c.segment).where(profiles.c.model == model, profiles.c.segment != EVERYTHING).distinct()
    if version is not None:
        query = query.where(profiles.c.version == version)
    return sorted(connection.execute(query).scalars())


def _window(
    model: str,
    since: datetime | None,
    until: datetime | None,
    version: int | None,
    stage: str | None,
    segment: str | None,
) -> list[ColumnElement[bool]]:
    column = profiles.c
    return [
        column.model == model,
        column.segment == (EVERYTHING if segment is None else segment),
        column.stage != SHADOW if stage is None else column.stage == stage,
        *([] if version is None else [column.version == version]),
        *([] if since is None else [column.hour >= since]),
        *([] if until is None else [column.hour < until]),
    ]


def find_bodies(connection: Connection, keys: Iterable[ProfileKey]) -> dict[ProfileKey, bytes]:
    """The bodies of those of the keys that have one."""
    found: dict[ProfileKey, bytes] = {}
    names = profiles.c.model, profiles.c.version, profiles.c.stage, profiles.c.hour, profiles.c.layout
    segments: dict[tuple[Any, ...], list[str]] = {}
    for key in keys:
        segments.setdefault((key.model, key.version, key.stage, key.hour, key.layout), []).append(key.segment)
    for values, wanted in segments.items():
        same = [column == value for column, value in zip(names, values, strict=True)]
        for part in _parts(wanted):
            query = select(profiles).where(*same, profiles.c.segment.in_(part))
            found.update((ProfileKey(*row[:6]), row.body) for row in connection.execute(query))
    return found


def write(connection: Connection, rows: Sequence[ProfileRow], replaced: Iterable[ProfileKey]) -> None:
    """Write profiles; those that ``replaced`` names are there already."""
    there = set(replaced)
    new = [row for row in rows if row.key not in there]
    old = [row for row in rows if row.key in there]
    if new:
        values = [{**row.key._asdict(), "n_rows": row.n_rows, "body": row.body} for row in new]
        connection.execute(insert(profiles), values)
    if old:
        same = [profiles.c[name] == bindparam(f"key_{name}") for name in ProfileKey._fields]
        named = [{f"key_{name}": value for name, value in row.key._asdict().items()} for row in old]
        sizes = [{"n_rows": row.n_rows, "body": row.body} for row in old]
        statement = update(profiles).where(*same).values(n_rows=bindparam("n_rows"), body=bindparam("body"))
        connection.execute(statement, [{**a, **b} for a, b in zip(named, sizes, strict=True)])


def remove(
    connection: Connection,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    version: int | None = None,
) -> int:
    """Remove the profiles of a model, of every stage and segment, whose hours begin in the window; how many."""
    column = profiles.c
    tests = [
        column.model == model,
        *([] if version is None else [column.version == version]),
        *([] if since is None else [column.hour >= since]),
        *([] if until is None else [column.hour < until]),
    ]
    return int(connection.execute(delete(profiles).where(*tests)).rowcount)


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


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + _NAMES_AT_ONCE] for start in range(0, len(names), _NAMES_AT_ONCE)]
