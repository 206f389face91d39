from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from garcom.journal.lines import encode, encode_lines
from garcom.lake.drain import Drain
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained, View
from tests.unit.lake.journals import closed, entries, opened


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path)


def ids(view: View) -> list[str]:
    found: list[str] = view.scan().select("id").collect()["id"].to_list()
    return found


def test_without_a_journal_there_is_nothing(lake: Lake) -> None:
    assert ids(Undrained(lake).view()) == []


def test_rows_are_seen_as_they_are_written(lake: Lake) -> None:
    undrained = Undrained(lake)
    segment = opened(lake.home)
    assert ids(undrained.view()) == []
    made = entries(3)
    segment.write(encode_lines(made[:2]))
    assert ids(undrained.view()) == [entry.id for entry in made[:2]]
    segment.write(encode_lines(made[2:]))
    assert ids(undrained.view()) == [entry.id for entry in made]
    segment.close()
    assert ids(undrained.view()) == [entry.id for entry in made]
    Drain(lake).run()
    view = undrained.view()
    assert view.undrained.is_empty()
    assert sorted(ids(view)) == sorted(entry.id for entry in made)


@pytest.mark.parametrize("end", [b"", b"]"])
def test_a_line_in_the_middle_of_being_written_waits(lake: Lake, end: bytes) -> None:
    undrained = Undrained(lake)
    segment = opened(lake.home)
    one, two = entries(2)
    line = encode(two) + b"\n"
    cut = line.index(b"]") + 1 if end else 30
    segment.write(encode_lines([one]) + line[:cut])
    assert ids(undrained.view()) == [one.id]
    segment.write(line[cut:])
    assert ids(undrained.view()) == [one.id, two.id]
    segment.close()


def test_what_was_never_acknowledged_goes_again(lake: Lake) -> None:
    undrained = Undrained(lake)
    segment = opened(lake.home)
    made = entries(4)
    segment.write(encode_lines(made[:2]))
    segment.keep()
    segment.write(encode_lines(made[2:]))
    assert len(ids(undrained.view())) == 4
    segment.abandon()
    assert ids(undrained.view()) == [entry.id for entry in made[:2]]


def test_each_row_once_while_a_drain_is_at_every_step(lake: Lake) -> None:
    expected = sorted(id for number in (1, 2, 3) for id in closed(lake.home, number=number))
    undrained = Undrained(lake)
    seen: list[str] = []

    def after(step: str) -> None:
        seen.append(step)
        assert sorted(ids(undrained.view())) == expected
        assert sorted(ids(Undrained(Lake.open(lake.home)).view())) == expected

    Drain(Lake.open(lake.home), after).run()
    assert set(seen) == {"sealed", "read", "committed", "unlinked"}
    assert sorted(ids(undrained.view())) == expected


def test_the_journal_beyond_how_far_another_place_is(lake: Lake) -> None:
    one, two, other = (closed(lake.home, *name) for name in (("01a", 1), ("01a", 2), ("01b", 7)))
    journal = Undrained(lake).journal()
    Drain(lake).run()  # does not change what was read
    assert journal.writers == {"01a", "01b"}
    for progress, rows in (
        ({}, [*one, *two, *other]),
        ({"01a": 1}, [*two, *other]),
        ({"01a": 9, "01b": 6, "01c": 1}, other),
        ({"01a": 2, "01b": 7}, []),
    ):
        assert journal.beyond(progress)["id"].to_list() == rows
    assert journal.beyond({"01a": 2, "01b": 7}).schema == journal.beyond({}).schema


def test_each_row_once_whatever_happens_at_the_same_time(lake: Lake) -> None:
    undrained = Undrained(lake)
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        try:
            for number in range(1, 25):
                acknowledged.extend(closed(lake.home, number=number, n=3))
        finally:
            stop.set()

    def drain() -> None:
        while not stop.is_set():
            Drain(Lake.open(lake.home)).run()

    threads = [threading.Thread(target=write), threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    while not stop.is_set():
        before = list(acknowledged)
        found = ids(undrained.view())
        assert len(found) == len(set(found))
        assert set(before) <= set(found)
    for thread in threads:
        thread.join()
    assert sorted(ids(undrained.view())) == sorted(acknowledged)


def test_rows_are_selected_as_in_the_lake(lake: Lake) -> None:
    made = closed(lake.home, n=4)
    view = Undrained(lake).view()
    assert view.scan(model="wine", days=("2026-11-21", "2026-11-21")).collect().height == 4
    assert view.scan(model="cars").collect().height == 0
    assert view.scan(days=("2026-11-22", "2026-11-23")).collect().height == 0
    assert view.scan(ids=(made[2], made[2])).collect()["id"].to_list() == [made[2]]


def test_a_damaged_segment_hides_no_other(lake: Lake) -> None:
    closed(lake.home, number=1)
    os.truncate(lake.home / "journal" / "01a-00000001.ndjson", 0)
    (lake.home / "journal" / "01a-00000002.ndjson").write_bytes(b"\0\0\0\n")
    made = closed(lake.home, number=3)
    assert sorted(ids(Undrained(lake).view())) == sorted(made)
