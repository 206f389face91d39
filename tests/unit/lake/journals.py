"""Journals made for tests, as a worker leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from garcom.ids import uuid7s
from garcom.journal.lines import Entry, Version, encode, encode_lines
from garcom.journal.segment import Segment, SegmentName

WINE = Version(
    v=0,
    model="wine",
    version=3,
    digest="6592",
    role="stable",
    task="classification",
    fields=("álcool", "100 %"),
    classes=("bom", "ruim"),
)
TIME_US = 1_795_264_812_345_678


def entries(n: int, v: int = 0, **other: Any) -> list[Entry]:
    """Predictions of :data:`WINE`, or of a version like it."""
    return [
        Entry(v, id, TIME_US + i, [i / 2, None], "bom", [0.9, 0.1], latency_us=412)._replace(**other)
        for i, id in enumerate(uuid7s(n))
    ]


def opened(home: Path, writer: str = "01a", number: int = 1, versions: Sequence[Version] = (WINE,)) -> Segment:
    """A segment that is being written."""
    folder = home / "journal"
    folder.mkdir(exist_ok=True)
    segment = Segment(folder, SegmentName(writer, number), 64 * 1024)
    segment.preface(b"".join(encode(version) + b"\n" for version in versions))
    return segment


def closed(home: Path, writer: str = "01a", number: int = 1, n: int = 10, **other: Any) -> list[str]:
    """A closed segment of so many predictions, and their ids."""
    segment = opened(home, writer, number)
    made = entries(n, **other)
    segment.write(encode_lines(made))
    segment.close()
    return [entry.id for entry in made]
