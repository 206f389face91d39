from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.profiles import HOUR, ProfileKey, ProfileRow

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def key(hour: int = 0, **other: Any) -> ProfileKey:
    """An hour after Monday's first."""
    return ProfileKey("wine", "", HOUR, 1, "stable", MONDAY + timedelta(hours=hour), "aa")._replace(**other)


def row(of: ProfileKey, body: str, n_rows: int = 10) -> ProfileRow:
    return ProfileRow(of, n_rows, body.encode())


def filled(home: Path, *rows: ProfileRow) -> Database:
    database = Database.open(home)
    with database.write() as connection:
        profiles.write(connection, rows)
    return database


def bodies(database: Database, model: str = "wine", **wanted: Any) -> list[str]:
    with database.read() as connection:
        return [found.body.decode() for found in profiles.list_bodies(connection, model, **wanted)]


def test_a_window_is_from_an_hour_to_before_another(tmp_path: Path) -> None:
    database = filled(tmp_path, *(row(key(hour), str(hour)) for hour in (3, 1, 2, 4)))
    assert bodies(database) == ["1", "2", "3", "4"]
    assert bodies(database, since=MONDAY + timedelta(hours=2), until=MONDAY + timedelta(hours=4)) == ["2", "3"]
    assert bodies(database, model="other") == []


def test_versions_stages_segments_and_layouts_are_told_apart(tmp_path: Path) -> None:
    database = filled(
        tmp_path,
        row(key(), "all"),
        row(key(version=2, stage="canary"), "canary"),
        row(key(version=3, stage="shadow"), "shadow"),
        row(key(segment="region=SP"), "sp"),
        row(key(layout="bb"), "other layout"),
    )
    assert bodies(database) == ["all", "other layout", "canary"]
    assert bodies(database, layout="aa") == ["all", "canary"]
    assert bodies(database, version=2) == ["canary"]
    assert bodies(database, stage="shadow") == ["shadow"]
    assert bodies(database, segment="region=SP") == ["sp"]
    with database.read() as connection:
        assert profiles.list_segments(connection, "wine") == ["region=SP"]
        assert profiles.list_segments(connection, "wine", 2) == []


def test_hours_count_the_rows_of_all_layouts(tmp_path: Path) -> None:
    database = filled(tmp_path, row(key(), "a", 10), row(key(layout="bb"), "b", 5), row(key(1), "c", 7))
    with database.read() as connection:
        found = profiles.list_hours(connection, "wine")
    assert [(hour.hour, hour.n_rows) for hour in found] == [(MONDAY, 15), (MONDAY + timedelta(hours=1), 7)]


def test_a_profile_is_written_over_the_one_that_was_there(tmp_path: Path) -> None:
    database = filled(tmp_path, row(key(), "old"), row(key(segment="region=SP"), "old too"))
    with database.write() as connection:
        there = profiles.find_bodies(connection, [key(), key(segment="region=SP"), key(1)])
        assert there == {key(): b"old", key(segment="region=SP"): b"old too"}
        profiles.write(connection, [row(key(), "new"), row(key(1), "next")], there)
    assert bodies(database) == ["new", "next"]
    assert bodies(database, segment="region=SP") == ["old too"]


@pytest.fixture
def summed(tmp_path: Path) -> Database:
    """Hours from Monday's last to Wednesday's first, and a profile of the whole Tuesday."""
    database = filled(tmp_path, *(row(key(hour), str(hour)) for hour in range(23, 49)))
    with database.write() as connection:
        tuesday = key(24).whole_day
        assert profiles.list_unsummed(connection, MONDAY + timedelta(days=2)) == [key().whole_day, tuesday]
        profiles.write(connection, [row(tuesday, "tuesday")])
        assert profiles.list_unsummed(connection, MONDAY + timedelta(days=2)) == [key().whole_day]
    return database


def test_a_whole_day_is_read_at_once(summed: Database) -> None:
    assert bodies(summed) == ["23", "tuesday", "48"]
    assert bodies(summed, since=MONDAY + timedelta(hours=24)) == ["tuesday", "48"]
    assert bodies(summed, days=False) == [str(hour) for hour in range(23, 49)]


@pytest.mark.parametrize(("first", "last"), [(25, 48), (24, 47), (30, 32)])
def test_a_part_of_a_day_is_read_by_hours(summed: Database, first: int, last: int) -> None:
    found = bodies(summed, since=MONDAY + timedelta(hours=first), until=MONDAY + timedelta(hours=last))
    assert found == [str(hour) for hour in range(first, last)]


def test_a_day_covers_its_own_version_stage_and_layout_only(summed: Database) -> None:
    with summed.write() as connection:
        profiles.write(connection, [row(key(48, layout="bb"), "other"), row(key(50, version=2), "2")])
        profiles.write(connection, [row(key(48, layout="bb").whole_day, "other day")])
    assert bodies(summed) == ["23", "tuesday", "48", "other day", "2"]


def test_a_late_hour_ends_the_profile_of_its_day(summed: Database) -> None:
    with summed.write() as connection:
        profiles.write(connection, [row(key(30), "late")], [key(30)])
        assert key(24).whole_day in profiles.list_unsummed(connection, MONDAY + timedelta(days=2))
    assert bodies(summed) == [*map(str, range(23, 30)), "late", *map(str, range(31, 49))]


def test_a_day_that_goes_on_is_not_summed(summed: Database) -> None:
    with summed.read() as connection:
        found = profiles.list_unsummed(connection, MONDAY + timedelta(days=2, hours=23))
    assert [each.hour for each in found] == [MONDAY]


def test_hours_of_a_day_go_together_or_not_at_all(summed: Database) -> None:
    with summed.write() as connection:
        assert profiles.remove_hours(connection, MONDAY + timedelta(days=2) - timedelta(hours=1), 9) == 0
        assert profiles.remove_hours(connection, MONDAY + timedelta(days=2), 0) == 0
        assert profiles.remove_hours(connection, MONDAY + timedelta(days=9), 9) == 1
        assert profiles.list_alone(connection, [key(23), key(30), key(48), key(30, version=2)]) == {key(24).whole_day}
        assert profiles.list_unsummed(connection, MONDAY + timedelta(days=9)) == [key().whole_day, key(48).whole_day]
        found = profiles.list_hours(connection, "wine")
    assert [(each.hour, each.hours) for each in found] == [
        (MONDAY + timedelta(hours=23), 1),
        (MONDAY + timedelta(hours=24), 24),
        (MONDAY + timedelta(hours=48), 1),
    ]
    assert bodies(summed) == ["23", "tuesday", "48"]
    assert bodies(summed, since=MONDAY + timedelta(hours=25)) == ["48"]
    assert bodies(summed, days=False) == ["23", "48"]


def test_a_day_with_its_hours_does_not_stand_alone(summed: Database) -> None:
    with summed.write() as connection:
        profiles.write(connection, [row(key(90), "late")])
        profiles.write(connection, [row(key(90).whole_day, "day")])
        found = profiles.list_hours(connection, "wine", until=MONDAY + timedelta(hours=80))
        assert {each.hours for each in found} == {HOUR}
        assert len(found) == 26
        assert profiles.list_alone(connection, [key(hour) for hour in range(23, 49)]) == set()


def test_a_profile_rewritten_leaves_its_day(summed: Database) -> None:
    with summed.write() as connection:
        profiles.rewrite(connection, [row(key(30), "same")])
    assert bodies(summed) == ["23", "tuesday", "48"]
    assert "same" in bodies(summed, days=False)


def test_days_are_removed_whole(summed: Database) -> None:
    with summed.write() as connection:
        profiles.write(connection, [row(key(48, version=2), "2")])
        assert profiles.remove(connection, "wine", since=MONDAY + timedelta(days=1), but_versions=[2]) == 26
        assert profiles.remove(connection, "other") == 0
    assert bodies(summed) == ["23", "2"]


def test_progress_only_grows(tmp_path: Path) -> None:
    with Database.open(tmp_path).write() as connection:
        profiles.note_progress(connection, {"01a": 3, "01b": 1})
        profiles.note_progress(connection, {"01a": 2, "01c": 7})
        assert profiles.progress(connection, ["01a", "01b", "01c", "01d"]) == {"01a": 3, "01b": 1, "01c": 7}


def test_many_writers_and_segments_at_once(tmp_path: Path) -> None:
    n = 1500
    keys = [key(segment=f"region={i}") for i in range(n)]
    with Database.open(tmp_path).write() as connection:
        profiles.note_progress(connection, {f"{i:04d}": i for i in range(n)})
        assert len(profiles.progress(connection, [f"{i:04d}" for i in range(n)])) == n
        profiles.write(connection, [row(each, "x") for each in keys])
        assert set(profiles.find_bodies(connection, keys)) == set(keys)
