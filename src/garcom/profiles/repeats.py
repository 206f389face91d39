"""How many rows are repetitions of another, from a sample of distinct rows that can be merged.

Rows are told apart by a hash; kept are those, with their counts, whose hash begins with ``level`` zero bits, and the
level rises as soon as there are too many of them. Which rows are kept does not depend on the order or the window, so
samples of two windows are merged by adding counts: distinct sampling (Gibbons 2001).

It is a sample of *distinct* rows: one row that came a million times is most likely not in it. But how many rows there
were is known, and 2^level times the rows kept is how many of them differed (Flajolet 1990); what is between the two are
repetitions, whether those were sampled or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from garcom.records import FloatArray
from garcom.stats.performance.intervals import Z

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
#: So many distinct rows are kept.
MOST = 512
_SEED = 7
_WIDTHS = (1, 2, 4, 8)
#: Of one row so many repetitions, at the most, are seen: a row that has very many is in the sample by chance.
_MOST_SEEN = 4
#: Two estimates agree when they are no further apart than so many times what is uncertain (three standard errors).
_AGREE = 1.5


class Repeated(NamedTuple):
    """The share of so many ``rows`` that repeat another of them, as it is expected where all came in any order.

    ``low`` and ``high`` are what the sample leaves open (95 %): nothing where every row is in it. ``seen`` is the share
    of repetitions of rows that came a few times, which the sample shows, with its uncertainty: much less than that of
    ``share``, which also tells of rows that are not in the sample. ``once`` is the share of rows that have no equal.
    """

    rows: int
    share: float
    low: float
    high: float
    seen: float
    seen_within: float
    once: float

    @property
    def error(self) -> float:
        """The standard error of the share, of so many rows that came by chance (the jackknife's).

        Without one row there are as many that differ, or one fewer where it had no equal.
        """
        return math.sqrt(self.once * (1 - self.once) / self.rows)


class Repeats(msgspec.Struct, kw_only=True):
    """The sample: ``hashes`` (uint64, ascending) and ``counts`` (unsigned, as wide as it takes), both little-endian.

    ``empty`` is how many rows had no column: they are not compared.
    """

    level: int = 0
    hashes: bytes = b""
    counts: bytes = b""
    empty: int = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Count rows; equal rows have equal values in all columns, a missing value equals a missing one.

        How many there were where they had no column, the caller adds to ``empty``.
        """
        if rows.width and rows.height:
            hashes = _mixed(rows.hash_rows(_SEED).to_numpy())
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
        self.empty += sum(other.empty for other in others)
        self.level = max([self.level, *(other.level for other in others)])
        arrays = [each._arrays() for each in (self, *others)]
        hashes, counts = (np.concatenate(each) for each in zip(*arrays, strict=True))
        kept = _begins_with_zeros(hashes, self.level)
        self._keep(hashes[kept], counts[kept])

    @property
    def sampled(self) -> tuple[int, int]:
        """How many distinct rows are in the sample, and how often they came."""
        counts = self._arrays()[1]
        return len(counts), int(counts.sum())

    def among(self, rows: int, drawn: int | None = None) -> Repeated | None:
        """What repeats among ``drawn`` of ``rows`` rows, all that were counted and had a column; None for no rows.

        What is expected of fewer is rarefaction (Hurlbert 1971; with the binomial chances of Coleman 1981, which differ
        by less than one row): the more rows there are of few possible ones, the more of them repeat another, so two
        numbers of rows are compared at the smaller one.
        """
        counts = np.minimum(self._arrays()[1], rows)
        m = rows if drawn is None else min(drawn, rows)
        if m <= 0 or not len(counts):
            return None
        values, n_distinct = np.unique(counts, return_counts=True)
        chances = _chances(values, m / rows, _MOST_SEEN + 1)
        there, once = 1 - chances[:, 0], chances[:, 1]
        repetitions = np.maximum(np.arange(_MOST_SEEN + 2) - 1, 0)
        seen = chances @ repetitions + _MOST_SEEN * np.maximum(1 - chances.sum(axis=1), 0)
        scale, left_out = 2.0**self.level / m, 1 - 0.5**self.level

        def total(of_each: FloatArray) -> tuple[float, float]:
            """Its sum over all distinct rows for each row drawn, and how far it may be off: each was sampled alone."""
            squares = float(n_distinct @ np.square(of_each))
            return scale * float(n_distinct @ of_each), Z * scale * math.sqrt(left_out * squares)

        (distinct, within), (repeated, seen_within) = total(there), total(seen)
        low = min(max(1 - distinct - within, repeated - seen_within, 0.0), 1.0)
        high = max(min(1 - distinct + within, 1.0), low)
        # The share in the sample is the better estimate where it is one: where no row came much more often than others.
        share = max(0.0, 1 - float(n_distinct @ there) / float(n_distinct @ values) * (rows / m))
        if abs(share - (1 - distinct)) <= _AGREE * within:
            low, high = min(low, share), max(high, share)
        else:
            share = min(max(1 - distinct, low), high)
        return Repeated(m, share, low, high, repeated, seen_within, min(1.0, total(once)[0]))

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


def _mixed(hashes: Hashes) -> Hashes:
    """The hashes with every bit of them in each: those of rows with texts do not begin with as many ones as zeros.

    Source: the last step of SplitMix64 (Steele, Lea and Flood 2014).
    """
    found = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def _begins_with_zeros(hashes: Hashes, n_bits: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = hashes < np.uint64(2 ** (64 - n_bits) - 1) if n_bits else hashes == hashes
    return found


def _chances(counts: Counts, chance: float, times: int) -> FloatArray:
    """How likely each of so many equal rows is drawn never, once … ``times`` times, where each row has this chance."""
    found = np.empty((len(counts), times + 1))
    ways = np.ones(len(counts))
    for t in range(times + 1):
        found[:, t] = ways * chance**t * (1 - chance) ** np.maximum(counts - t, 0)
        ways = ways * np.maximum(counts - t, 0) / (t + 1)
    return found
