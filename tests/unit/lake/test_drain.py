from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from garcom.journal.lines import encode_lines
from garcom.lake.drain import Drain, Drained
from garcom.lake.place import Place
from garcom.lake.tables import Lake
from tests.chaos.faults import Faults
from tests.unit.lake.journals import closed, entries, opened
from tests.unit.lake.rows import predictions


def drain(home: Path) -> Drained:
    return Drain(Lake.open(home)).run()


def in_lake(home: Path) -> list[str]:
    ids: list[str] = Lake.open(home).predictions.scan().select("id").collect()["id"].sort().to_list()
    return ids


def in_journal(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "journal").iterdir() if path.name != "drain.lock")


def test_without_a_journal_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert drain(tmp_path) == Drained()
    assert list(tmp_path.iterdir()) == []


def test_closed_segments_become_rows_and_go(tmp_path: Path) -> None:
    ids = [*closed(tmp_path, "01a", 1), *closed(tmp_path, "01a", 2), *closed(tmp_path, "01b", 1)]
    assert drain(tmp_path) == Drained(n_segments=3, n_rows=30)
    assert in_lake(tmp_path) == sorted(ids)
    assert in_journal(tmp_path) == []
    assert Lake.open(tmp_path).predictions.snapshot(["01a", "01b"]).transactions == {"01a": 2, "01b": 1}
    assert drain(tmp_path) == Drained()


def test_what_is_being_written_is_left_and_so_is_what_follows_it(tmp_path: Path) -> None:
    first = closed(tmp_path, number=1)
    living = opened(tmp_path, number=2)
    living.write(encode_lines(entries(1)))
    closed(tmp_path, number=3)
    assert drain(tmp_path).n_segments == 1
    assert in_lake(tmp_path) == sorted(first)
    assert in_journal(tmp_path) == ["01a-00000002.open", "01a-00000003.ndjson"]
    living.close()
    assert drain(tmp_path).n_segments == 2
    assert len(in_lake(tmp_path)) == 21


def test_a_segment_that_came_back_is_not_drained_again(tmp_path: Path) -> None:
    """The disk may forget an unlink in a power cut."""
    closed(tmp_path)
    path = tmp_path / "journal" / "01a-00000001.ndjson"
    data = path.read_bytes()
    drain(tmp_path)
    path.write_bytes(data)
    assert drain(tmp_path) == Drained(n_again=1)
    assert len(in_lake(tmp_path)) == 10
    assert in_journal(tmp_path) == []


def test_a_segment_goes_only_when_its_commit_is_durable(tmp_path: Path) -> None:
    """Whoever committed it may have died before syncing the commit."""
    commit = "00000000000000000001.json"
    (tmp_path / "healthy").mkdir()
    closed(tmp_path / "healthy")
    _, synced = _drain_with(tmp_path / "healthy", Faults())
    closed(tmp_path)
    with pytest.raises(OSError, match="made to fail"):
        _drain_with(tmp_path, Faults("sync_path", 1 + synced.index(commit)))
    assert in_journal(tmp_path) == ["01a-00000001.ndjson"]
    again = Faults()
    found, synced = _drain_with(tmp_path, again)
    assert found == Drained(n_again=1)
    assert synced[-2:] == [commit, "_delta_log"]
    assert again.calls[-1] == ("unlink", (tmp_path / "journal" / "01a-00000001.ndjson",))


def _drain_with(home: Path, faults: Faults) -> tuple[Drained, list[str]]:
    """What a drain did, and the names of what it synced."""
    found = Drain(Lake(home, Place(str(home / "lake"), disk=faults.disk))).run()
    return found, [path.name for name, (path, *_) in faults.calls if name == "sync_path"]


DYING = """
import os, sys
from pathlib import Path
from garcom.lake.drain import Drain
from garcom.lake.tables import Lake
step, left = sys.argv[2], int(sys.argv[3])
def after(done):
    global left
    if done == step:
        left -= 1
        if not left: os._exit(9)
Drain(Lake.open(Path(sys.argv[1])), after).run()
"""


@pytest.mark.parametrize(
    ("step", "times"), [("sealed", 1), ("read", 2), ("committed", 1), ("unlinked", 1), ("unlinked", 3)]
)
def test_a_death_at_any_step_neither_loses_nor_doubles(tmp_path: Path, step: str, times: int) -> None:
    ids = [id for number in (1, 2, 3) for id in closed(tmp_path, number=number)]
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), step, str(times)], check=False, timeout=60)
    assert died.returncode == 9
    drain(tmp_path)
    assert in_lake(tmp_path) == sorted(ids)
    assert in_journal(tmp_path) == []


def _drain_in_process(home: Path) -> None:
    drain(home)


def test_drains_at_the_same_time_take_turns(tmp_path: Path) -> None:
    ids = [id for number in range(1, 6) for id in closed(tmp_path, number=number)]
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_drain_in_process, args=(tmp_path,)) for _ in range(2)]
    for other in others:
        other.start()
    drain(tmp_path)
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    assert in_lake(tmp_path) == sorted(ids)


def test_a_commit_of_somebody_else_in_between_is_no_hindrance(tmp_path: Path) -> None:
    ids = closed(tmp_path)
    other = Lake.open(tmp_path).predictions

    def after(step: str) -> None:
        if step == "read":
            other.append(predictions(1))

    Drain(Lake.open(tmp_path), after).run()
    assert set(ids) < set(in_lake(tmp_path))
    assert len(in_lake(tmp_path)) == 11


def test_a_number_that_somebody_else_commits_in_between_is_not_committed_again(tmp_path: Path) -> None:
    closed(tmp_path, number=1)
    later = closed(tmp_path, number=2)
    other = Lake.open(tmp_path).predictions
    done: list[str] = []

    def after(step: str) -> None:
        if step == "read" and not done:
            done.append(step)
            other.append(predictions(7), {"01a": 1})

    assert Drain(Lake.open(tmp_path), after).run() == Drained(n_segments=1, n_rows=10, n_again=1)
    assert len(in_lake(tmp_path)) == 17
    assert set(later) < set(in_lake(tmp_path))


def test_the_segments_of_the_dead_are_drained(tmp_path: Path) -> None:
    living = opened(tmp_path, "01b")
    dead = opened(tmp_path)
    dead.write(encode_lines(entries(4)))
    dead.keep()
    dead.abandon()
    assert drain(tmp_path).n_rows == 4
    assert in_journal(tmp_path) == ["01b-00000001.open"]
    living.close()


def test_a_damaged_segment_is_set_aside_and_hinders_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    closed(tmp_path, number=1)
    path = tmp_path / "journal" / "01a-00000001.ndjson"
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    ids = closed(tmp_path, number=2)
    with caplog.at_level(logging.ERROR, "garcom.lake"):
        assert drain(tmp_path) == Drained(n_segments=1, n_rows=10, n_damaged=1)
    (record,) = caplog.records
    assert "size_bytes" in vars(record)
    assert vars(record)["segment"] == "01a-00000001"
    assert in_lake(tmp_path) == sorted(ids)
    assert in_journal(tmp_path) == ["01a-00000001.damaged"]


def test_what_is_dropped_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    closed(tmp_path)
    path = tmp_path / "journal" / "01a-00000001.ndjson"
    os.truncate(path, path.stat().st_size - 20)
    with caplog.at_level(logging.WARNING, "garcom.lake"):
        drained = drain(tmp_path)
    assert (drained.n_rows, drained.dropped_lines) == (9, 1)
    assert vars(caplog.records[0])["lines"] == 1


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    closed(tmp_path)
    for name in ("keys.db", "notes-x.ndjson", "README.open"):
        (tmp_path / "journal" / name).write_text("mine")
    assert drain(tmp_path).n_rows == 10
    assert in_journal(tmp_path) == ["README.open", "keys.db", "notes-x.ndjson"]
