from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from garcom.errors import Conflict, Unavailable
from garcom.lake.drain import Drain
from garcom.lake.schemas import PREDICTIONS
from garcom.lake.tables import Lake
from garcom.model.segments import segment_texts
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.monitoring import folding
from garcom.monitoring.folding import Folding
from garcom.monitoring.known_versions import Known
from garcom.monitoring.rows import table_of
from garcom.profiles.layout import layout_of
from garcom.profiles.profile import Profile
from garcom.storage import profiles
from garcom.storage.database import Database
from tests.unit.lake.journals import TIME_US, WINE, closed, entries

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SIGNATURE = Signature(
    fields=(
        Field(name="alcohol", type=FieldType.FLOAT, nullable=True),
        Field(name="region", type=FieldType.CATEGORY, nullable=True),
        Field(name="organic", type=FieldType.BOOLEAN, nullable=True),
    ),
    output=Output(task="classification", classes=("bom", "ruim")),
    example={},
)
REFERENCE = pl.DataFrame(
    {"alcohol": [9.0, 10.0, 11.0], "region": ["SP", "RJ", "MG"], "organic": [0.0, 1.0, 1.0], "prediction": "bom"}
)
LAYOUT = layout_of(REFERENCE, predictions=["prediction"], segments=["region", "organic"])
KNOWN = {"6592": Known(SIGNATURE, LAYOUT)}


def rows(*inputs: Any, began: datetime = NOON, step: timedelta = timedelta(minutes=1), **other: Any) -> pl.DataFrame:
    """Predictions of a segment, one each step."""
    n = len(inputs)
    told = {
        "id": [f"{i}" for i in range(n)],
        "time": [began + i * step for i in range(n)],
        "model": "wine",
        "day": "2026-11-20",
        "version": 1,
        "digest": "6592",
        "role": "stable",
        "input": [json.dumps(each) for each in inputs],
        "label": "bom",
        "value": None,
        "output": '{"prediction":"bom"}',
        **dict.fromkeys(("latency_us", "request_id", "key", "subject")),
        "segment": "01a-00000001",
    }
    return pl.DataFrame(told | other, schema=PREDICTIONS)


def wines(n: int = 10, **other: Any) -> pl.DataFrame:
    return rows(*({"alcohol": 9 + i % 3, "region": "SP" if i % 2 else "RJ"} for i in range(n)), **other)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path)


def fold_of(database: Database) -> Folding:
    return Folding(database, KNOWN.get)


def kept(database: Database, **wanted: Any) -> list[Profile]:
    with database.read() as connection:
        found = profiles.list_bodies(connection, "wine", **wanted)
    return [Profile.decode(LAYOUT, row.body) for row in found]


def counts(database: Database, **wanted: Any) -> list[int]:
    return [profile.n_rows for profile in kept(database, **wanted)]


def segments(database: Database) -> list[str]:
    with database.read() as connection:
        return profiles.list_segments(connection, "wine")


def test_rows_are_profiled_by_hour_version_and_stage(database: Database) -> None:
    fold = fold_of(database)
    fold.fold(pl.concat([wines(90), wines(5, version=2, role="canary"), wines(3, role="shadow")]), {"01a": 1})
    assert counts(database, version=1) == [60, 30]
    assert counts(database, version=2, stage="canary") == [5]
    assert counts(database, stage="shadow") == [3]
    with database.read() as connection:
        hours = profiles.list_hours(connection, "wine", version=1)
    assert [(each.hour, each.n_rows) for each in hours] == [(NOON, 60), (NOON + timedelta(hours=1), 30)]


def test_what_is_kept_is_the_profile_of_all_rows(database: Database) -> None:
    fold = fold_of(database)
    for number in (1, 2, 3):
        fold.fold(wines(7, segment=f"01a-{number:08d}"), {"01a": number})
    (found,) = kept(database)
    whole = Profile(LAYOUT)
    for _ in range(3):
        whole.add(table_of(wines(7), SIGNATURE))
    assert found.n_rows == 21
    assert (found.cells == whole.cells).all()
    assert (found.tallies == whole.tallies).all()


def test_a_segment_is_folded_once(database: Database) -> None:
    fold = fold_of(database)
    first, second = wines(7), wines(5, segment="01a-00000002")
    fold.fold(first, {"01a": 1})
    fold.fold(pl.concat([first, second]), {"01a": 2})
    fold.fold(second, {"01a": 2})
    assert counts(database) == [12]
    assert fold.progress(["01a", "01b"]) == {"01a": 2}


def test_values_of_some_fields_have_profiles_of_their_own(database: Database) -> None:
    inputs = [{"region": "SP", "organic": True}, {"region": "SP", "organic": False}, {"region": None}, {"region": "RJ"}]
    fold_of(database).fold(rows(*inputs), {"01a": 1})
    assert segments(database) == ["organic=false", "organic=true", "region=RJ", "region=SP"]
    assert counts(database) == [4]
    assert counts(database, segment="region=SP") == [2]
    assert counts(database, segment="organic=false") == [1]


def test_only_so_many_values_have_profiles_the_frequent_ones_and_those_that_had_them(database: Database) -> None:
    fold = fold_of(database)
    fold.fold(rows({"region": "first"}), {"01a": 1})
    many = [{"region": f"r{i:03d}"} for i in range(60)] + [{"region": "often"}] * 2 + [{"region": "x" * 500}] * 3
    fold.fold(rows(*many, {"region": "first"}, step=timedelta(), segment="01a-00000002"), {"01a": 2})
    found = segments(database)
    assert len(found) == folding.MOST_SEGMENTS
    assert {"region=first", "region=often", "region=r047"} <= set(found)
    assert counts(database, segment="region=first") == [2]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1.0, 0.0, None], FieldType.BOOLEAN, ["true", "false", None]),
        ([1.0, -20.0, None, 1.5], FieldType.INTEGER, ["1", "-20", None, "1.5"]),
        (["SP", None], FieldType.CATEGORY, ["SP", None]),
    ],
    ids=["booleans", "numbers", "texts"],
)
def test_segments_are_named_as_people_write_them(
    values: list[Any], kind: FieldType, expected: list[str | None]
) -> None:
    assert segment_texts(pl.Series("x", values), Field(name="x", type=kind)).to_list() == expected


def test_a_version_without_a_profile_is_left_out_and_its_segments_count(database: Database) -> None:
    fold = fold_of(database)
    fold.fold(pl.concat([wines(4), wines(9, digest="unknown")]), {"01a": 1})
    assert counts(database) == [4]
    fold.fold(wines(3, digest="unknown", segment="01a-00000002"), {"01a": 2})
    assert fold.progress(["01a"]) == {"01a": 2}


def test_a_fault_with_one_version_hinders_no_other(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    spoilt = Known(SIGNATURE, msgspec.structs.replace(LAYOUT, columns=(None,)))
    fold = Folding(database, {**KNOWN, "bad": spoilt}.get)
    with caplog.at_level(logging.ERROR, "garcom.monitoring"):
        fold.fold(pl.concat([wines(9, digest="bad", version=2), wines(4)]), {"01a": 1})
    assert vars(caplog.records[0])["version"] == 2
    assert "`garcom monitor rebuild MODEL` counts them" in caplog.records[0].message
    assert counts(database) == [4]


def test_an_hour_of_nothing_but_gaps(database: Database) -> None:
    fold_of(database).fold(rows(*[{}] * 5, label=None), {"01a": 1})
    (found,) = kept(database)
    assert found.n_rows == 5
    assert [found.tally(at).missing for at in range(4)] == [5] * 4
    assert segments(database) == []


def test_no_rows_note_the_progress(database: Database) -> None:
    fold = fold_of(database)
    fold.fold(wines(0), {"01a": 1})
    assert (fold.progress(["01a"]), counts(database)) == ({"01a": 1}, [])


def test_values_of_another_type_are_counted_as_such(database: Database) -> None:
    fold_of(database).fold(rows({"alcohol": "much"}, {"alcohol": 9.5}, {}), {"01a": 1})
    (found,) = kept(database)
    assert found.tally(0)[:3] == (1, 0, 1)


def test_late_rows_end_the_profile_of_their_day(database: Database) -> None:
    fold = fold_of(database)
    fold.fold(wines(4), {"01a": 1})
    with database.write() as connection:
        day = profiles.list_unsummed(connection, NOON + timedelta(days=3))[0]
        profiles.write(connection, [profiles.ProfileRow(day, 4, kept(database)[0].encode())])
    fold.fold(wines(3, segment="01a-00000002"), {"01a": 2})
    assert counts(database) == [7]


def test_a_damaged_profile_begins_anew(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    fold = fold_of(database)
    fold.fold(wines(4), {"01a": 1})
    with database.write() as connection:
        (row,) = profiles.list_bodies(connection, "wine")
        profiles.write(connection, [row._replace(body=b"\x93\1")], [row.key])
    with caplog.at_level(logging.ERROR, "garcom.monitoring"):
        fold.fold(wines(3, segment="01a-00000002"), {"01a": 2})
    assert "rebuild" in caplog.records[0].message
    assert counts(database) == [3]


def test_what_somebody_else_folds_meanwhile_is_not_folded_again(database: Database) -> None:
    other = fold_of(database)
    done: list[str] = []

    def after(step: str) -> None:
        if step == "counted" and not done:
            done.append(step)
            other.fold(wines(7), {"01a": 1})

    Folding(database, KNOWN.get, after).fold(pl.concat([wines(7), wines(5, segment="01a-00000002")]), {"01a": 2})
    assert counts(database) == [12]


def test_whoever_is_always_second_gives_up(database: Database) -> None:
    numbers = iter(range(100))

    def after(step: str) -> None:
        if step == "counted":
            with database.write() as connection:
                profiles.note_progress(connection, {"01a": next(numbers)})

    with pytest.raises(Conflict, match="Expected to add 1 segments"):
        Folding(database, KNOWN.get, after).fold(wines(7, segment="01a-00000999"), {"01a": 999})
    assert counts(database) == []


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["counted", "written", "noted"])
def test_a_death_at_any_step_counts_each_row_once(database: Database, step: str) -> None:
    def after(done: str) -> None:
        if done == step:
            raise Died

    with pytest.raises(Died):
        Folding(database, KNOWN.get, after).fold(wines(7), {"01a": 1})
    assert counts(database) == ([7] if step == "noted" else [])
    fold_of(database).fold(wines(7), {"01a": 1})
    assert counts(database) == [7]


def test_folds_at_the_same_time_lose_nothing(database: Database) -> None:
    def fold(writer: str) -> None:
        for number in range(1, 6):
            fold_of(database).fold(wines(10, segment=f"{writer}-{number:08d}"), {writer: number})

    threads = [threading.Thread(target=fold, args=(writer,)) for writer in ("01a", "01b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(database) == [100]


def test_the_drain_and_the_profiles_agree(tmp_path: Path, database: Database) -> None:
    """The journal's own rows: a field that is named differently there is missing, nothing else."""
    for number in (1, 2):
        closed(tmp_path, number=number)
    drain = Drain(Lake.open(tmp_path), fold=fold_of(database))
    assert drain.run().n_rows == 20
    with database.read() as connection:
        (hour,) = profiles.list_hours(connection, WINE.model)
    assert (hour.version, hour.stage, hour.n_rows) == (WINE.version, "stable", len(entries(20)))
    assert hour.hour == datetime.fromtimestamp(TIME_US // 3_600_000_000 * 3600, UTC)


DYING = """
import os, sys
from pathlib import Path
from garcom.lake.drain import Drain
from garcom.lake.tables import Lake
from garcom.monitoring.folding import Folding
from garcom.storage.database import Database
from tests.unit.monitoring.test_folding import KNOWN
home, step = Path(sys.argv[1]), sys.argv[2]
def after(done):
    if done == step: os._exit(9)
Drain(Lake.open(home), after, Folding(Database.open(home), KNOWN.get, after)).run()
"""


@pytest.mark.parametrize("step", ["written", "noted"])
def test_a_killed_drain_leaves_lake_and_profiles_with_each_row_once(tmp_path: Path, step: str) -> None:
    for number in (1, 2, 3):
        closed(tmp_path, number=number)
    database = Database.open(tmp_path)
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), step], check=False, timeout=60)
    assert died.returncode == 9
    lake = Lake.open(tmp_path)
    Drain(lake, fold=fold_of(database)).run()
    assert lake.predictions.scan().select(pl.len()).collect().item() == 30
    assert counts(database) == [30]
    assert list((tmp_path / "journal").glob("*.ndjson")) == []


class Busy(Database):
    """A database that somebody else writes to for too long, the first time."""

    def __init__(self, database: Database) -> None:
        super().__init__(database._engine, database.home)
        self.errors: Iterable[Exception] = iter([Unavailable("busy")])

    def write(self) -> Any:
        for error in self.errors:
            raise error
        return super().write()


def test_a_busy_database_delays_the_profiles_only(tmp_path: Path, database: Database) -> None:
    closed(tmp_path, number=1)
    fold = Folding(Busy(database), KNOWN.get)
    lake = Lake.open(tmp_path)
    assert Drain(lake, fold=fold).run().n_kept == 1
    assert lake.predictions.scan().select(pl.len()).collect().item() == 10
    closed(tmp_path, number=2)
    assert Drain(lake, fold=fold).run().n_again == 1
    assert counts(database) == [20]
    assert list((tmp_path / "journal").glob("*.ndjson")) == []
