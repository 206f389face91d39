"""KSWIN: the newest values against a sample of those before them, by their distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray, IntArray
from garcom.stats.change.detector import Change

#: A smaller distance is no change, however small its p-value is; as in river.
MIN_DISTANCE = 0.1
#: So many windows are compared together.
_LEAST_TOGETHER, _MOST_TOGETHER = 64, 4096


class Kswin(msgspec.Struct):
    """Kolmogorov–Smirnov windowing (Raab, Heusinger and Schleif 2020).

    Of the last ``window_size`` values the newest ``stat_size`` are compared with as many of the others, chosen at
    random, by the exact two-sample test at ``alpha``. It sees changes of the whole distribution, such as of its
    spread, where the others see the mean. As it tests at every value, it is wrong often unless ``alpha`` is small.

    The defaults are those of river's ``KSWIN``, which begins anew after a change; the random choice is another, and
    depends on ``seed`` and the number of values only, so that a detector read from the disk goes on as it would have.

    >>> detector = Kswin(alpha=0.0001)
    >>> stream = np.random.default_rng(0).normal(np.repeat([0.0, 3.0], 500), 1.0)
    >>> [at for at, _ in detector.update_many(stream)]
    [516]

    Reference: C. Raab, M. Heusinger and F.-M. Schleif, «Reactive soft prototype computing for concept drift streams»,
    Neurocomputing 416 (2020), 340-351; the test's p-value from B. V. Gnedenko and V. S. Korolyuk (1951).
    """

    alpha: float = 0.005
    window_size: int = 100
    stat_size: int = 30
    seed: int = 0
    n: int = 0
    last: Change | None = None
    #: The last values since a change.
    window: list[float] = msgspec.field(default_factory=list)
    changed: bool = False

    def update(self, x: float) -> bool:
        """Take a value; whether a change was seen at it. A value that is not finite is left out."""
        return bool(self.update_many(np.array([x], np.float64)))

    def update_many(self, values: FloatArray) -> list[tuple[int, Change]]:
        """Take many values ``[n]`` in turn, as :func:`~garcom.stats.change.detector.changes`, but faster."""
        places = np.flatnonzero(np.isfinite(values))
        finite = values[places]
        found: list[tuple[int, Change]] = []
        at = 0
        while at < len(finite):
            if self.changed:
                self.window, self.changed = [], False
            taken = self._until_change(finite[at:])
            at += taken
            if self.changed and self.last is not None:
                found.append((int(places[at - 1]), self.last))
        return found

    def _until_change(self, values: FloatArray) -> int:
        """Take values up to one at which a change is seen; how many were taken."""
        line = np.concatenate([self.window, values])
        old = len(self.window)
        least = _least_distance(self.stat_size, self.alpha)
        taken = len(values)
        for first, end in self._parts(old, len(line)):
            windows = np.lib.stride_tricks.sliding_window_view(
                line[first + 1 - self.window_size : end], self.window_size
            )
            newest = windows[:, -self.stat_size :]
            numbers = self.n + 1 + np.arange(first - old, end - old)
            others = np.take_along_axis(windows, self._chosen(numbers), axis=1)
            seen = np.flatnonzero(_distances(others, newest) >= least)
            if len(seen):
                at = int(seen[0])
                self.changed, taken = True, first + at + 1 - old
                before = windows[at, : -self.stat_size]
                self.last = Change(len(before), float(before.mean()), self.stat_size, float(newest[at].mean()))
                break
        self.n += taken
        self.window = line[max(0, old + taken - self.window_size) : old + taken].tolist()
        return taken

    def _parts(self, old: int, n: int) -> Iterator[tuple[int, int]]:
        """The new places that end a whole window, some together, then more and more: changes are seldom."""
        first, together = max(old, self.window_size - 1), _LEAST_TOGETHER
        while first < n:
            end = min(first + together, n)
            yield first, end
            first, together = end, min(2 * together, _MOST_TOGETHER)

    def _chosen(self, numbers: IntArray) -> IntArray:
        """For the window that ends at the value of each number: places of the older values, chosen without repeats."""
        n_old = self.window_size - self.stat_size
        places = numbers[:, None] * n_old + np.arange(n_old)
        keys = _scattered(places.astype(np.uint64), self.seed)
        if self.stat_size >= n_old:
            return np.broadcast_to(np.arange(n_old), keys.shape)
        return np.argpartition(keys, self.stat_size, axis=1)[:, : self.stat_size]


def _scattered(numbers: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Numbers that look random: SplitMix64 (Steele, Lea and Flood 2014), which wraps around by design."""
    z = (numbers + np.uint64(seed % 2**32 * 2**32 + 1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def _distances(others: FloatArray, newest: FloatArray) -> IntArray:
    """The greatest difference of the two distribution functions, row by row, in values (``[m]``)."""
    both = np.concatenate([others, newest], axis=1)
    order = np.argsort(both, axis=1)
    steps = np.where(order < others.shape[1], 1, -1)
    gaps = np.abs(np.cumsum(steps, axis=1))
    ordered = np.take_along_axis(both, order, axis=1)
    gaps[:, :-1][ordered[:, 1:] == ordered[:, :-1]] = 0  # within ties the functions have not both risen yet
    found: IntArray = gaps.max(axis=1)
    return found


@cache
def _least_distance(n: int, alpha: float) -> int:
    """The least distance of two samples of ``n`` values, in values, that is a change."""
    return next((h for h in range(1, n + 1) if h / n > MIN_DISTANCE and p_value(n, h) <= alpha), n + 1)


def p_value(n: int, distance: int) -> float:
    """The exact chance that two samples of ``n`` values differ by ``distance``/n or more (Gnedenko and Korolyuk 1951).

    >>> round(p_value(30, 13), 6)
    0.006548
    """
    if distance <= 0:
        return 1.0
    log = math.lgamma
    shares = [
        math.exp(2 * log(n + 1) - log(n - k * distance + 1) - log(n + k * distance + 1))
        for k in range(1, n // distance + 1)
    ]
    return min(1.0, 2 * (sum(shares[::2]) - sum(shares[1::2])))
