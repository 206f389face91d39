"""The cells in which numbers are counted: fine around the centre, wider with the distance from it.

A number x lies at ``y = |x - center| / unit + 1``; its cell is given by the exponent of y and the first
:data:`PRECISION_BITS` bits of its mantissa, and by the side of the centre. So a cell is ``unit / 128`` wide at the
centre, and a 128th of its distance far from it; cells are in the order of their numbers, and one that holds two numbers
holds all between them. That is the log-linear bucket of HdrHistogram (Tene), taken around a centre, so that a column
such as a density of 0.99 to 1.01 is told apart as well as one of incomes. Quantiles, distribution functions and
distances come from the counts with an error of one cell; counts of two windows are added cell by cell.

Bounds, of counts instead of the numbers themselves, as long as none is more than four million units from the centre:

- a quantile is off by at most the width of its cell, ``(unit + |x - center|) / 64``;
- Kolmogorov and Smirnov's statistic is never too great, and too small by at most the greatest share of one cell;
- Wasserstein's distance is off by at most the mean of ``(unit + |x - center|) / 64`` over both sides;
- the shares of bins made of whole cells, and so the stability index and its kin, are exact; so are means and variances,
  which come from sums.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import msgspec
import numpy as np

from garcom.records import FloatArray, IntArray

PRECISION_BITS = 7
_OCTAVES = 22
_MANTISSA_BITS = 52
_SHIFT = _MANTISSA_BITS - PRECISION_BITS
_FIRST = 1023 << PRECISION_BITS
#: Cells on one side of the centre; the outermost holds all numbers beyond, infinity too.
_REACH = _OCTAVES << PRECISION_BITS
N_CELLS = 2 * _REACH + 1
#: So many numbers are worked on at a time: they stay in the processor's cache.
_BLOCK = 65536


class Counted(NamedTuple):
    """What is known of some numbers: how many fell into each cell (int64 ``[N_CELLS]``), and of the finite ones the
    sums of ``x - center`` and of its square, the least and the greatest (NaN where there is none)."""

    cells: IntArray
    n_infinite: int
    total: float
    squares: float
    least: float
    greatest: float


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of one column; ``unit`` is positive."""

    center: float
    unit: float

    def count(self, numbers: FloatArray) -> Counted:
        """Count numbers of any order (float64 ``[n]``), none of them NaN."""
        cells = np.zeros(N_CELLS, np.int64)
        n_infinite, total, squares, least, greatest = 0, 0.0, 0.0, np.inf, -np.inf
        room = np.empty((2, min(_BLOCK, max(1, len(numbers)))))
        with np.errstate(over="ignore", invalid="ignore"):  # the sums of absurd numbers are infinite
            for start in range(0, len(numbers), _BLOCK):
                block = numbers[start : start + _BLOCK]
                distance, scaled = room[0, : len(block)], room[1, : len(block)]
                low, high = float(block.min()), float(block.max())
                if not (np.isfinite(low) and np.isfinite(high)):
                    n_infinite += int(np.isinf(block).sum())
                    cells += np.bincount(self._cells(block, distance, scaled), minlength=N_CELLS)
                    block = block[np.isfinite(block)]
                    if not len(block):
                        continue
                    low, high = float(block.min()), float(block.max())
                    total += float((block - self.center).sum())
                    squares += float(np.square(block - self.center).sum())
                else:
                    np.subtract(block, self.center, out=distance)
                    total += float(distance.sum())
                    # Not `distance @ distance`: BLAS would wake threads for it, which then wait in a circle.
                    squares += float(np.einsum("i,i->", distance, distance))
                    cells += np.bincount(self._cells_at(distance, scaled), minlength=N_CELLS)
                least, greatest = min(least, low), max(greatest, high)
        if least > greatest:
            least = greatest = float("nan")
        return Counted(cells, n_infinite, total, squares, least, greatest)

    def cells(self, numbers: FloatArray) -> IntArray:
        """The cell of each number, 0 to ``N_CELLS - 1``; none of them NaN."""
        return self._cells(numbers, np.empty(len(numbers)), np.empty(len(numbers)))

    def borders(self, cells: IntArray) -> FloatArray:
        """The lower borders of cells; that of the first is minus infinity. A cell holds its lower border.

        On the centre's left a cell holds its upper border instead: rounding is what it is, and no number counts twice.
        """
        found: FloatArray = self.center + self.unit * _LOWER[cells]
        return found

    def positions(self) -> FloatArray:
        """The middle of each cell (float64 ``[N_CELLS]``); of the outermost the inner border."""
        found: FloatArray = self.center + self.unit * _MIDDLE
        return found

    def _cells(self, numbers: FloatArray, distance: FloatArray, scaled: FloatArray) -> IntArray:
        """As :meth:`cells`, in the room of the two arrays, which are as long and work in place for speed."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(numbers, self.center, out=distance)
        return self._cells_at(distance, scaled)

    def _cells_at(self, distance: FloatArray, scaled: FloatArray) -> IntArray:
        """The cells of numbers at these distances from the centre, which are lost."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.abs(distance, out=scaled)
            np.divide(scaled, self.unit, out=scaled)
            np.add(scaled, 1.0, out=scaled)
        side, found = distance.view(np.int64), scaled.view(np.int64)
        np.right_shift(side, 63, out=side)  # -1 on the left of the centre, else 0
        np.right_shift(found, _SHIFT, out=found)
        np.subtract(found, _FIRST, out=found)
        np.minimum(found, _REACH, out=found)
        np.bitwise_xor(found, side, out=found)
        np.subtract(found, side, out=found)  # with the side's sign
        np.add(found, _REACH, out=found)
        return found


def grid_of(numbers: FloatArray) -> Grid:
    """The grid that tells these numbers (float64 ``[n]``; NaN and infinities are left out) well apart.

    The centre is the median, the unit a quarter of the distance between the quartiles. Where these are one number, as
    where most rows are zero, those of all other numbers take their place; where they are one number too, its distance
    from the centre; and where all numbers are one, a millionth of it.
    """
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return Grid(center=0.0, unit=1.0)
    low, center, high = (float(each) for each in np.quantile(finite, [0.25, 0.5, 0.75], method="inverted_cdf"))
    spread = high / 4 - low / 4
    if not spread > 0.0 and len(others := finite[finite != center]):
        low, high = (float(each) for each in np.quantile(others, [0.25, 0.75], method="inverted_cdf"))
        spread = high / 4 - low / 4
        if not spread > 0.0:
            spread = abs(low / 4 - center / 4)
    if not (spread > 0.0 and np.isfinite(spread)):
        spread = max(abs(center) * 1e-6, 1e-12)
    # A unit that is lost beside the centre would put neighbours into one cell.
    return Grid(center=center, unit=max(spread, abs(center) * 1e-15, 1e-300))


@functools.cache
def _distances() -> FloatArray:
    """How far the lower border of each cell of the right side is from the centre, in units."""
    at = np.arange(_REACH + 1)
    scale = np.ldexp(1.0, at >> PRECISION_BITS)
    found: FloatArray = scale * (1 + (at & ((1 << PRECISION_BITS) - 1)) / (1 << PRECISION_BITS)) - 1
    return found


def _lower() -> FloatArray:
    right = _distances()
    return np.concatenate([[-np.inf], -right[:0:-1], right[1:]])


def _middle() -> FloatArray:
    right = _distances()
    inner = (right[:-1] + right[1:]) / 2
    one_side = np.append(inner, right[-1])
    one_side[0] = 0.0  # numbers of both sides
    return np.concatenate([-one_side[:0:-1], one_side])


_LOWER = _lower()
_MIDDLE = _middle()
