from __future__ import annotations

from pathlib import Path

from garcom.journal.find_key import find_key, keyed_rows
from garcom.journal.lines import Entry, Version, encode, encode_lines
from garcom.journal.segment import Segment, SegmentName

VERSION = Version(v=0, model="wine", version=3, digest="6592", role="stable", task="regression", fields=("x",))


def entry(number: int, key: str | None, value: str = "-") -> Entry:
    return Entry(0, f"id-{number}", number, [value], 1.0, key=key)


def segment(folder: Path, entries: list[Entry], number: int = 1) -> Segment:
    made = Segment(folder, SegmentName("01a", number), 64 * 1024)
    made.preface(encode(VERSION) + b"\n")
    made.write(encode_lines(entries))
    return made


def ids(folder: Path, key: str) -> list[str]:
    return [found.entry.id for found in find_key(folder, key)]


def test_a_row_is_found_in_open_and_closed_segments(tmp_path: Path) -> None:
    segment(tmp_path, [entry(1, "a"), entry(2, None), entry(3, 'q"\\')]).close()
    still_open = segment(tmp_path, [entry(4, "b"), entry(5, "ab")], number=2)
    assert find_key(tmp_path, "a") == [(VERSION, entry(1, "a"))]
    assert ids(tmp_path, "b") == ["id-4"]
    assert ids(tmp_path, 'q"\\') == ["id-3"]
    assert ids(tmp_path, "none") == []
    still_open.close()


def test_the_rows_of_one_request_come_in_their_order(tmp_path: Path) -> None:
    segment(tmp_path, [entry(n, f"a/{n}") for n in (10, 2, 0, 1)] + [entry(20, "a/x"), entry(21, "a.b")]).close()
    assert ids(tmp_path, "a") == ["id-0", "id-1", "id-2", "id-10"]


def test_the_same_text_in_an_input_is_no_key(tmp_path: Path) -> None:
    segment(tmp_path, [entry(1, "other", value="a"), entry(2, "a", value="a"), entry(3, None, value="a")]).close()
    assert ids(tmp_path, "a") == ["id-2"]


def test_a_row_that_was_cut_off_is_not_found(tmp_path: Path) -> None:
    made = segment(tmp_path, [entry(1, "a")])
    made.write(encode_lines([entry(2, "b")])[:-3])
    assert ids(tmp_path, "a") == ["id-1"]
    assert ids(tmp_path, "b") == []
    made.close()


def test_all_rows_with_a_key_since_a_time(tmp_path: Path) -> None:
    segment(tmp_path, [entry(1, "a"), entry(2, None), entry(3, "c/0")]).close()
    segment(tmp_path, [entry(4, "d")], number=2).close()
    assert [found.entry.key for found in keyed_rows(tmp_path)] == ["a", "c/0", "d"]
    assert [found.entry.key for found in keyed_rows(tmp_path, since_us=3)] == ["c/0", "d"]
