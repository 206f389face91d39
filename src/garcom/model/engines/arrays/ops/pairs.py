"""Operations on the decisions of libsvm: one column per pair of classes (0,1), (0,2), …, (1,2), …"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Step
from garcom.records import FloatArray


@operation("pair_wins")
def pair_wins(step: Step) -> Call:
    """How many pairs each class wins; 0 is a win of the second."""
    n_classes = step.options["n_classes"]
    pairs = list(combinations(range(n_classes), 2))

    def call(decisions: FloatArray) -> FloatArray:
        wins = np.zeros((len(decisions), n_classes))
        first = decisions > 0
        for number, (i, j) in enumerate(pairs):
            wins[:, i] += first[:, number]
            wins[:, j] += ~first[:, number]
        return wins

    return call


@operation("pairs_over_rest")
def pairs_over_rest(step: Step) -> Call:
    """One score per class: its wins, and a share below 1/3 for how sure they were."""
    n_classes = step.options["n_classes"]
    pairs = list(combinations(range(n_classes), 2))

    def call(decisions: FloatArray) -> FloatArray:
        wins, sure = np.zeros((len(decisions), n_classes)), np.zeros((len(decisions), n_classes))
        second = decisions < 0
        for number, (i, j) in enumerate(pairs):
            sure[:, i] += decisions[:, number]
            sure[:, j] -= decisions[:, number]
            wins[:, i] += ~second[:, number]
            wins[:, j] += second[:, number]
        result: FloatArray = wins + sure / (3 * (np.abs(sure) + 1))
        return result

    return call


@operation("platt")
def platt(step: Step) -> Call:
    """Probabilities from pairs (Platt's sigmoids ``a``, ``b``, coupled after Wu, Lin and Weng 2004, algorithm 2).

    The iteration stops early, and the original's answers carry that error: the same steps are made here.
    """
    a, b, k = step.arrays["a"], step.arrays["b"], step.options["n_classes"]
    pairs = list(combinations(range(k), 2))

    def call(decisions: FloatArray) -> FloatArray:
        exponent = decisions * a + b
        small = np.exp(-np.abs(exponent))
        shares = np.clip(np.where(exponent >= 0, small, 1.0) / (1.0 + small), 1e-7, 1 - 1e-7)
        r = np.zeros((len(decisions), k, k))
        for number, (i, j) in enumerate(pairs):
            r[:, i, j] = shares[:, number]
            r[:, j, i] = 1 - shares[:, number]
        return _coupled(r, k)

    return call


def _coupled(r: FloatArray, k: int) -> FloatArray:
    p = np.full((len(r), k), 1.0 / k)
    q = -np.swapaxes(r, 1, 2) * r
    diagonal = (r * r).sum(axis=1)
    q[:, range(k), range(k)] = diagonal
    going = np.arange(len(r))
    for _ in range(max(100, k)):
        part, matrix = p[going], q[going]
        products = np.einsum("nij,nj->ni", matrix, part)
        total = (part * products).sum(axis=1)
        far = np.abs(products - total[:, np.newaxis]).max(axis=1) >= 0.005 / k
        going = going[far]
        if not len(going):
            break
        p[going] = _swept(part[far], matrix[far], products[far], total[far], k)
    return p


def _swept(p: FloatArray, q: FloatArray, products: FloatArray, total: FloatArray, k: int) -> FloatArray:
    for t in range(k):
        difference = (total - products[:, t]) / q[:, t, t]
        p[:, t] += difference
        total = (
            (total + difference * (difference * q[:, t, t] + 2 * products[:, t])) / (1 + difference) / (1 + difference)
        )
        products = (products + difference[:, np.newaxis] * q[:, t]) / (1 + difference)[:, np.newaxis]
        p /= (1 + difference)[:, np.newaxis]
    return p
