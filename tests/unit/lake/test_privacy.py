"""After an erasure nothing of the person is left in any file, and everything of everybody else is."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from garcom.errors import InputError, Unavailable
from garcom.ids import uuid7s
from garcom.journal.keys import Answer, Claimed, KeyStore, Scope
from garcom.journal.lines import Entry, Version, encode
from garcom.journal.pseudonyms import SubjectKey
from garcom.journal.segment import DAMAGED, ROTATE, Segment, SegmentName
from garcom.lake.actuals import Actuals
from garcom.lake.datasets import Datasets
from garcom.lake.datasets.records import ID, SUBJECT
from garcom.lake.drain import Drain
from garcom.lake.privacy import Privacy
from garcom.lake.receipts import Erased, public_key
from garcom.lake.tables import Lake
from garcom.observations import Observations, Observed
from garcom.storage.database import Database
from tests.unit.lake.rows import id_of

ANA, BEA = "Ana Planted-Name", "Bea Other-Name"
NOW = datetime(2026, 11, 20, 22, tzinfo=UTC)
VERSION = Version(
    v=0, model="wine", version=1, digest="6592", role="stable", task="classification", fields=("x",), classes=("bom",)
)


def planted(subject: str | None, n: int) -> str:
    """The input of a row, which stands nowhere else."""
    return f"{'none' if subject is None else subject[:3]}-planted-{n}"


class Home:
    """A home folder with rows of two subjects and of nobody, everywhere where rows can stand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = Lake.open(folder)
        self.key = SubjectKey.under(folder)
        self.datasets = Datasets(Database.open(folder), self.lake)
        self.ids: dict[str | None, list[str]] = {ANA: [], BEA: [], None: []}
        self.n_segments = 0

    def privacy(self, patience_s: float = 60.0) -> Privacy:
        return Privacy(self.lake, self.datasets, patience_s=patience_s)

    def write(self, subjects: Sequence[str | None]) -> Segment:
        """A segment that is open, of a writer of its own."""
        self.n_segments += 1
        (self.folder / "journal").mkdir(exist_ok=True)
        segment = Segment(self.folder / "journal", SegmentName(f"w{self.n_segments}", 1), 1 << 16)
        segment.preface(encode(VERSION) + b"\n")
        for subject in subjects:
            n = sum(map(len, self.ids.values()))
            moment = NOW + timedelta(minutes=n)
            id, pseudonym = id_of(moment, n), None if subject is None else self.key.pseudonym(subject)
            self.ids[subject].append(id)
            row = [planted(subject, len(self.ids[subject]))]
            entry = Entry(0, id, round(moment.timestamp() * 1e6), row, "bom", [1.0], key=f"key-{n}", subject=pseudonym)
            segment.write(encode(entry) + b"\n")
        segment.sync()
        segment.keep()
        return segment

    def remember(self, subject: str, key: str) -> None:
        """An answer that is kept for a repeated request."""
        with closing(KeyStore(self.folder / "journal")) as store:
            claim = store.claim(Scope("wine"), key, b"digest")
            assert isinstance(claim, Claimed)
            answer = f'{{"of":"{subject[:3]}-answer"}}'.encode()
            store.settle(claim, Answer("application/json", answer, uuid7s(1)[0], self.key.pseudonym(subject)))

    def actual(self, id: str | None, key: str | None, value: str) -> None:
        Actuals(self.lake).add("wine", Observations([Observed(id, key, f'"{value}"', value, None, NOW)]))

    def everything(self) -> bytes:
        """Every file byte by byte, and what parquet and SQLite files hold when they are read."""
        found = []
        for path in sorted(self.folder.rglob("*")):
            if not path.is_file():
                continue
            found.append(str(path).encode() + path.read_bytes())
            if path.suffix == ".parquet":
                found.append(pl.read_parquet(path, hive_partitioning=False).write_ndjson().encode())
            elif path.suffix == ".db":
                with sqlite3.connect(path) as database:
                    found.extend(line.encode() for line in database.iterdump())
                database.close()
        return b"\n".join(found)

    def traces(self, subject: str) -> list[str]:
        """What of the subject is found: the name, the pseudonym, the rows."""
        content = self.everything()
        rows = [planted(subject, n + 1) for n in range(len(self.ids[subject]))]
        return [each for each in (subject, self.key.pseudonym(subject), *rows) if each.encode() in content]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    for _ in range(2):
        home.write([ANA, BEA, None, ANA, None]).close()
        Drain(home.lake).run()
    # Files of an older version, as compaction leaves them.
    home.lake.predictions.replace(home.lake.predictions.files(), home.lake.predictions.scan().collect(), same_rows=True)
    rows = home.lake.predictions.scan().collect()
    frame = rows.select(
        pl.col("id").alias(ID), pl.col("subject").alias(SUBJECT), x=pl.col("input").str.json_path_match("$.x")
    )
    home.datasets.create("wine-2026", frame, {"source": "test"})
    home.datasets.create("flowers", pl.DataFrame({"x": [1.0, 2.0]}), {"source": "test"})
    home.write([ANA, None, BEA]).close()
    orphan = home.write([BEA, ANA])
    orphan.abandon()
    damaged = home.write([ANA, BEA]).close()
    assert damaged is not None
    damaged.write_bytes(b"\xff" + damaged.read_bytes())
    damaged.rename(damaged.with_suffix(DAMAGED))
    home.actual(home.ids[ANA][0], None, "Ana-actual")
    home.actual(home.ids[BEA][0], None, "Bea-actual")
    home.actual(None, "key-3", "Ana-by-key")
    home.actual(None, "key-6", "Bea-by-key")
    home.remember(ANA, "one")
    home.remember(BEA, "two")
    return home


def test_nothing_of_the_subject_is_left_and_all_of_the_others(home: Home) -> None:
    assert ANA not in home.traces(ANA), "the name itself is never stored"
    assert len(home.traces(ANA)) == 8
    others = {subject: home.traces(subject) for subject in (BEA,)}
    receipt = home.privacy().erase(ANA)
    assert home.traces(ANA) == []
    content = home.everything()
    assert b"Ana" not in content
    assert {subject: home.traces(subject) for subject in others} == others
    assert all(f"none-planted-{n + 1}".encode() in content for n in range(len(home.ids[None])))
    assert b"Bea-actual" in content
    assert b"Bea-by-key" in content
    assert b"Bea-answer" in content
    left = home.lake.predictions.scan().collect()
    assert sorted(left["id"]) == sorted(home.ids[BEA][:-1] + home.ids[None])
    assert home.datasets.read("wine-2026")[SUBJECT].to_list().count(None) == 4
    assert home.datasets.version("wine-2026").n_rows == 6
    assert home.datasets.version("flowers").n_rows == 2
    assert receipt.erased == Erased(predictions=7, actuals=2, datasets=4, keys=1)
    assert receipt.subject == home.key.pseudonym(ANA)
    assert {table.name for table in receipt.tables if table.after > table.before >= 0} == {"predictions", "actuals"}
    own_key = public_key(home.folder)
    assert own_key is not None
    receipt.verify(own_key)


def test_the_second_time_there_is_nothing(home: Home) -> None:
    home.privacy().erase(ANA)
    again = home.privacy().erase(ANA)
    assert again.erased.total == 0
    assert all(table.before == table.after for table in again.tables)


def test_an_erasure_that_was_killed_is_ended_by_the_next(home: Home) -> None:
    # As it is when predictions were rewritten and nothing else was done: their files are still there.
    Drain(home.lake).run()
    home.lake.predictions.rewrite(pl.col("subject").ne_missing(home.key.pseudonym(ANA)))
    home.privacy().erase(ANA)
    assert [trace for trace in home.traces(ANA) if trace.startswith("Ana-planted")] == []


def test_everything_of_the_subject_is_told(home: Home) -> None:
    told = home.privacy().export(ANA)
    drained = home.ids[ANA][:4]
    assert {prediction.id for prediction in told.predictions} >= set(drained)
    assert {prediction.subject for prediction in told.predictions} == {home.key.pseudonym(ANA)}
    assert [prediction.id for prediction in told.predictions] == sorted(p.id for p in told.predictions)
    assert told.predictions[0].input == {"x": "Ana-planted-1"}
    first, second, *_ = told.predictions
    assert first.actual is not None
    assert first.actual.value == "Ana-actual"
    assert second.actual is not None
    assert second.actual.value == "Ana-by-key"
    (rows,) = told.datasets
    assert rows.dataset == "wine-2026:1"
    assert [row["x"] for row in rows.rows] == [f"Ana-planted-{n}" for n in (1, 2, 3, 4)]
    nobody = home.privacy().export("somebody else")
    assert (nobody.predictions, nobody.datasets) == ([], [])


def test_a_home_without_anything(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    assert home.privacy().export(ANA).predictions == []
    assert home.privacy().erase(ANA).erased.total == 0


def test_a_folder_that_is_no_home_is_not_told_to_be_clean(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "secrets" / "subjects.key").unlink()
    with pytest.raises(InputError, match="no subject was ever stored"):
        home.privacy()
    assert not (tmp_path / "secrets" / "subjects.key").exists()


def test_a_living_writer_is_asked_to_close_its_segment(home: Home) -> None:
    segment = home.write([ANA, BEA])
    rotate = home.folder / "journal" / ROTATE

    def writer() -> None:
        while not rotate.exists():
            stopped.wait(0.01)
        segment.close()

    stopped = threading.Event()
    thread = threading.Thread(target=writer)
    thread.start()
    try:
        assert home.privacy().erase(ANA).erased.predictions == 8
    finally:
        rotate.touch()
        thread.join()
    assert home.traces(ANA) == []


def test_nothing_is_erased_while_a_writer_keeps_its_segment(home: Home) -> None:
    segment = home.write([ANA])
    with pytest.raises(Unavailable, match=r"close 1 journal segment.* Nothing was erased\. Stop them"):
        home.privacy(patience_s=0.0).erase(ANA)
    assert len(home.traces(ANA)) > 8
    other = home.privacy(patience_s=0.0).erase(BEA)
    assert other.erased.predictions == 5
    segment.close()
