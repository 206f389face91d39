"""Which of equally distant rows scikit-learn's neighbour search keeps.

Its heap of the nearest takes a row only where it is nearer than the farthest it holds, so the answer depends
on the order in which the search meets the rows (scikit-learn, ``utils/_heap.pyx`` and
``neighbors/_binary_tree.pxi.tp``). This is needed only for rows with such ties, so it is plain Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from garcom.model.engines.arrays.program import Array
from garcom.records import FloatArray, IntArray


def ranked(away: FloatArray, k: int) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """The ``k`` nearest of each row, nearest first and then by position; and where the choice is a tie."""
    n_rows = away.shape[1]
    if n_rows > k:
        near = np.argpartition(away, (k - 1, k), axis=1)[:, : k + 1]
        held = np.take_along_axis(away, near, axis=1)
        tied = held[:, :k].max(axis=1) == held[:, k]
        near, held = near[:, :k], held[:, :k]
    else:
        near, held, tied = np.broadcast_to(np.arange(n_rows), away.shape), away, np.zeros(len(away), dtype=bool)
    order = np.lexsort((near, held), axis=1)
    return np.take_along_axis(near, order, axis=1), tied


class _Heap:
    """The ``k`` nearest so far, the farthest on top; moved as scikit-learn moves it, because ties show how."""

    def __init__(self, k: int) -> None:
        self.values, self.indices = [float("inf")] * k, [0] * k

    def push(self, value: float, index: int) -> None:
        values, indices, size = self.values, self.indices, len(self.values)
        if value >= values[0]:
            return
        current = 0
        while (left := 2 * current + 1) < size:
            right = left + 1
            larger = left if right >= size or values[left] >= values[right] else right
            if value >= values[larger]:
                break
            values[current], indices[current] = values[larger], indices[larger]
            current = larger
        values[current], indices[current] = value, index

    def sorted(self) -> IntArray:
        order = sorted(range(len(self.values)), key=lambda place: (self.values[place], self.indices[place]))
        return np.array([self.indices[place] for place in order])


def push(away: FloatArray, order: Iterable[int], k: int) -> IntArray:
    """The ``k`` that stay when the rows are met in ``order``, nearest first."""
    heap, distances = _Heap(k), away.tolist()
    for index in order:
        heap.push(distances[index], index)
    return heap.sorted()


class NeighborTree:
    """The KD tree of a fitted model: which rows are met, and when."""

    def __init__(self, arrays: Mapping[str, Array], power: float) -> None:
        self._order = arrays["order"].tolist()
        self._starts, self._ends = arrays["starts"].tolist(), arrays["ends"].tolist()
        self._leaves = arrays["leaves"].tolist()
        self._lower, self._upper = arrays["bounds"]
        self._power = power

    def search(self, x: FloatArray, away: FloatArray, k: int) -> IntArray:
        """The ``k`` nearest rows to ``x``, as the tree's depth-first search keeps them, nearest first."""
        heap, distances = _Heap(k), away.tolist()
        least = self._least(x)
        self._visit(0, least, heap, distances)
        return heap.sorted()

    def _least(self, x: FloatArray) -> list[float]:
        """The least possible distance to each node's box, added feature by feature."""
        total = np.zeros(len(self._lower))
        for feature in range(len(x)):
            low, high = self._lower[:, feature] - x[feature], x[feature] - self._upper[:, feature]
            outside = 0.5 * ((low + np.abs(low)) + (high + np.abs(high)))
            total += outside**self._power
        return list(total.tolist())

    def _visit(self, node: int, least: list[float], heap: _Heap, distances: list[float]) -> None:
        if least[node] > heap.values[0]:
            return
        if self._leaves[node]:
            for index in self._order[self._starts[node] : self._ends[node]]:
                heap.push(distances[index], index)
            return
        first, second = 2 * node + 1, 2 * node + 2
        if least[first] > least[second]:
            first, second = second, first
        self._visit(first, least, heap, distances)
        self._visit(second, least, heap, distances)
