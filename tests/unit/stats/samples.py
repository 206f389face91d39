"""Pairs of samples with what makes statistics fail: ties, constants, few rows, weights; and their counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from garcom.records import FloatArray


class Pair(NamedTuple):
    """Two samples and a weight for each of their values."""

    x: FloatArray
    y: FloatArray
    x_weights: FloatArray
    y_weights: FloatArray


class Cells(NamedTuple):
    """One cell for each distinct value of both samples."""

    positions: FloatArray
    reference: FloatArray
    current: FloatArray


def pairs(seed: int = 0) -> dict[str, Pair]:
    """Each kind of pair by its name, with weights other than 1."""
    random = np.random.default_rng(seed)
    samples = {
        "normal": (random.normal(size=400), random.normal(0.2, 1.3, 150)),
        "ties": (random.integers(0, 6, 300), random.integers(1, 8, 200)),
        "alike": (np.arange(30), np.arange(30)),
        "apart": (np.arange(20), np.arange(20) + 100),
        "constant_sides": (np.full(12, 3.0), np.full(40, 4.0)),
        "one_constant": (np.full(25, 3.0), random.normal(3, 1, 60)),
        "one_value": (np.full(9, 0.1), np.full(4, 0.1)),
        "tiny": (random.normal(size=3), random.normal(size=2)),
        "single": (np.array([1.0]), np.array([2.0])),
        "heavy_tails": (random.standard_cauchy(250), random.standard_cauchy(250) * 3),
        "huge_and_small": (random.normal(size=50) * 1e12, random.normal(size=80) * 1e-12),
    }
    return {
        name: Pair(
            x.astype(np.float64), y.astype(np.float64), random.uniform(0.1, 4, len(x)), random.uniform(0.1, 4, len(y))
        )
        for name, (x, y) in samples.items()
    }


def counted(pair: Pair, *, weighted: bool = False) -> Cells:
    """The rows, or the weights, of each distinct value."""
    positions = np.unique(np.concatenate([pair.x, pair.y]))
    x_weights, y_weights = (pair.x_weights, pair.y_weights) if weighted else (None, None)
    return Cells(
        positions,
        np.bincount(np.searchsorted(positions, pair.x), x_weights, len(positions)).astype(np.float64),
        np.bincount(np.searchsorted(positions, pair.y), y_weights, len(positions)).astype(np.float64),
    )


NAMES = tuple(pairs())
EMPTY = np.zeros(3)
SOME = np.array([1.0, 2.0, 0.0])
#: Sides of which nothing can be told: no cells, no rows on one side, on the other, on both.
NOTHING = {
    "no_cells": (np.zeros(0), np.zeros(0)),
    "no_reference": (EMPTY, SOME),
    "no_current": (SOME, EMPTY),
    "no_rows": (EMPTY, EMPTY),
}
