"""A day is known by its hours, by itself, or by both; whatever happens in whatever order, each row counts once."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from garcom.lake.tables import Lake
from garcom.monitoring import days
from garcom.monitoring.days import HOURS_KEPT, hours_since, remove_old_hours, sum_days
from garcom.monitoring.folding import Folding
from garcom.monitoring.rebuild import rebuild
from garcom.profiles.profile import Profile
from garcom.storage import models, profiles, versions
from garcom.storage.database import Database
from garcom.storage.profiles import DAY, HOUR
from tests.unit.monitoring.test_folding import KNOWN, LAYOUT, NOON, counts, fold_of, wines
from tests.unit.monitoring.test_rebuild import in_lake

MIDNIGHT = NOON - timedelta(hours=12)
ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOON + HOURS_KEPT + 2 * ONE_DAY


def registered(home: Path) -> Database:
    database = Database.open(home)
    with database.write() as connection:
        model = models.make_model(connection, "wine", NOON)
        versions.add_version(
            connection, model_id=model, number=1, digest="6592", task="classification", created=NOON,
            metadata={}, facts=versions.Facts({}, {}, {}),
        )  # fmt: skip
    return database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return registered(tmp_path)


def summed(database: Database) -> int:
    return sum_days(database, KNOWN.get, LATER)


def pruned(database: Database) -> Database:
    """The same with ninety rows of two hours, of which only the day is left."""
    fold_of(database).fold(wines(90), {"01a": 1})
    assert summed(database) == 3
    assert remove_old_hours(database, LATER) == 3
    return database


def hours(database: Database, since: datetime | None = None) -> list[tuple[datetime, int, int]]:
    with database.read() as connection:
        return [(each.hour, each.hours, each.n_rows) for each in profiles.list_hours(connection, "wine", since=since)]


def test_hours_go_when_their_day_has_a_profile(database: Database) -> None:
    fold_of(database).fold(wines(90), {"01a": 1})
    assert remove_old_hours(database, LATER) == 0  # not summed up
    before = summed(database) and counts(database)
    assert remove_old_hours(database, NOON + HOURS_KEPT) == 0  # not old
    assert remove_old_hours(database, MIDNIGHT + ONE_DAY + HOURS_KEPT) == 3
    assert counts(database) == before == [90]
    assert counts(database, segment="region=SP") == [45]
    assert counts(database, days=False) == []
    assert remove_old_hours(database, LATER) == 0
    assert summed(database) == 0


def test_of_a_day_without_hours_no_part_can_be_read(database: Database) -> None:
    pruned(database)
    assert counts(database, since=MIDNIGHT, until=MIDNIGHT + ONE_DAY) == [90]
    assert counts(database, since=MIDNIGHT + ONE_HOUR) == []
    assert counts(database, until=NOON) == []
    assert hours(database) == [(MIDNIGHT, DAY, 90)]
    assert hours(database, since=NOON) == []


def test_late_rows_are_added_to_a_day_without_hours(database: Database) -> None:
    pruned(database)
    late = wines(70, began=NOON - 3 * ONE_HOUR, segment="01a-00000002")  # of two hours
    fold_of(database).fold(late, {"01a": 2})
    assert counts(database) == [160]
    assert counts(database, segment="region=SP") == [80]
    assert hours(database) == [(MIDNIGHT, DAY, 160)]
    whole = Profile(LAYOUT)
    with database.read() as connection:
        whole.merge_encoded([row.body for row in profiles.list_bodies(connection, "wine")])
    assert whole.n_rows == 160


def test_late_rows_of_a_new_segment_have_hours_until_they_are_summed_up(database: Database) -> None:
    pruned(database)
    late = wines(5, segment="01a-00000002", role="canary")
    fold_of(database).fold(late, {"01a": 2})
    assert hours(database) == [(MIDNIGHT, DAY, 90), (NOON, HOUR, 5)]
    assert sum(counts(database)) == 95
    assert summed(database) == 3
    assert sum(counts(database)) == 95
    assert remove_old_hours(database, LATER) == 3
    assert hours(database) == [(MIDNIGHT, DAY, 5), (MIDNIGHT, DAY, 90)]


def test_hours_that_go_while_rows_are_counted(database: Database) -> None:
    """The day is looked up in the transaction that writes, not before."""
    fold_of(database).fold(wines(90), {"01a": 1})

    def after(step: str) -> None:
        if step == "counted":
            summed(database)
            remove_old_hours(database, LATER)

    Folding(database, KNOWN.get, after).fold(wines(7, segment="01a-00000002"), {"01a": 2})
    assert counts(database) == [97]
    assert hours(database) == [(MIDNIGHT, DAY, 97)]


def test_a_rebuilt_day_has_hours_again(database: Database) -> None:
    pruned(database)
    lake = Lake.open(database.home)
    in_lake(lake, wines(70))
    rebuild(lake, database, fold_of(database), "wine")
    assert hours(database) == [(NOON, HOUR, 60), (NOON + ONE_HOUR, HOUR, 10)]
    assert counts(database) == [60, 10]
    summed(database)
    assert remove_old_hours(database, LATER) == 3
    assert counts(database) == [70]


def test_a_day_past_its_retention_is_not_made_anew_of_what_came_late(database: Database) -> None:
    pruned(database)
    lake = Lake.open(database.home)
    in_lake(lake, wines(3))
    assert rebuild(lake, database, fold_of(database), "wine", kept_since="2026-11-21").days == 0
    assert counts(database) == [90]
    assert rebuild(lake, database, fold_of(database), "wine", kept_since="2026-11-20").days == 1
    assert counts(database) == [3]


def test_many_days_go_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "_DAYS_AT_ONCE", 2)
    n = 4
    for at in range(n):
        fold_of(database).fold(wines(2, began=NOON + at * ONE_DAY, segment=f"01a-{at:08d}"), {"01a": at})
    later = LATER + n * ONE_DAY
    assert sum_days(database, KNOWN.get, later) == 3 * n
    assert remove_old_hours(database, later) == 3 * n
    assert counts(database) == [2] * n
    assert hours_since(later) > NOON + n * ONE_DAY


Event = tuple[Literal["fold"], int, int, int] | tuple[Literal["sum", "remove"], int]
FOLD = st.tuples(st.just("fold"), st.integers(0, 1), st.sampled_from([0, 23]), st.integers(1, 3))
OTHER = st.tuples(st.sampled_from(["sum", "remove"]), st.sampled_from([2, 2, 1]))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.one_of(FOLD, OTHER), min_size=4, max_size=8))
@example(
    [("fold", 0, 0, 2), ("sum", 2), ("fold", 0, 0, 1), ("remove", 2), ("sum", 2), ("remove", 2), ("fold", 0, 0, 1)]
)
@example([("fold", 0, 0, 2), ("sum", 2), ("remove", 2), ("fold", 0, 23, 1), ("fold", 1, 0, 1), ("sum", 1), ("sum", 2)])
def test_each_row_counts_once_in_every_order(events: list[Event]) -> None:
    with TemporaryDirectory() as folder:
        database, told = registered(Path(folder)), Counter[int]()
        for at, event in enumerate(events):
            if event[0] == "fold":
                _, day, hour, n = event
                began = MIDNIGHT + day * ONE_DAY + hour * ONE_HOUR
                fold_of(database).fold(wines(n, began=began, segment=f"01a-{at:08d}"), {"01a": at})
                told[day] += n
            elif event[0] == "sum":
                sum_days(database, KNOWN.get, MIDNIGHT + event[1] * ONE_DAY + timedelta(hours=7))
            else:
                remove_old_hours(database, MIDNIGHT + event[1] * ONE_DAY + HOURS_KEPT)
            for day in range(2):
                begins = MIDNIGHT + day * ONE_DAY
                assert sum(counts(database, since=begins, until=begins + ONE_DAY)) == told[day], event
            assert sum(counts(database)) == sum(n for *_, n in hours(database)) == told.total()
