from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from garcom.monitoring import expiry
from garcom.monitoring.days import sum_days
from garcom.monitoring.expiry import EndedWriters, forget_names, remove_orphans
from garcom.settings import ModelRetention, RetentionSettings
from garcom.storage import models, profiles, versions
from garcom.storage.database import Database
from garcom.storage.profiles import HOUR, ProfileKey, ProfileRow
from tests.unit.lake.journals import closed, opened
from tests.unit.monitoring.test_days import LATER, registered
from tests.unit.monitoring.test_folding import KNOWN, NOON, counts, fold_of, kept, rows, wines

ONE_DAY = timedelta(days=1)
ANA = "Ana Planted"
A_WEEK = RetentionSettings(predictions="7d")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return registered(tmp_path)


def told(database: Database, n_days: int = 1) -> None:
    for at in range(n_days):
        frame = rows({"region": ANA}, {"region": "SP"}, began=NOON + at * ONE_DAY, segment=f"01a-{at:08d}")
        fold_of(database).fold(frame, {"01a": at})


def names(database: Database) -> list[dict[str, dict[str, int]]]:
    return [profile.unseen for profile in kept(database)]


def test_names_go_with_the_predictions_and_the_counts_stay(database: Database) -> None:
    told(database, 2)
    sum_days(database, KNOWN.get, NOON + 2 * ONE_DAY)
    assert names(database) == [{"region": {ANA: 1}}] * 2
    assert forget_names(database, A_WEEK, NOON + 7 * ONE_DAY) == 0
    # The hour and the day, of all rows, of the segment of the name.
    assert forget_names(database, A_WEEK, NOON + 8 * ONE_DAY) == 4
    assert names(database) == [{}, {"region": {ANA: 1}}]
    assert counts(database) == [2, 2]
    assert [profile.tally(1).above for profile in kept(database)] == [1, 1]
    assert forget_names(database, A_WEEK, NOON + 8 * ONE_DAY) == 0
    assert sum_days(database, KNOWN.get, LATER) == 0  # the day has stayed


def test_what_is_kept_for_ever_keeps_its_names(database: Database) -> None:
    told(database)
    assert forget_names(database, RetentionSettings(), LATER) == 0
    of_model = RetentionSettings(predictions="1d", models={"wine": ModelRetention(predictions="999d")})
    assert forget_names(database, of_model, LATER) == 0
    assert names(database) == [{"region": {ANA: 1}}]


def test_names_in_rows_that_come_late_go_too(database: Database) -> None:
    told(database)
    assert forget_names(database, A_WEEK, LATER) == 2
    fold_of(database).fold(rows({"region": "Bia"}, segment="01a-00000002"), {"01a": 2})
    assert names(database) == [{"region": {"Bia": 1}}]
    assert forget_names(database, A_WEEK, LATER) == 2
    assert names(database) == [{}]
    assert counts(database) == [3]


def test_many_profiles_are_changed_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "_AT_ONCE", 2)
    told(database, 3)
    assert forget_names(database, A_WEEK, LATER) == 6
    assert names(database) == [{}] * 3


def test_a_damaged_profile_that_may_hold_names_goes(database: Database) -> None:
    with database.write() as connection:
        profiles.write(connection, [ProfileRow(ProfileKey("wine", "", HOUR, 1, "stable", NOON, "aa"), 2, b"?", True)])
    assert forget_names(database, A_WEEK, LATER) == 1
    assert forget_names(database, A_WEEK, LATER) == 0


def test_profiles_go_with_their_version(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "_AT_ONCE", 2)
    fold = fold_of(database)
    fold.fold(wines(90), {"01a": 1})
    fold.fold(wines(5, version=7, segment="01a-00000002"), {"01a": 2})  # never registered here
    fold.fold(wines(5, model="other", segment="01a-00000003"), {"01a": 3})
    assert remove_orphans(database) == 0
    with database.write() as connection:
        model = models.find_model(connection, "wine")
        assert model is not None
        (version,) = versions.list_versions(connection, model.id)
        versions.remove_version(connection, version.id, LATER)
        models.remove_model(connection, model.id, LATER)
    assert remove_orphans(database) == 6
    assert counts(database) == [5]
    with database.read() as connection:
        assert profiles.list_models(connection) == ["other", "wine"]
    assert remove_orphans(database) == 0


def known_writers(database: Database) -> set[str]:
    with database.read() as connection:
        return profiles.list_writers(connection)


def test_how_far_a_writer_was_is_forgotten_when_it_has_ended(database: Database, tmp_path: Path) -> None:
    journal, hour = tmp_path / "journal", timedelta(hours=1)
    ended = EndedWriters(database, journal)
    assert ended.forget(NOON) == 0  # nothing was ever served
    closed(tmp_path, "01b", 4)
    living = opened(tmp_path, "01c", 9)
    with database.write() as connection:
        profiles.note_progress(connection, {"01a": 7, "01b": 3, "01c": 8})
    # A report may have read the last segment of the first just before it went.
    assert ended.forget(NOON) == 0
    assert ended.forget(NOON + hour / 2) == 0
    assert known_writers(database) == {"01a", "01b", "01c"}
    assert ended.forget(NOON + hour) == 1
    assert known_writers(database) == {"01b", "01c"}
    (journal / "01b-00000004.ndjson").unlink()
    assert ended.forget(NOON + 9 * hour) == 0
    assert ended.forget(NOON + 10 * hour) == 1
    assert known_writers(database) == {"01c"}
    living.close()


def test_a_writer_that_comes_again_counts_as_one_that_has_not_ended(database: Database, tmp_path: Path) -> None:
    ended = EndedWriters(database, tmp_path / "journal")
    (tmp_path / "journal").mkdir(exist_ok=True)
    fold_of(database).fold(wines(3, segment="01a-00000001"), {"01a": 1})
    assert ended.forget(NOON) == 0
    closed(tmp_path, "01a", 2)
    assert ended.forget(NOON + ONE_DAY) == 0
    (tmp_path / "journal/01a-00000002.ndjson").unlink()
    assert ended.forget(NOON + 2 * ONE_DAY) == 0
    assert ended.forget(NOON + 3 * ONE_DAY) == 1
    # It has only rested: what comes next counts once.
    for _ in range(2):
        fold_of(database).fold(wines(4, segment="01a-00000003"), {"01a": 3})
    assert sum(counts(database)) == 7
    assert known_writers(database) == {"01a"}
