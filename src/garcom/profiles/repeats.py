"""How many rows are repetitions of another, from a sample of distinct rows that can be merged.

Rows are told apart by a hash; kept are those, with their counts, whose hash begins with ``level`` zero bits, and the
level rises as soon as there are too many of them. Which rows are kept does not depend on the order or the window, so
samples of two windows are merged by adding counts: distinct sampling (Gibbons 2001). The share of repetitions among
the rows kept is that of all rows, with the error of a sample of so many.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
#: So many distinct rows are kept.
MOST = 512
_SEED = 7
_WIDTHS = (1, 2, 4, 8)


class Repeats(msgspec.Struct, kw_only=True):
    """The sample: ``hashes`` (uint64, ascending) and ``counts`` (unsigned, as wide as it takes), both little-endian."""

    level: int = 0
    hashes: bytes = b""
    counts: bytes = b""

    def add(self, rows: pl.DataFrame) -> None:
        """Count rows; equal rows have equal values in all columns, a missing value equals a missing one."""
        if rows.width and rows.height:
            hashes = rows.hash_rows(_SEED).to_numpy()
            before, counts = self._arrays()
            new = hashes[_begins_with_zeros(hashes, self.level)]
            # Of very many rows most would only be sorted to be left out.
            while len(new) > 8 * MOST and self.level < 40 and len(np.unique(new[: 8 * MOST])) > MOST:
                self.level += 1
                new = new[_begins_with_zeros(new, self.level)]
            kept = _begins_with_zeros(before, self.level)
            ones = np.ones(len(new), np.int64)
            self._keep(np.concatenate([before[kept], new]), np.concatenate([counts[kept], ones]))

    def merge(self, others: Sequence[Repeats]) -> None:
        """Count the rows of other samples too."""
        self.level = max([self.level, *(other.level for other in others)])
        arrays = [each._arrays() for each in (self, *others)]
        hashes, counts = (np.concatenate(each) for each in zip(*arrays, strict=True))
        kept = _begins_with_zeros(hashes, self.level)
        self._keep(hashes[kept], counts[kept])

    @property
    def rows(self) -> tuple[int, int]:
        """How many rows were kept, and how many of them are repetitions of another."""
        counts = self._arrays()[1]
        return int(counts.sum()), int(counts.sum()) - len(counts)

    def _arrays(self) -> tuple[Hashes, Counts]:
        hashes = np.frombuffer(self.hashes, "<u8")
        width = len(self.counts) // len(hashes) if len(hashes) else 1
        if width not in _WIDTHS or len(self.counts) != width * len(hashes):
            raise ValueError(f"Expected counts of {len(hashes)} hashes, got {len(self.counts)} bytes.")
        return hashes, np.frombuffer(self.counts, f"<u{width}").astype(np.int64)

    def _keep(self, hashes: Hashes, counts: Counts) -> None:
        """Be the sample of these, of which some are equal; the level rises until they are few enough."""
        found, at = np.unique(hashes, return_inverse=True)
        total = np.bincount(at, counts, minlength=len(found))
        while len(found) > MOST:
            self.level += 1
            kept = _begins_with_zeros(found, self.level)
            found, total = found[kept], total[kept]
        width = next(width for width in _WIDTHS if not len(total) or int(total.max()) < 2 ** (8 * width))
        self.hashes, self.counts = found.astype("<u8").tobytes(), total.astype(f"<u{width}").tobytes()


def _begins_with_zeros(hashes: Hashes, n_bits: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = hashes < np.uint64(2 ** (64 - n_bits) - 1) if n_bits else hashes == hashes
    return found
