from __future__ import annotations

import stat
from pathlib import Path

from garcom.journal.lines import Entry, Version, encode
from garcom.journal.segment import CLOSED, DAMAGED, OPEN, Segment, SegmentName
from garcom.journal.traces import clean_damaged, is_gone, segments_with

ANA, BEA = "a" * 32, "b" * 32
VERSION = Version(v=0, model="wine", version=1, digest="6592", role="stable", task="regression", fields=("x",))


def line(subject: str | None) -> bytes:
    return encode(Entry(0, "01a", 1, [subject], 1.0, subject=subject)) + b"\n"


def segment(folder: Path, number: int, *subjects: str | None) -> Segment:
    folder.mkdir(exist_ok=True)
    made = Segment(folder, SegmentName("w", number), 1 << 16)
    made.preface(encode(VERSION) + b"\n")
    for subject in subjects:
        made.write(line(subject))
    return made


def test_segments_with_a_subject_are_found_open_and_closed(tmp_path: Path) -> None:
    still_open = segment(tmp_path, 1, ANA, BEA)
    segment(tmp_path, 2, ANA).close()
    segment(tmp_path, 3, BEA, None).close()
    assert segments_with(tmp_path, ANA) == [str(SegmentName("w", 1)), str(SegmentName("w", 2))]
    assert segments_with(tmp_path, "c" * 32) == []
    still_open.close()
    assert segments_with(tmp_path / "no such folder", ANA) == []


def test_a_segment_is_there_until_it_is_neither_open_nor_closed(tmp_path: Path) -> None:
    written = segment(tmp_path, 1, ANA)
    assert not is_gone(tmp_path, str(written.name))
    closed = written.close()
    assert closed is not None
    assert not is_gone(tmp_path, str(written.name))
    closed.unlink()
    assert is_gone(tmp_path, str(written.name))


def test_damaged_segments_lose_the_lines_of_the_subject_and_what_is_not_whole(tmp_path: Path) -> None:
    closed = segment(tmp_path, 1, ANA, BEA, ANA, None).close()
    assert closed is not None
    whole = closed.read_bytes()
    damaged = closed.with_suffix(DAMAGED)
    damaged.write_bytes(b"\xff no header\n" + whole + b'[0,"01a",1,["' + ANA.encode())
    other = closed.with_name(f"w-2{DAMAGED}")
    other.write_bytes(line(BEA))
    untouched = other.stat()
    assert clean_damaged(tmp_path, ANA) == 2
    assert damaged.read_bytes() == whole.replace(line(ANA), b"")
    assert stat.S_IMODE(damaged.stat().st_mode) == 0o600
    assert other.stat().st_mtime_ns == untouched.st_mtime_ns
    assert clean_damaged(tmp_path, ANA) == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {CLOSED, DAMAGED}
    assert OPEN not in {path.suffix for path in tmp_path.iterdir()}
