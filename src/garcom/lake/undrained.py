"""Rows that are acknowledged but still stand in the journal, as they are asked for together with the lake."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import polars as pl

from garcom.errors import JournalError
from garcom.journal.segment import CLOSED, OPEN, SegmentName, segment_names
from garcom.lake.frames import SegmentFrames
from garcom.lake.schemas import PREDICTIONS
from garcom.lake.snapshot import Snapshot
from garcom.lake.tables import Lake

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Journal:
    """What stood in the journal when it was read, by segment; does not change when the journal does.

    What is drained is first in another place, such as the lake, and then no longer here. Who reads the journal first,
    then how far the other place is, and takes the rows beyond from here, has every acknowledged row once.
    """

    segments: Mapping[SegmentName, tuple[pl.DataFrame, ...]]

    @property
    def writers(self) -> set[str]:
        """Those whose segments stood there."""
        return {name.writer for name in self.segments}

    def beyond(self, progress: Mapping[str, int]) -> pl.DataFrame:
        """The rows of each writer's segments after this number; all of a writer's where it has none."""
        frames = [
            frame
            for name, frames in self.segments.items()
            if name.number > progress.get(name.writer, -1)
            for frame in frames
        ]
        return pl.concat(frames) if frames else pl.DataFrame(schema=PREDICTIONS)


@dataclass(frozen=True)
class View:
    """Every prediction that was acknowledged before it was taken, each once: the lake's and the journal's."""

    snapshot: Snapshot
    undrained: pl.DataFrame

    def scan(
        self,
        *,
        model: str | None = None,
        days: tuple[str, str] | None = None,
        ids: tuple[str, str] | None = None,
    ) -> pl.LazyFrame:
        """The rows of a model, of some days, with ids in a range (first and last, both included)."""
        found = self.select(model=model, days=days, ids=ids)
        lake = self.snapshot.scan(model=model, days=days, ids=ids)
        return lake if found.is_empty() else pl.concat([lake, found.lazy()])

    def select(
        self,
        *,
        model: str | None = None,
        days: tuple[str, str] | None = None,
        ids: tuple[str, str] | None = None,
    ) -> pl.DataFrame:
        """Those of the journal alone."""
        wanted = [
            *([pl.col("model") == model] if model is not None else []),
            *([pl.col("day").is_between(pl.lit(days[0]), pl.lit(days[1]))] if days is not None else []),
            *([pl.col("id").is_between(pl.lit(ids[0]), pl.lit(ids[1]))] if ids is not None else []),
        ]
        return self.undrained.filter(*wanted) if wanted else self.undrained


class Undrained:
    """Reads the journal of a home; what was read before is kept as long as its segment stands. Safe across threads."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._folder = lake.home / "journal"
        self._lock = threading.Lock()
        self._segments: dict[SegmentName, _Segment] = {}

    def journal(self) -> Journal:
        """The journal as of now."""
        with self._lock:
            self._read()
            return Journal({name: segment.frames for name, segment in self._segments.items()})

    def view(self) -> View:
        """The lake and the journal as of now.

        The journal is read first. What is drained meanwhile is in the lake by the time that this is read, and its
        segment is left out then.
        """
        journal = self.journal()
        snapshot = self._lake.predictions.snapshot(journal.writers)
        return View(snapshot, journal.beyond(snapshot.transactions))

    def _read(self) -> None:
        # A name that changes while the folder is listed can be missed once, but not twice: it changes once.
        names = {name for _ in range(2) for suffix in (OPEN, CLOSED) for name in segment_names(self._folder, suffix)}
        found: dict[SegmentName, _Segment] = {}
        for name in sorted(names):
            segment = self._segments.get(name, _Segment(name))
            try:
                found[name] = segment.read_on(self._folder)
            except FileNotFoundError:
                continue  # drained, or closed without a prediction
            except JournalError:
                continue  # the drain tells of it
        self._segments = found


@dataclass
class _Segment:
    """One segment, read as far as it has whole lines. ``frames`` is replaced, never changed: others may hold it."""

    name: SegmentName
    frames: tuple[pl.DataFrame, ...] = ()
    offset: int = 0
    _reader: SegmentFrames | None = field(default=None, repr=False)

    def read_on(self, folder: Path) -> _Segment:
        try:
            fd, is_open = os.open(folder / f"{self.name}{OPEN}", os.O_RDONLY | os.O_CLOEXEC), True
        except FileNotFoundError:
            fd, is_open = os.open(folder / f"{self.name}{CLOSED}", os.O_RDONLY | os.O_CLOEXEC), False
        try:
            return self._read_on(fd, is_open)
        finally:
            os.close(fd)

    def _read_on(self, fd: int, is_open: bool) -> _Segment:
        segment = self
        if os.fstat(fd).st_size < self.offset:  # cut back to what was acknowledged
            segment = _Segment(self.name)
        lines = _written(fd, segment.offset)
        if is_open or not lines.endswith(b"\n"):
            lines = lines[: _whole(lines)]
        if lines.strip(b"\n"):
            reader = segment._reader or SegmentFrames(self.name)
            frames = (*segment.frames, *reader.read(lines))
            segment = _Segment(self.name, frames, segment.offset + len(lines), reader)
        return segment


def _written(fd: int, offset: int) -> bytes:
    """What stands in a file from here on, without the newlines that fill it, except one."""
    pieces: list[bytes] = []
    at = offset
    while piece := os.pread(fd, _PIECE_BYTES, at):
        pieces.append(piece)
        at += len(piece)
        if not piece.strip(b"\n"):
            break
    held = b"".join(pieces)
    lines = held.rstrip(b"\n")
    return lines + b"\n" if len(lines) < len(held) and lines else lines


def _whole(lines: bytes) -> int:
    """The length of the whole lines. The last one may be in the middle of being written, before a filling newline."""
    end = lines.rstrip(b"\n")
    last = end.rfind(b"\n") + 1
    if len(end) == len(lines):
        return last
    try:
        msgspec.json.decode(end[last:], type=msgspec.Raw)
    except msgspec.DecodeError:
        return last
    return len(lines)
