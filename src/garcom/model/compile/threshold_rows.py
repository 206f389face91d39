"""Rows on both sides of the original's jumps, found by asking it and nothing else.

Take a row, one of its numbers and another value of the same field. Where the answers at both values differ,
halve the interval towards the larger difference until its ends are neighbouring numbers: between them lies a
jump, such as a tree's threshold. A smooth difference vanishes on the way and is left out, except where the label
changes: there the two ends are kept once they are as close as the tolerance on probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from garcom.model.compile.asking import Asked
from garcom.model.compile.comparison import PROBABILITY_ATOL, Mask, stack
from garcom.model.signature import FieldType, Signature
from garcom.records import Batch, FloatArray, IntArray, Outputs

#: A difference smaller than this (of a probability, or of the values' spread) is no jump worth a row.
_SMOOTH = 3 * PROBABILITY_ATOL
#: Where there are only labels, a boundary cannot be told from a jump, so rows keep this part of the interval off it.
_CLEARANCE = 1e-9
#: Halvings from any two float64 values to neighbours.
_STEPS = 66


@dataclass
class _Pairs:
    """``base`` rows with two values each, ``low`` and ``high``, for the number in ``column``."""

    base: Batch
    column: IntArray
    low: FloatArray
    high: FloatArray
    at_low: Outputs
    at_high: Outputs

    def rows(self, index: npt.NDArray[np.intp]) -> _Pairs:
        return _Pairs(
            self.base.rows(index),
            self.column[index],
            self.low[index],
            self.high[index],
            self.at_low.rows(index),
            self.at_high.rows(index),
        )


def threshold_rows(
    asked: Asked,
    signature: Signature,
    base: Batch,
    answers: Outputs,
    scale: FloatArray | None,
    *,
    n_pairs: int,
    rng: np.random.Generator,
    budget_s: float = np.inf,
) -> Batch:
    """Rows beside jumps, at most four for each of ``n_pairs`` intervals; none where nothing jumps.

    ``base`` are rows that the original answers with ``answers``; ``scale`` is the spread of its values. Once the
    original was asked for ``budget_s`` seconds, the intervals are left as wide as they are then.
    """
    ends_s = asked.seconds + budget_s
    pairs = _differing_pairs(asked, base, answers, scale, n_pairs, rng)
    if pairs is None:
        return base.rows(slice(0, 0))
    whole = np.array([field.type is not FieldType.FLOAT for field in signature.number_fields])[pairs.column]
    width = np.abs(pairs.high - pairs.low)
    _halve(asked, pairs, whole, scale, rng, ends_s)
    return _beside(pairs, whole, width, scale)


def _differing_pairs(
    asked: Asked, base: Batch, answers: Outputs, scale: FloatArray | None, n_pairs: int, rng: np.random.Generator
) -> _Pairs | None:
    """Intervals with different answers at their ends, those with another label first."""
    n_rows, n_numbers = base.numbers.shape
    if not n_rows or not n_numbers:
        return None
    n_tries = 4 * n_pairs
    rows = rng.integers(n_rows, size=n_tries)
    column = np.arange(n_tries) % n_numbers
    low, high = base.numbers[rows, column], base.numbers[rng.integers(n_rows, size=n_tries), column]
    keep = np.flatnonzero(np.isfinite(low) & np.isfinite(high) & (low != high))
    rows, column, low, high = rows[keep], column[keep], low[keep], high[keep]
    if not len(keep):
        return None
    source = base.rows(rows)
    taken, _, found = asked.run_what_it_takes(_with(source, column, high))
    if found is None:
        return None
    keep = np.flatnonzero(taken)
    pairs = _Pairs(source.rows(keep), column[keep], low[keep], high[keep], answers.rows(rows[keep]), found)
    flipped = _flipped(pairs.at_low, pairs.at_high)
    differing = np.flatnonzero(flipped | (_distance(pairs.at_low, pairs.at_high, scale) > _SMOOTH))
    if not len(differing):
        return None
    # Half of them across a change of label where there are enough, the others wherever something changes.
    order = np.concatenate([differing[flipped[differing]][: n_pairs // 2], rng.permutation(differing)])
    return pairs.rows(order[:n_pairs])


def _halve(
    asked: Asked, pairs: _Pairs, whole: Mask, scale: FloatArray | None, rng: np.random.Generator, ends_s: float
) -> None:
    """Narrow every interval in place until its ends are neighbours, or its difference has vanished."""
    by_label = _flipped(pairs.at_low, pairs.at_high)
    only_labels = pairs.at_low.probabilities is None and pairs.at_low.values is None
    closed = np.zeros(len(pairs.low), bool)
    for _ in range(_STEPS):
        middle = np.where(whole, np.floor((pairs.low + pairs.high) / 2), _between(pairs.low, pairs.high))
        open_ = ~closed & (middle != pairs.low) & (middle != pairs.high)
        if not only_labels:
            open_ &= _distance(pairs.at_low, pairs.at_high, scale) > _SMOOTH
        active = np.flatnonzero(open_)
        if not len(active) or asked.seconds > ends_s:
            return
        taken, _, found = asked.run_what_it_takes(_with(pairs.base.rows(active), pairs.column[active], middle[active]))
        closed[active[~taken]] = True
        if found is None:
            return
        active = active[taken]
        below, above = pairs.at_low.rows(active), pairs.at_high.rows(active)
        first, second = _distance(below, found, scale), _distance(found, above, scale)
        # Every other interval picks a side by chance, weighted, so that smaller jumps are found too.
        share = np.where(active % 2, rng.random(len(active)), 0.5)
        to_low = np.where(by_label[active], _flipped(below, found), first >= share * (first + second))
        _move(pairs.high, pairs.at_high, active, middle, found, to_low)
        _move(pairs.low, pairs.at_low, active, middle, found, ~to_low)


def _move(
    end: FloatArray, at_end: Outputs, active: npt.NDArray[np.intp], middle: FloatArray, found: Outputs, which: Mask
) -> None:
    chosen = active[which]
    end[chosen] = middle[chosen]
    for name in Outputs._fields:
        column = getattr(at_end, name)
        if column is not None:
            column[chosen] = getattr(found, name)[which]


def _beside(pairs: _Pairs, whole: Mask, width: FloatArray, scale: FloatArray | None) -> Batch:
    """Both ends of what remains a jump, and one step further on each side."""
    flipped = _flipped(pairs.at_low, pairs.at_high)
    jumps = _distance(pairs.at_low, pairs.at_high, scale) > _SMOOTH
    only_labels = pairs.at_low.probabilities is None and pairs.at_low.values is None
    ends: list[Batch] = []
    for end, other in ((pairs.low, pairs.high), (pairs.high, pairs.low)):
        outwards = np.where(end < other, -np.inf, np.inf)
        if only_labels:
            off = np.where(whole, 0.0, _CLEARANCE * width)
            steps = [np.where(end < other, end - off, end + off)]
        else:
            steps = [end, np.where(whole, end, np.nextafter(end, outwards))]
        kept = np.flatnonzero(flipped | jumps)
        ends += [_with(pairs.base.rows(kept), pairs.column[kept], step[kept]) for step in steps]
    return stack(ends)


def _with(base: Batch, column: IntArray, values: FloatArray) -> Batch:
    """The rows with one number of each replaced."""
    numbers = base.numbers.copy()
    numbers[np.arange(len(numbers)), column] = values
    return Batch(numbers, base.texts)


def _flipped(first: Outputs, second: Outputs) -> Mask:
    if first.labels is None or second.labels is None:
        length = len(next(part for part in first if part is not None))
        return np.zeros(length, bool)
    flipped: Mask = first.labels != second.labels
    return flipped


def _distance(first: Outputs, second: Outputs, scale: FloatArray | None) -> FloatArray:
    """The largest difference per row: of probabilities, of values in spreads, or 1 for another label alone."""
    if first.probabilities is not None and second.probabilities is not None:
        difference = np.abs(first.probabilities - second.probabilities)
    elif first.values is not None and second.values is not None:
        difference = np.abs(first.values - second.values) / (1.0 if scale is None else scale)
    else:
        return _flipped(first, second).astype(np.float64)
    largest: FloatArray = np.nan_to_num(difference, nan=0.0).max(axis=1)
    return largest


def _between(low: FloatArray, high: FloatArray) -> FloatArray:
    """The float64 halfway by the number of floats between: neighbours are reached in at most 64 halvings."""
    first, second = _ordered(low), _ordered(high)
    middle = (first >> 1) + (second >> 1) + (first & second & 1)
    bits = np.where(middle >= 0, middle, np.int64(np.iinfo(np.int64).min) - middle)
    halfway: FloatArray = bits.view(np.float64)
    return halfway


def _ordered(values: FloatArray) -> IntArray:
    """Integers in the order of the floats, neighbours next to each other."""
    bits = np.ascontiguousarray(values, np.float64).view(np.int64)
    return np.where(bits >= 0, bits, np.int64(np.iinfo(np.int64).min) - bits)
