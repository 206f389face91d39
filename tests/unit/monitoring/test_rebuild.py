from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from garcom.errors import Unavailable
from garcom.journal.pseudonyms import SubjectKey
from garcom.lake.datasets import Datasets
from garcom.lake.drain import Drain
from garcom.lake.privacy import Privacy
from garcom.lake.tables import Lake
from garcom.monitoring import rebuild as rebuild_module
from garcom.monitoring.days import sum_days
from garcom.monitoring.folding import Folding
from garcom.monitoring.known_versions import Known
from garcom.monitoring.rebuild import ErasableFolding, Rebuilt, rebuild
from garcom.profiles.profile import Profile
from garcom.storage import models, profiles, versions
from garcom.storage.database import Database
from tests.unit.lake.journals import closed
from tests.unit.monitoring.test_folding import KNOWN, LAYOUT, NOON, SIGNATURE, counts, fold_of, rows, segments, wines

DAY = timedelta(days=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path)


def in_lake(lake: Lake, *frames: pl.DataFrame) -> None:
    for frame in frames:
        lake.predictions.append(frame.with_columns(pl.col("time").dt.strftime("%Y-%m-%d").alias("day")))


def anew(lake: Lake, database: Database, **other: Any) -> Rebuilt:
    return rebuild(lake, database, fold_of(database), "wine", **other)


def test_profiles_are_made_anew_of_what_the_lake_holds(lake: Lake, database: Database) -> None:
    in_lake(lake, wines(90), wines(9, began=NOON + DAY), wines(5, model="other"), wines(3, version=2, role="shadow"))
    told: list[str] = []
    done = anew(lake, database, progress=lambda day, share: told.append(day))
    assert done == Rebuilt(model="wine", days=2, rows=102, unprofiled=0, profiles=12)
    assert told == ["2026-11-20", "2026-11-21", "done"]
    assert counts(database) == [60, 30, 9]
    assert counts(database, stage="shadow") == [3]
    assert segments(database) == ["region=RJ", "region=SP"]
    assert anew(lake, database) == done
    assert counts(database) == [60, 30, 9]


def test_a_model_without_rows_keeps_what_it_has(lake: Lake, database: Database) -> None:
    fold_of(database).fold(wines(7), {"01a": 1})
    assert anew(lake, database) == Rebuilt(model="wine", days=0, rows=0, unprofiled=0, profiles=0)
    assert counts(database) == [7]


def test_days_that_the_lake_holds_no_more_keep_their_profiles(lake: Lake, database: Database) -> None:
    fold = fold_of(database)
    fold.fold(wines(7, began=NOON - DAY), {"01a": 1})
    fold.fold(wines(7, segment="01a-00000002"), {"01a": 2})
    in_lake(lake, wines(5))
    anew(lake, database)
    assert counts(database) == [7, 5]


def test_a_version_whose_bundle_has_gone_keeps_its_profiles(lake: Lake, database: Database) -> None:
    Folding(database, {"gone": Known(SIGNATURE, LAYOUT)}.get).fold(wines(7, digest="gone", version=2), {"01a": 1})
    in_lake(lake, wines(5), wines(7, digest="gone", version=2))
    assert anew(lake, database).unprofiled == 7
    assert counts(database, version=2) == [7]
    assert counts(database, version=1) == [5]


def test_rows_that_wait_in_the_journal_are_left_to_the_drain(lake: Lake, database: Database) -> None:
    closed(lake.home, number=1)
    assert Drain(lake, fold=Folding(_Locked(database), KNOWN.get)).run().n_kept == 1
    closed(lake.home, number=2)
    assert anew(lake, database).rows == 0
    Drain(lake, fold=fold_of(database)).run()
    assert counts(database) == [20]
    assert anew(lake, database).rows == 20
    assert counts(database) == [20]


class _Locked(Database):
    def __init__(self, database: Database) -> None:
        super().__init__(database._engine, database.home)

    def write(self) -> Any:
        raise Unavailable("busy")


def test_large_days_are_read_in_parts(lake: Lake, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_module, "_ROWS_AT_ONCE", 7)
    in_lake(lake, *(wines(10, step=timedelta(minutes=9)) for _ in range(3)), wines(2))
    assert anew(lake, database).rows == 32
    assert sum(counts(database)) == 32
    assert sum(counts(database, segment="region=SP")) == 16


def test_an_erasure_leaves_nothing_of_the_rows_in_the_profiles(lake: Lake, database: Database) -> None:
    """An unseen category is named in a profile, and may be what somebody has asked to be erased."""
    key = SubjectKey.under(lake.home)
    ana, others = "Ana Planted", wines(6)
    hers = rows({"region": ana}, id=["a"], subject=key.pseudonym("ana"))
    told = pl.concat([others, hers])
    fold = ErasableFolding(database, KNOWN.get)
    in_lake(lake, told, wines(4, began=NOON + DAY))
    fold.fold(pl.concat([told, wines(4, began=NOON + DAY)]), {"01a": 1})
    assert f"region={ana}" in segments(database)
    receipt = Privacy(lake, Datasets(database, lake), fold=fold).erase("ana")
    assert receipt.erased.predictions == 1
    assert counts(database) == [6, 4]
    assert segments(database) == ["region=RJ", "region=SP"]
    assert ana.encode() not in (lake.home / "garcom.db").read_bytes()


def summed(database: Database, now: datetime) -> int:
    return sum_days(database, KNOWN.get, now)


@pytest.fixture
def registered(database: Database) -> Database:
    """A database in which the versions 1 and 2 of wine are registered."""
    with database.write() as connection:
        model = models.make_model(connection, "wine", NOON)
        for number, digest in ((1, "6592"), (2, "unknown")):
            versions.add_version(
                connection, model_id=model, number=number, digest=digest, task="classification", created=NOON,
                metadata={}, facts=versions.Facts({}, {}, {}),
            )  # fmt: skip
    return database


def test_a_day_that_is_over_becomes_one_profile(registered: Database) -> None:
    fold_of(registered).fold(wines(90), {"01a": 1})
    assert summed(registered, NOON + timedelta(hours=17)) == 0
    assert summed(registered, NOON + timedelta(hours=18)) == 3
    assert counts(registered) == [90]
    assert counts(registered, days=False) == [60, 30]
    assert counts(registered, segment="region=SP") == [45]
    assert summed(registered, NOON + timedelta(days=9)) == 0


def test_a_day_is_the_sum_of_its_hours(registered: Database) -> None:
    fold_of(registered).fold(wines(90), {"01a": 1})
    hours = Profile(LAYOUT)
    with registered.read() as connection:
        hours.merge_encoded([row.body for row in profiles.list_bodies(connection, "wine")])
    summed(registered, NOON + DAY)
    with registered.read() as connection:
        (row,) = profiles.list_bodies(connection, "wine")
    assert (Profile.decode(LAYOUT, row.body).cells == hours.cells).all()


def test_a_day_of_a_version_that_cannot_be_read_stays_in_hours(registered: Database) -> None:
    gone = Folding(registered, {"gone": Known(SIGNATURE, LAYOUT)}.get)
    gone.fold(wines(90, digest="gone", version=2), {"01a": 1})
    gone.fold(wines(90, digest="gone", version=7, segment="01a-00000002"), {"01a": 2})
    assert summed(registered, NOON + DAY) == 0
    assert counts(registered) == [60, 60, 30, 30]


def test_a_rebuilt_day_is_summed_anew(lake: Lake, registered: Database) -> None:
    fold_of(registered).fold(wines(90), {"01a": 1})
    summed(registered, NOON + DAY)
    in_lake(lake, wines(70))
    anew(lake, registered)
    assert counts(registered) == [60, 10]
    assert summed(registered, NOON + DAY) == 3
    assert counts(registered) == [70]
