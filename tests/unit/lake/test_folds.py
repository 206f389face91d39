"""What the drain does with a fold that works, fails, or is interrupted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pytest

from garcom.errors import Unavailable
from garcom.lake import folds
from garcom.lake.drain import Drain, Drained
from garcom.lake.tables import Lake
from tests.unit.lake.journals import closed


class Died(BaseException):
    """Stands for the end of the process."""


class Notes:
    """A fold that writes down what it took; it fails with the errors that it is given, one after the other."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.numbers: dict[str, int] = {}
        self.ids: list[str] = []
        self.calls = 0

    def progress(self, writers: Iterable[str]) -> Mapping[str, int]:
        return {writer: self.numbers[writer] for writer in writers if writer in self.numbers}

    def fold(self, rows: pl.DataFrame, numbers: Mapping[str, int]) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        self.ids += rows["id"].to_list()
        self.numbers.update(numbers)


def drain(home: Path, fold: Notes, dies_after: str = "") -> Drained:
    def after(step: str) -> None:
        if step == dies_after:
            raise Died

    return Drain(Lake.open(home), after, fold).run()


def in_lake(home: Path) -> list[str]:
    ids: list[str] = Lake.open(home).predictions.scan().select("id").collect()["id"].sort().to_list()
    return ids


def in_journal(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "journal").glob("*.ndjson"))


def test_rows_are_folded_with_the_numbers_of_their_segments(tmp_path: Path) -> None:
    ids = [*closed(tmp_path, "01a", 1), *closed(tmp_path, "01a", 2), *closed(tmp_path, "01b", 7)]
    notes = Notes()
    assert drain(tmp_path, notes) == Drained(n_segments=3, n_rows=30)
    assert (sorted(notes.ids), notes.numbers, notes.calls) == (sorted(ids), {"01a": 2, "01b": 7}, 1)
    assert drain(tmp_path, notes) == Drained()
    assert notes.calls == 1


@pytest.mark.parametrize("step", ["sealed", "read", "committed", "folded", "unlinked"])
def test_a_death_at_any_step_folds_each_row_once(tmp_path: Path, step: str) -> None:
    ids = [id for number in (1, 2, 3) for id in closed(tmp_path, number=number)]
    notes = Notes()
    with pytest.raises(Died):
        drain(tmp_path, notes, step)
    drain(tmp_path, notes)
    assert sorted(notes.ids) == in_lake(tmp_path) == sorted(ids)
    assert in_journal(tmp_path) == []


@pytest.mark.parametrize("step", ["read", "folded", "unlinked"])
def test_a_death_while_the_rest_is_folded_folds_each_row_once(tmp_path: Path, step: str) -> None:
    ids = [id for number in (1, 2) for id in closed(tmp_path, number=number)]
    notes = Notes()
    with pytest.raises(Died):
        drain(tmp_path, notes, "committed")
    with pytest.raises(Died):
        drain(tmp_path, notes, step)
    assert drain(tmp_path, notes).n_kept == 0
    assert sorted(notes.ids) == in_lake(tmp_path) == sorted(ids)
    assert in_journal(tmp_path) == []


@pytest.mark.parametrize("error", [Unavailable("busy"), OSError(5, "disk")], ids=["busy", "disk"])
def test_a_fold_that_fails_for_now_keeps_the_segments_and_not_the_rows(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    ids = closed(tmp_path, number=1)
    notes = Notes(error, error)
    with caplog.at_level(logging.ERROR, "garcom.lake"):
        assert drain(tmp_path, notes) == Drained(n_segments=1, n_rows=10, n_kept=1)
    assert [record.message for record in caplog.records] == ["rows cannot be folded now, their segments are kept"]
    assert in_lake(tmp_path) == sorted(ids)
    later = closed(tmp_path, number=2)
    # The second segment is not tried, or the first would seem folded.
    assert drain(tmp_path, notes) == Drained(n_segments=1, n_rows=10, n_kept=2)
    assert notes.calls == 2
    assert in_journal(tmp_path) == ["01a-00000001.ndjson", "01a-00000002.ndjson"]
    assert drain(tmp_path, notes) == Drained(n_again=2)
    assert notes.ids == [*ids, *later]
    assert in_journal(tmp_path) == []


def test_a_fault_of_the_fold_does_not_end_the_drain(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ids = closed(tmp_path)
    with caplog.at_level(logging.ERROR, "garcom.lake"):
        assert drain(tmp_path, Notes(ZeroDivisionError())) == Drained(n_segments=1, n_rows=10)
    assert vars(caplog.records[0])["segments"] == "01a-00000001"
    assert caplog.records[0].exc_info
    assert in_lake(tmp_path) == sorted(ids)
    assert in_journal(tmp_path) == []


class Unreachable(Notes):
    """A fold whose progress cannot be asked."""

    def progress(self, writers: Iterable[str]) -> Mapping[str, int]:
        raise Unavailable("busy")


def test_without_the_progress_nothing_is_folded(tmp_path: Path) -> None:
    ids = [*closed(tmp_path, number=1), *closed(tmp_path, number=2)]
    notes = Notes()
    with pytest.raises(Died):
        drain(tmp_path, notes, "committed")
    unreachable = Unreachable()
    assert drain(tmp_path, unreachable) == Drained(n_kept=2)
    assert unreachable.calls == 0
    assert drain(tmp_path, notes) == Drained(n_again=2)
    assert sorted(notes.ids) == sorted(ids)


def test_segments_that_wait_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [id for number in (1, 2, 3) for id in closed(tmp_path, number=number)]
    size_bytes = (tmp_path / "journal" / "01a-00000001.ndjson").stat().st_size
    monkeypatch.setattr(folds, "KEPT_BYTES", int(size_bytes * 1.5))
    with caplog.at_level(logging.ERROR, "garcom.lake"):
        assert drain(tmp_path, Notes(Unavailable("busy"))).n_kept == 1
    assert vars(caplog.records[-1])["segments"] == 2
    assert in_journal(tmp_path) == ["01a-00000003.ndjson"]
    assert in_lake(tmp_path) == sorted(ids)


def test_a_segment_that_was_damaged_since_is_removed(tmp_path: Path) -> None:
    closed(tmp_path, number=1)
    notes = Notes(Unavailable("busy"))
    drain(tmp_path, notes)
    (tmp_path / "journal" / "01a-00000001.ndjson").write_bytes(b"\0" * 100)
    assert drain(tmp_path, notes) == Drained(n_again=1)
    assert (notes.ids, in_journal(tmp_path)) == ([], [])


def test_a_segment_that_came_back_is_not_folded_again(tmp_path: Path) -> None:
    ids = closed(tmp_path)
    path = tmp_path / "journal" / "01a-00000001.ndjson"
    data = path.read_bytes()
    notes = Notes()
    drain(tmp_path, notes)
    path.write_bytes(data)
    assert drain(tmp_path, notes) == Drained(n_again=1)
    assert notes.ids == ids
