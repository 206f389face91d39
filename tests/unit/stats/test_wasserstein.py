from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wasserstein_distance as scipys

from garcom.stats.wasserstein import wasserstein_distance
from tests.unit.stats.samples import NAMES, NOTHING, counted, pairs


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_is_that_of_scipy(name: str, weighted: bool) -> None:
    pair = pairs()[name]
    positions, reference, current = counted(pair, weighted=weighted)
    weights = (pair.x_weights, pair.y_weights) if weighted else ()
    expected = float(scipys(pair.x, pair.y, *weights))
    assert wasserstein_distance(positions, reference, current) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_order_of_the_cells_does_not_matter() -> None:
    positions, reference, current = counted(pairs()["normal"])
    order = np.random.default_rng(0).permutation(len(positions))
    shuffled = wasserstein_distance(positions[order], reference[order], current[order])
    assert shuffled == pytest.approx(wasserstein_distance(positions, reference, current), rel=1e-12)


def test_a_shift_is_told_in_the_unit_of_the_column() -> None:
    assert wasserstein_distance(np.array([10.0, 12.5]), np.array([8, 0]), np.array([0, 3])) == 2.5


def test_positions_further_apart_than_floats_reach() -> None:
    ends = np.array([-1.7e308, 1.7e308])
    assert wasserstein_distance(ends, np.array([1, 0]), np.array([0, 1])) == math.inf
    assert wasserstein_distance(ends, np.array([1, 1]), np.array([2, 2])) == 0


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_can_be_told_without_rows(name: str) -> None:
    reference, current = NOTHING[name]
    assert math.isnan(wasserstein_distance(np.arange(len(reference), dtype=np.float64), reference, current))
