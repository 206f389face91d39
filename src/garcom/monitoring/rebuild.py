"""The profiles of a model made anew from the lake: everything after the answer is derived, and can be rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import msgspec
import polars as pl

from garcom.journal.segment import CLOSED, segment_names
from garcom.lake.drain import PATIENCE_S
from garcom.lake.snapshot import FileFacts
from garcom.lake.tables import Lake
from garcom.monitoring.folding import COLUMNS, Counted, Folding, merged
from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.lock import locked
from garcom.storage.profiles import ProfileKey

#: So many rows are held at a time.
_ROWS_AT_ONCE = 200_000

#: Is told of each day before it is done: its name, and how much of all is done, from 0 to 1.
Progress = Callable[[str, float], None]


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: ``rows`` of ``days`` were read, of which ``unprofiled`` belong to versions without a reference.

    ``profiles`` were written.
    """

    model: str
    days: int
    rows: int
    unprofiled: int
    profiles: int


class ErasableFolding(Folding):
    """Folding as an erasure needs it: profiles name values of categories, and so may those of rows that are erased."""

    def forget(self, model: str, days: Collection[str]) -> None:
        """Remove the model's profiles of these days (``YYYY-MM-DD``), of all its versions."""
        with self._database.write() as connection:
            profiles.take_turn(connection)
            for day in days:
                begins = _begin_of(day)
                profiles.remove(connection, model, since=begins, until=begins + timedelta(days=1))

    def rebuild(self, lake: Lake, model: str, days: Collection[str]) -> None:
        """Make them anew of the rows that the lake holds."""
        rebuild(lake, self._database, self, model, days=days)


def rebuild(
    lake: Lake,
    database: Database,
    folding: Folding,
    model: str,
    progress: Progress = lambda day, done: None,
    *,
    days: Collection[str] | None = None,
    kept_since: str = "",
) -> Rebuilt:
    """Profile the model's rows of the lake anew, day by day; each day is replaced at once, or stays as it was.

    ``days`` are those that are done (``YYYY-MM-DD``), None for all that the lake holds. Those before ``kept_since`` are
    past their retention, and stay as they are: the lake may still hold a few rows of them, that came late.

    Works beside a server, whose drain waits for the day that is being done. Days whose rows the lake holds no more
    keep the profiles that they have. Rows that stand in the journal are left to the drain.
    """
    journal = lake.home / "journal"
    journal.mkdir(parents=True, exist_ok=True)
    there = {file.day for file in lake.predictions.files(model=model)} if days is None else days
    held = sorted(day for day in there if day >= kept_since)
    n_rows = n_profiled = n_profiles = 0
    for at, day in enumerate(held):
        progress(day, at / len(held))
        with locked(journal / "drain.lock", PATIENCE_S):
            found, n, unprofiled = _count(lake, folding, model, day)
            begins = _begin_of(day)
            with database.write() as connection:
                profiles.take_turn(connection)
                # What is known of a version whose bundle has gone is better than nothing.
                profiles.remove(
                    connection, model, since=begins, until=begins + timedelta(days=1), but_versions=unprofiled
                )
                profiles.write(connection, [new.row(key) for key, new in found.items()])
        n_rows += n
        n_profiled += sum(new.n_rows for key, new in found.items() if key.segment == profiles.EVERYTHING)
        n_profiles += len(found)
    progress("done", 1.0)
    return Rebuilt(model=model, days=len(held), rows=n_rows, unprofiled=n_rows - n_profiled, profiles=n_profiles)


def _begin_of(day: str) -> datetime:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)


def _count(lake: Lake, folding: Folding, model: str, day: str) -> tuple[dict[ProfileKey, Counted], int, set[int]]:
    """The profiles of a day, how many rows were read, and the versions that have none. Nobody may drain meanwhile."""
    waiting = _waiting(lake, folding)
    found: dict[ProfileKey, Counted] = {}
    n_rows, unprofiled = 0, set[int]()
    snapshot = lake.predictions.snapshot()
    for files in _groups(snapshot.files(model=model, days=(day, day))):
        rows = snapshot.read(files).select(COLUMNS).filter(~pl.col("segment").is_in(waiting)).collect()
        n_rows += rows.height
        unprofiled |= folding.unprofiled(rows)
        for part in rows.iter_slices(_ROWS_AT_ONCE):
            for key, new in folding.count(part, found).items():
                found[key] = merged(new.layout, [found[key].body, new.body]) if key in found else new
    return found, n_rows, unprofiled


def _waiting(lake: Lake, folding: Folding) -> list[str]:
    """The segments whose rows the drain has yet to fold, be they in the lake already or not."""
    names = segment_names(lake.home / "journal", CLOSED)
    folded = folding.progress({name.writer for name in names})
    return [str(name) for name in names if name.number > folded.get(name.writer, -1)]


def _groups(files: Sequence[FileFacts]) -> Iterator[list[FileFacts]]:
    """Files together up to so many rows, one of more alone."""
    before = 0

    def place(file: FileFacts) -> int:
        nonlocal before
        before += file.n_rows
        return (before - 1) // _ROWS_AT_ONCE

    for _, group in groupby(files, place):
        yield list(group)
