"""Rows that are drained become profiles: of each version, stage and hour, and of each value of some fields.

Profiles are made before the database is asked for its turn, and added to those that are there in one transaction with
the numbers of the segments, so that each row is counted once, wherever a drain is interrupted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import polars as pl

from garcom.errors import Conflict
from garcom.journal.segment import SegmentName
from garcom.model.segments import segment_texts
from garcom.monitoring.known_versions import Known
from garcom.monitoring.rows import table_of
from garcom.profiles.layout import Layout
from garcom.profiles.profile import Profile
from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.profiles import EVERYTHING, HOUR, ProfileKey, ProfileRow

logger = logging.getLogger("garcom.monitoring")

#: Of each field, so many values have profiles of their own; the rows of others are in those of all rows only.
MOST_SEGMENTS = 50
#: A longer value is none that people choose a segment by.
MOST_LETTERS = 100
_ATTEMPTS = 5
#: What is needed of a row of the lake.
COLUMNS = ("time", "model", "version", "digest", "role", "input", "label", "value", "output", "segment")
_HOUR, _SEGMENT = "\0hour", "\0segment"


#: Finds what has to be known of a version by the digest of its bundle; None where its rows cannot be profiled.
Find = Callable[[str], Known | None]


class Counted(NamedTuple):
    """A profile that is to be added to what is there."""

    layout: Layout
    n_rows: int
    body: bytes
    named: bool

    def row(self, key: ProfileKey) -> ProfileRow:
        """The same as it is kept."""
        return ProfileRow(key, self.n_rows, self.body, self.named)


class Folding:
    """The profiles in a database, as the drain sees them. ``after`` is told of each step that has been done."""

    def __init__(self, database: Database, find: Find, after: Callable[[str], None] = lambda step: None) -> None:
        self._database = database
        self._find = find
        self._after = after

    def progress(self, writers: Iterable[str]) -> Mapping[str, int]:
        """The last segment of each writer that is in the profiles; a writer without any is left out."""
        with self._database.read() as connection:
            return profiles.progress(connection, writers)

    def fold(self, rows: pl.DataFrame, numbers: Mapping[str, int]) -> None:
        """Add the rows of segments, those of each writer up to its number, but for those that were added before.

        Rows of a version that cannot be profiled are left out, and their segments count as folded. Raises Unavailable
        where the database is busy, and Conflict where others always add rows of the same writers first.
        """
        for _ in range(_ATTEMPTS):
            before = self.progress(numbers)
            found = self.count(_without(rows, before))
            self._after("counted")
            with self._database.write() as connection:
                profiles.take_turn(connection)
                if profiles.progress(connection, numbers) != before:
                    continue  # somebody else has added some of them meanwhile
                found = _into_days(found, profiles.list_alone(connection, found))
                there = profiles.find_bodies(connection, found)
                profiles.write(connection, [_added(key, new, there.get(key)) for key, new in found.items()], there)
                profiles.note_progress(connection, numbers)
                self._after("written")
            self._after("noted")
            return
        raise Conflict(
            f"Expected to add {len(numbers)} segments to the profiles within {_ATTEMPTS} attempts, but others always "
            "added some of them first. Try again."
        )

    def count(self, rows: pl.DataFrame, so_far: Collection[ProfileKey] = ()) -> dict[ProfileKey, Counted]:
        """The profiles of rows of the lake (:data:`COLUMNS` of them); none of versions that cannot be profiled.

        ``so_far`` are those that are about to be written: their segments have profiles already.
        """
        found: dict[ProfileKey, Counted] = {}
        for _, part in rows.group_by("model", "version", "digest", "role", maintain_order=True):
            told = part.row(0, named=True)
            known = self._find(told["digest"])
            if known is None:
                continue
            key = ProfileKey(
                told["model"], EVERYTHING, HOUR, told["version"], told["role"], told["time"], known.layout.digest
            )
            segments = self._segments(key, known, so_far)
            try:
                counted = list(_count(part, key, known, segments))
            except Exception:
                # The boundary of one version: a fault in what it took must not keep others from being watched.
                logger.exception(
                    "rows cannot be profiled; `garcom monitor rebuild MODEL` counts them once the cause is mended",
                    extra={"model": key.model, "version": key.version},
                )
                continue
            for each, new in counted:
                found[each] = merged(new.layout, [found[each].body, new.body]) if each in found else new
        return found

    def unprofiled(self, rows: pl.DataFrame) -> set[int]:
        """The versions among rows of the lake that cannot be profiled."""
        pairs = rows.select("version", "digest").unique().rows()
        return {version for version, digest in pairs if self._find(digest) is None}

    def _segments(self, key: ProfileKey, known: Known, so_far: Collection[ProfileKey]) -> set[str]:
        """Those of the version that have profiles already."""
        if not known.layout.segments:
            return set()
        found = {each.segment for each in so_far if (each.model, each.version) == (key.model, key.version)}
        with self._database.read() as connection:
            return found.union(profiles.list_segments(connection, key.model, key.version))


def _count(
    rows: pl.DataFrame, key: ProfileKey, known: Known, segments: set[str]
) -> Iterator[tuple[ProfileKey, Counted]]:
    """The profiles of one version's rows, by hour and by hour and segment; ``segments`` have some already."""
    layout = known.layout
    table = table_of(rows, known.signature).with_columns(rows["time"].dt.truncate("1h").alias(_HOUR))
    for (hour,), part in table.group_by(_HOUR, maintain_order=True):
        yield _counted(key, EVERYTHING, hour, part, layout)
    for field in known.signature.fields:
        if field.name not in layout.segments or field.name not in table.columns:
            continue
        texts = segment_texts(table[field.name], field)
        marked = table.with_columns(texts.alias(_SEGMENT)).filter(texts.is_in(_values(texts, field.name, segments)))
        for (value, hour), part in marked.group_by(_SEGMENT, _HOUR, maintain_order=True):
            yield _counted(key, f"{field.name}={value}", hour, part, layout)


def _values(texts: pl.Series, field: str, segments: set[str]) -> list[str]:
    """Those of a field that have profiles already, and of the others the most frequent, as long as there is room."""
    prefix = f"{field}="
    known = [segment.removeprefix(prefix) for segment in sorted(segments) if segment.startswith(prefix)]
    counts = texts.drop_nulls().alias("value").value_counts(name="n").sort(["n", "value"], descending=[True, False])
    new = [value for value in counts["value"] if value not in known and len(value) <= MOST_LETTERS]
    return known + new[: max(0, MOST_SEGMENTS - len(known))]


def _counted(
    key: ProfileKey, segment: str, hour: Any, rows: pl.DataFrame, layout: Layout
) -> tuple[ProfileKey, Counted]:
    profile = Profile(layout)
    profile.add(rows)
    return key._replace(segment=segment, hour=hour), _encoded(profile)


def merged(layout: Layout, bodies: list[bytes]) -> Counted:
    """Several profiles of one layout as one."""
    profile = Profile(layout)
    profile.merge_encoded(bodies)
    return _encoded(profile)


def _encoded(profile: Profile) -> Counted:
    return Counted(profile.layout, profile.n_rows, profile.encode(), bool(profile.unseen))


def _into_days(found: Mapping[ProfileKey, Counted], alone: Collection[ProfileKey]) -> dict[ProfileKey, Counted]:
    """The profiles, but those of hours whose day stands alone as what is to be added to the day."""
    settled: dict[ProfileKey, Counted] = {}
    for hour, new in found.items():
        key = hour.whole_day if hour.whole_day in alone else hour
        settled[key] = merged(new.layout, [settled[key].body, new.body]) if key in settled else new
    return settled


def _added(key: ProfileKey, new: Counted, there: bytes | None) -> ProfileRow:
    """What becomes of the profile that is there."""
    if there is not None:
        try:
            new = merged(new.layout, [there, new.body])
        except (msgspec.DecodeError, ValueError, IndexError):
            logger.error(
                "a profile was damaged and begins anew; `garcom monitor rebuild MODEL` mends it",
                extra={"model": key.model, "version": key.version, "hour": str(key.hour)},
            )
    return new.row(key)


def _without(rows: pl.DataFrame, progress: Mapping[str, int]) -> pl.DataFrame:
    """The rows but for those of segments that were folded before."""
    if not progress:
        return rows
    names = rows["segment"].unique().to_list()
    folded = [name for name in names if _is_folded(name, progress)]
    return rows.filter(~pl.col("segment").is_in(folded)) if folded else rows


def _is_folded(name: str, progress: Mapping[str, int]) -> bool:
    writer, _, number = name.rpartition("-")
    return SegmentName(writer, int(number)).number <= progress.get(writer, -1)
