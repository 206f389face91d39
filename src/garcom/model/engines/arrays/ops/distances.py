"""Operations on distances: kernels, centres, nearest neighbours."""

from __future__ import annotations

import numpy as np

from garcom.model.engines.arrays.ops.neighbor_search import NeighborTree, push, ranked
from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Array, Step
from garcom.records import FloatArray, IntArray

#: Rows x other rows x features of one piece of work, so that a large batch does not fill the memory.
_PIECE = 1 << 22


def sums_of_powers(X: FloatArray, rows: FloatArray, power: float) -> FloatArray:
    """``sum(|x - r| ** power)`` between each row of ``X`` and each of ``rows``, added feature by feature.

    The same additions in the same order as a KD tree makes, so equal distances are equal here too.
    """
    total = np.zeros((len(X), len(rows)))
    for feature in range(X.shape[1]):
        difference = X[:, feature, np.newaxis] - rows[:, feature]
        if power == 2.0:
            difference *= difference
        else:
            np.abs(difference, out=difference)
            if power != 1.0:
                np.power(difference, power, out=difference)
        total += difference
    return total


@operation("kernel")
def kernel(step: Step) -> Call:
    """A kernel of libsvm between each row and each of ``vectors``."""
    vectors, name = step.arrays["vectors"], step.options["kernel"]
    gamma, coef0, degree = step.options["gamma"], step.options["coef0"], step.options["degree"]
    transposed = vectors.T
    if name == "linear":
        return lambda X: X.dot(transposed)
    if name == "poly":
        return lambda X: (gamma * X.dot(transposed) + coef0) ** degree
    if name == "sigmoid":
        return lambda X: np.tanh(gamma * X.dot(transposed) + coef0)
    if name != "rbf":
        raise ValueError(f"unknown kernel {name}")

    def rbf(X: FloatArray) -> FloatArray:
        if len(X) == 1:
            difference = vectors - X
            row: FloatArray = np.exp(-gamma * np.einsum("ij,ij->i", difference, difference))[np.newaxis]
            return row
        kernels: FloatArray = np.exp(-gamma * sums_of_powers(X, vectors, 2.0))
        return kernels

    return rbf


@operation("center_distances")
def center_distances(step: Step) -> Call:
    """Squared distances to ``centers``, less what is the same for all centres of a row."""
    centers = step.arrays["centers"]
    norms, transposed = np.einsum("ij,ij->i", centers, centers), centers.T
    return lambda X: norms - 2.0 * X.dot(transposed)


@operation("distances")
def distances(step: Step) -> Call:
    """Euclidean distances to ``centers``."""
    centers = step.arrays["centers"]
    return lambda X: np.sqrt(sums_of_powers(X, centers, 2.0))


@operation("nearest")
def nearest(step: Step) -> Call:
    """Distances and positions of the ``n_neighbors`` nearest ``rows``, nearest first, ``[n, n_neighbors]`` each.

    Where several rows are equally far and not all of them fit, those are chosen that scikit-learn's search
    meets first: by its KD tree, or in the order of the rows.
    """
    rows, k, power = step.arrays["rows"], step.options["n_neighbors"], step.options["power"]
    norms = np.einsum("ij,ij->i", rows, rows) if step.options["products"] else None
    tree = NeighborTree(step.arrays, power) if "order" in step.arrays else None
    piece = max(1, _PIECE // max(1, len(rows)))

    def search(X: FloatArray) -> tuple[FloatArray, IntArray]:
        if norms is None:
            away = sums_of_powers(X, rows, power)
        else:
            away = np.maximum(-2.0 * X.dot(rows.T) + norms + np.einsum("ij,ij->i", X, X)[:, np.newaxis], 0.0)
        found, tied = ranked(away, k)
        for row in np.flatnonzero(tied).tolist():
            found[row] = tree.search(X[row], away[row], k) if tree else push(away[row], range(len(rows)), k)
        return np.take_along_axis(away, found, axis=1) ** (1.0 / power), found

    def call(X: FloatArray) -> tuple[FloatArray, IntArray]:
        if len(X) <= piece:
            return search(X)
        parts = [search(X[start : start + piece]) for start in range(0, len(X), piece)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    return call


def _weights(away: FloatArray) -> FloatArray:
    """``1 / distance``; where a neighbour is the row itself, only such neighbours count."""
    weights = 1.0 / away
    infinite = np.isinf(weights)
    same = infinite.any(axis=1)
    weights[same] = infinite[same]
    return weights


@operation("neighbor_votes")
def neighbor_votes(step: Step) -> Call:
    """The neighbours' classes ``y`` as sums of weights, ``[n, n_classes]``."""
    y, n_classes, by_distance = step.arrays["y"], step.options["n_classes"], step.options["distance"]

    def call(found: tuple[FloatArray, IntArray]) -> FloatArray:
        away, index = found
        weights = _weights(away) if by_distance else np.ones_like(away)
        labels, result, rows = y.take(index), np.zeros((len(away), n_classes)), np.arange(len(away))
        for neighbor in range(index.shape[1]):
            result[rows, labels[:, neighbor]] += weights[:, neighbor]
        return result

    return call


@operation("neighbor_mean")
def neighbor_mean(step: Step) -> Call:
    """The mean of the neighbours' values ``y`` ``[n_rows, n_targets]``, by distance where so configured."""
    y, by_distance = step.arrays["y"], step.options["distance"]

    def call(found: tuple[FloatArray, IntArray]) -> FloatArray:
        away, index = found
        values: Array = y.take(index, axis=0)
        if not by_distance:
            plain: FloatArray = values.mean(axis=1)
            return plain
        weights = _weights(away)
        result: FloatArray = (values * weights[:, :, np.newaxis]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
        return result

    return call
