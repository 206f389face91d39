"""What is derived from the rows as they are drained, and never in their way.

A fold that cannot be made now leaves the segments where they are, for the next run of the drain, up to a bound; the
rows are in the lake by then, and whatever was derived can be made anew from them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from garcom.errors import GarcomError
from garcom.journal.segment import SegmentName
from garcom.lake.tables import Lake

logger = logging.getLogger("garcom.lake")

#: Segments that the lake holds and that could not be folded are kept up to so many bytes: they are read beside the
#: lake as long as they stand.
KEPT_BYTES = 256 << 20


class Fold(Protocol):
    """Takes the rows of each segment once, the segments of a writer in their order."""

    def progress(self, writers: Iterable[str]) -> Mapping[str, int]:
        """The last segment of each writer that was folded; a writer without any is left out."""

    def fold(self, rows: pl.DataFrame, numbers: Mapping[str, int]) -> None:
        """Take the rows of segments (the columns of the lake's predictions): those of each writer up to its number.

        All of it happens, or nothing; rows of segments that were folded before are left out. Raises GarcomError or
        OSError where it may succeed later.
        """


class ErasableFold(Fold, Protocol):
    """One that can also leave out rows that are erased: what is derived may name what stood in them."""

    def forget(self, model: str, days: Collection[str]) -> None:
        """Remove what was derived from a model's rows of these days (``YYYY-MM-DD``)."""

    def rebuild(self, lake: Lake, model: str, days: Collection[str]) -> None:
        """Derive it anew from the rows that the lake holds of these days. Whoever asks must not hold up the drain."""


class Folds:
    """The folding of one run. After a failure that may pass nothing more is folded: segments keep their order."""

    def __init__(self, fold: Fold | None) -> None:
        self._fold = fold
        #: Whether nothing more is folded in this run.
        self.paused = False
        self._kept: dict[Path, int] = {}

    @property
    def n_kept(self) -> int:
        """How many segments stay for the next run."""
        return len(self._kept)

    def unfolded(self, paths: Sequence[Path]) -> set[Path]:
        """Those of the segments that are not folded yet."""
        if self._fold is None or not paths:
            return set()
        names = {path: SegmentName.of(path) for path in paths}
        try:
            progress = self._fold.progress({name.writer for name in names.values()})
        except (GarcomError, OSError) as error:
            self._pause(error)
            progress = {}
        return {path for path, name in names.items() if name.number > progress.get(name.writer, -1)}

    def take(self, frames: Sequence[pl.DataFrame], numbers: Mapping[str, int], paths: Sequence[Path]) -> bool:
        """Fold the rows of these segments, and tell whether the segments may go."""
        if self._fold is None or not paths:
            return True
        if not self.paused:
            try:
                self._fold.fold(pl.concat(frames), numbers)
            except (GarcomError, OSError) as error:
                self._pause(error)
            except Exception:
                # The boundary of what is derived. A fault in it would come again with the same rows, and end the drain.
                logger.exception("rows are not folded; `garcom monitor rebuild MODEL` does it", extra=_told(numbers))
        if self.paused:
            self.keep(paths)
        return not self.paused

    def keep(self, paths: Iterable[Path]) -> None:
        """Leave segments that the lake holds for the next run."""
        self._kept.update((path, path.stat().st_size) for path in paths)

    def beyond(self) -> list[Path]:
        """The oldest of the segments that were kept, as many as are more than :data:`KEPT_BYTES`."""
        size_bytes = sum(self._kept.values())
        leaving: list[Path] = []
        for path in sorted(self._kept, key=lambda path: SegmentName.of(path).number):
            if size_bytes <= KEPT_BYTES:
                break
            size_bytes -= self._kept.pop(path)
            leaving.append(path)
        if leaving:
            logger.error(
                "too many segments wait to be folded; `garcom monitor rebuild MODEL` folds what is left out now",
                extra={"segments": len(leaving)},
            )
        return leaving

    def _pause(self, error: Exception) -> None:
        self.paused = True
        logger.error("rows cannot be folded now, their segments are kept", extra={"why": str(error)})


def _told(numbers: Mapping[str, int]) -> dict[str, str]:
    return {"segments": ", ".join(str(SegmentName(*each)) for each in sorted(numbers.items()))}
