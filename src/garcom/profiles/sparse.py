"""Counts of cells, most of which are empty, in few bytes: how far it is to the next cell, and its count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from garcom.records import IntArray

#: The longest step to the next cell; where it is further, there are empty cells between.
_LONGEST = 255
#: A count of so many or more is told apart.
_MANY = 255
#: So many are added up at a time: their cells stay in the processor's cache.
_AT_ONCE = 32


class SparseCounts(msgspec.Struct, array_like=True, frozen=True):
    """Counts of cells. ``steps`` and ``counts`` (uint8) are as long as each other.

    ``many`` has the counts for which ``counts`` has no room, in their order, each of ``many_bytes``.
    """

    steps: bytes
    counts: bytes
    many: bytes
    many_bytes: Literal[4, 8]

    @classmethod
    def of(cls, cells: IntArray) -> SparseCounts:
        """Those of cells (int64 ``[n_cells]``, none negative)."""
        places = np.flatnonzero(cells)
        gaps = np.diff(places, prepend=0)
        n_parts = np.maximum(-(-gaps // _LONGEST), 1)
        ends = np.cumsum(n_parts) - 1
        steps = np.full(int(n_parts.sum()), _LONGEST, np.uint8)
        steps[ends] = gaps - (n_parts - 1) * _LONGEST
        counts = np.zeros(len(steps), np.uint8)
        found = cells[places]
        counts[ends] = np.minimum(found, _MANY)
        many = found[found >= _MANY]
        size: Literal[4, 8] = 4 if not len(many) or int(many.max()) < 2**32 else 8
        return cls(steps.tobytes(), counts.tobytes(), many.astype(f"<u{size}").tobytes(), size)


def sum_of(some: Sequence[SparseCounts], n_cells: int) -> IntArray:
    """The counts of all of them added up (int64 ``[n_cells]``). Raises ValueError for what has other cells."""
    total = np.zeros(n_cells, np.int64)
    filled = [each for each in some if each.steps]
    for first in range(0, len(filled), _AT_ONCE):
        part = filled[first : first + _AT_ONCE]
        places = np.frombuffer(b"".join([each.steps for each in part]), np.uint8).astype(np.int64)
        starts = np.cumsum([0, *(len(each.steps) for each in part[:-1])])
        places[starts[1:]] -= np.add.reduceat(places, starts)[:-1]  # each begins at the first cell again
        np.cumsum(places, out=places)
        counts = np.frombuffer(b"".join([each.counts for each in part]), np.uint8).astype(float)
        many = [np.frombuffer(each.many, f"<u{each.many_bytes}").astype(float) for each in part if each.many]
        if many:
            counts[counts == _MANY] = np.concatenate(many)
        total += np.bincount(places, counts, minlength=n_cells).astype(np.int64)  # exact below 2**53
    return total
