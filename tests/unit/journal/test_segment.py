from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from garcom.journal.lines import Entry, Version, encode, encode_lines
from garcom.journal.reader import read_segment
from garcom.journal.segment import Segment, SegmentName, closed_segments, holds_entries, seal_orphans
from garcom.storage.disk import Disk

VERSION = Version(
    v=0,
    model="wine",
    version=3,
    digest="6592",
    role="stable",
    task="classification",
    fields=("álcool",),
    classes=("bom", "ruim"),
)


def lines(first: int, n: int) -> bytes:
    return encode_lines([Entry(0, f"id-{i}", i, [i / 2], "bom", [0.9, 0.1]) for i in range(first, first + n)])


def ids(path: Path) -> list[str]:
    return [entry.id for _, entry in read_segment(path)[1]]


def segment(folder: Path, writer: str = "01a", number: int = 1) -> Segment:
    made = Segment(folder, SegmentName(writer, number), 64 * 1024)
    made.preface(encode(VERSION) + b"\n")
    return made


def test_what_was_written_is_read_open_and_closed(tmp_path: Path) -> None:
    made = segment(tmp_path)
    assert made.empty
    made.write(lines(0, 3))
    made.sync()
    assert made.path.stat().st_size == 64 * 1024
    assert ids(made.path) == ["id-0", "id-1", "id-2"]
    made.write(lines(3, 1))
    closed = made.close()
    assert closed == tmp_path / "01a-00000001.ndjson"
    assert closed_segments(tmp_path) == [closed]
    reading, entries = read_segment(closed)
    (version, entry), *_ = entries
    assert reading.header is not None
    assert reading.header.segment == "01a-00000001"
    assert reading.header.columns == Entry._fields
    assert version == VERSION
    assert entry == Entry(0, "id-0", 0, [0.0], "bom", [0.9, 0.1])
    assert closed.read_bytes().endswith(b"]\n")
    assert b"\n\n" not in closed.read_bytes()


def test_a_segment_without_predictions_leaves_no_file(tmp_path: Path) -> None:
    made = segment(tmp_path)
    assert made.close() is None
    assert list(tmp_path.iterdir()) == []


def test_an_empty_segment_takes_more_than_its_size(tmp_path: Path) -> None:
    made = segment(tmp_path)
    many = lines(0, 5000)
    assert len(many) > 64 * 1024
    assert made.has_room(len(many))
    made.write(many)
    assert not made.has_room(1)
    closed = made.close()
    assert closed is not None
    assert len(ids(closed)) == 5000


def test_the_segment_of_a_dead_writer_is_closed_at_its_last_line(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from tests.unit.journal.test_segment import segment, lines\n"
        "made = segment(Path(sys.argv[1])); made.write(lines(0, 10)); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), os.getcwd()], check=False, timeout=60)
    living = segment(tmp_path, "01b")
    living.write(lines(0, 1))
    assert list(seal_orphans(tmp_path)) == [tmp_path / "01a-00000001.ndjson"]
    assert ids(tmp_path / "01a-00000001.ndjson") == [f"id-{i}" for i in range(10)]
    assert b"\n\n" not in (tmp_path / "01a-00000001.ndjson").read_bytes()
    assert living.path.exists()
    living.close()


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_a_line_that_was_cut_off_is_dropped_and_told(tmp_path: Path, cut: int) -> None:
    made = segment(tmp_path)
    made.write(lines(0, 3))
    closed = made.close()
    assert closed is not None
    data = closed.read_bytes()
    closed.write_bytes(data[: len(data) - 1 - cut])
    reading, entries = read_segment(closed)
    assert [entry.id for _, entry in entries] == ["id-0", "id-1"]
    assert (reading.n_entries, reading.dropped_lines) == (2, 1)
    assert reading.dropped_bytes == len(lines(2, 1)) - 1 - cut


def test_a_hole_costs_the_lines_that_it_touches(tmp_path: Path) -> None:
    made = segment(tmp_path)
    made.write(lines(0, 100))
    closed = made.close()
    assert closed is not None
    data = bytearray(closed.read_bytes())
    start = data.index(b"id-40")
    data[start : start + 200] = b"\n" * 200  # pages that never reached the disk keep their fill
    closed.write_bytes(bytes(data))
    reading, entries = read_segment(closed)
    found = [entry.id for _, entry in entries]
    assert found[:40] == [f"id-{i}" for i in range(40)]
    assert found[-50:] == [f"id-{i}" for i in range(50, 100)]
    assert reading.dropped_lines > 0


def test_an_abandoned_segment_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    made = segment(tmp_path)
    made.write(lines(0, 2))
    made.sync()
    made.keep()
    made.write(lines(2, 2))
    made.abandon()
    (closed,) = seal_orphans(tmp_path)
    assert ids(closed) == ["id-0", "id-1"]


def test_nobody_takes_a_segment_that_is_being_made_for_that_of_a_dead_writer(tmp_path: Path) -> None:
    sealed: list[Path] = []

    def interrupted(path: Path, flags: int, mode: int) -> int:
        fd = os.open(path, flags, mode)
        sealed.extend(seal_orphans(tmp_path))
        return fd

    made = Segment(tmp_path, SegmentName("01a", 1), 64 * 1024, Disk(open=interrupted))
    made.write(encode(VERSION) + b"\n" + lines(0, 2))
    assert sealed == []
    closed = made.close()
    assert closed is not None
    assert ids(closed) == ["id-0", "id-1"]


def test_whether_a_segment_holds_a_prediction(tmp_path: Path) -> None:
    made = segment(tmp_path)
    assert not holds_entries(made.path)
    made.write(lines(0, 1))
    assert holds_entries(made.path)
    path = made.path
    made.close()
    assert holds_entries(path)  # it has gone to where closed ones are
