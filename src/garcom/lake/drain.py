"""Brings closed segments into the lake, each exactly once, wherever it is interrupted.

The number of a writer's last segment is committed together with its rows. Whoever comes later sees by it which
segments the lake holds already, and only removes those, after what is derived from their rows has been made.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from garcom.errors import Conflict, JournalError, LakeUnavailable
from garcom.journal.segment import CLOSED, DAMAGED, OPEN, SegmentName, seal_orphans, segment_names
from garcom.lake.folds import Fold, Folds
from garcom.lake.frames import read_frame
from garcom.lake.snapshot import Snapshot
from garcom.lake.tables import Lake
from garcom.storage.lock import locked

logger = logging.getLogger("garcom.lake")

#: What one commit takes at most, and one segment more: it bounds the memory.
BATCH_BYTES = 128 << 20
BATCH_ROWS = 500_000
#: How long another process may drain the same journal, or arrange the lake's files anew.
PATIENCE_S = 600.0
_RACES = 3


@dataclass
class Drained:
    """What one run has done. ``n_again`` counts segments that the lake held already and that were only removed.

    ``n_kept`` are in the lake and stay for the next run, because their rows could not be folded.
    """

    n_segments: int = 0
    n_rows: int = 0
    n_again: int = 0
    n_kept: int = 0
    n_damaged: int = 0
    dropped_lines: int = 0
    dropped_bytes: int = 0


@dataclass
class _Batch:
    paths: list[Path] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    n_rows: int = 0
    n_bytes: int = 0

    def add(self, path: Path, rows: pl.DataFrame) -> None:
        name = SegmentName.of(path)
        self.paths.append(path)
        self.frames.append(rows)
        self.numbers[name.writer] = name.number
        self.n_rows += rows.height
        self.n_bytes += path.stat().st_size

    @property
    def full(self) -> bool:
        return self.n_rows >= BATCH_ROWS or self.n_bytes >= BATCH_BYTES


class Drain:
    """Drains the journal of a home. ``after`` is told of each step that has been done, by name.

    ``fold`` takes the rows too, between their commit and the end of their segments.
    """

    def __init__(self, lake: Lake, after: Callable[[str], None] = lambda step: None, fold: Fold | None = None) -> None:
        self._lake = lake
        self._folder = lake.home / "journal"
        self._disk = lake.root.disk
        self._after = after
        self._fold = fold

    def run(self) -> Drained:
        """Drain what is closed; waits for another process that drains the same journal."""
        drained = Drained()
        if not self._folder.is_dir():
            return drained
        with locked(self._folder / "drain.lock", PATIENCE_S):
            for path in seal_orphans(self._folder, self._disk):
                logger.warning("segment of a dead writer closed", extra={"segment": path.stem})
            self._after("sealed")
            folds = Folds(self._fold)
            for race in range(_RACES):
                try:
                    self._drain(drained, folds)
                except Conflict:  # somebody else has drained a copy of this journal: look again
                    if race + 1 == _RACES:
                        raise
                else:
                    break
            for path in folds.beyond():
                self._disk.unlink(path)
            drained.n_kept = folds.n_kept
        return drained

    def _drain(self, drained: Drained, folds: Folds) -> None:
        paths = _drainable(self._folder)
        writers = {SegmentName.of(path).writer for path in paths}
        seen = self._lake.predictions.snapshot(writers)
        held = {path for path in paths if _holds(seen, path)}
        if held:
            self._finish([path for path in paths if path in held], drained, folds)
        batch = _Batch()
        for path in paths:
            if path not in held:
                self._take(path, batch, drained)
            if batch.full:
                seen = self._commit(batch, seen, writers, drained, folds)
                batch = _Batch()
        self._commit(batch, seen, writers, drained, folds)

    def _finish(self, held: list[Path], drained: Drained, folds: Folds) -> None:
        """Remove what the lake holds; what was not folded before its drain ended is folded first."""
        # Whoever has committed them died before they were gone, and maybe before they were on the disk.
        self._lake.predictions.make_durable()
        unfolded = folds.unfolded(held)
        batch = _Batch()
        for path in held:
            if path in unfolded and folds.paused:
                folds.keep([path])
                continue
            if path in unfolded:
                with contextlib.suppress(JournalError):  # damaged since then: its rows are in the lake
                    batch.add(path, read_frame(path)[1])
                    self._after("read")
                    if batch.full:
                        drained.n_again += self._fold_and_unlink(batch, folds)
                        batch = _Batch()
                    continue
            self._disk.unlink(path)
            drained.n_again += 1
        drained.n_again += self._fold_and_unlink(batch, folds)

    def _fold_and_unlink(self, batch: _Batch, folds: Folds) -> int:
        """Fold the rows of a batch that the lake holds; how many segments are gone then."""
        if not folds.take(batch.frames, batch.numbers, batch.paths):
            return 0
        if self._fold is not None:
            self._after("folded")
        for path in batch.paths:
            self._disk.unlink(path)
            self._after("unlinked")
        return len(batch.paths)

    def _take(self, path: Path, batch: _Batch, drained: Drained) -> None:
        name, size = SegmentName.of(path), path.stat().st_size
        try:
            reading, frame = read_frame(path)
        except JournalError as error:
            self._disk.rename(path, path.with_suffix(DAMAGED))
            drained.n_damaged += 1
            logger.error(
                "segment cannot be read and is set aside",
                extra={"segment": str(name), "size_bytes": size, "why": str(error)},
            )
            return
        if reading.dropped_lines:
            drained.dropped_lines += reading.dropped_lines
            drained.dropped_bytes += reading.dropped_bytes
            logger.warning(
                "incomplete lines of a segment dropped",
                extra={"segment": str(name), "lines": reading.dropped_lines, "size_bytes": reading.dropped_bytes},
            )
        batch.add(path, frame)
        self._after("read")

    def _commit(self, batch: _Batch, seen: Snapshot, writers: set[str], drained: Drained, folds: Folds) -> Snapshot:
        if not batch.paths:
            return seen
        self._lake.predictions.append(pl.concat(batch.frames), batch.numbers, seen=seen)
        self._after("committed")
        committed = self._lake.predictions.snapshot(writers)
        held = committed.transactions
        if missing := [writer for writer, number in batch.numbers.items() if held.get(writer, -1) < number]:
            raise LakeUnavailable(
                f"Expected the lake to hold {len(batch.paths)} segments after their commit, but it tells of none of "
                f"{', '.join(missing)}. The segments are kept."
            )
        self._fold_and_unlink(batch, folds)
        drained.n_segments += len(batch.paths)
        drained.n_rows += batch.n_rows
        return committed


def _holds(snapshot: Snapshot, path: Path) -> bool:
    name = SegmentName.of(path)
    return name.number <= snapshot.transactions.get(name.writer, -1)


def _drainable(folder: Path) -> list[Path]:
    """The closed segments, each writer's in their order and only up to one that is still open.

    A folder is not listed at one moment: a name that changes meanwhile can be missed. What is closed in the first list
    had predecessors that were closed before, so the second list has them too.
    """
    last = {name.writer: name.number for name in segment_names(folder, CLOSED)}
    closed = segment_names(folder, CLOSED)
    first_open = {name.writer: name.number for name in reversed(segment_names(folder, OPEN))}
    return [
        folder / f"{name}{CLOSED}"
        for name in closed
        if name.number <= last.get(name.writer, -1) and name.number < first_open.get(name.writer, name.number + 1)
    ]
