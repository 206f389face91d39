from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from garcom.records import IntArray
from garcom.stats.fisher_exact import fisher_exact

NONE = np.zeros(2, np.int64)


@given(arrays(np.int64, (2, 2), elements=st.one_of(st.integers(0, 12), st.integers(0, 3_000))))
def test_is_that_of_scipy(table: IntArray) -> None:
    found = fisher_exact(table[0], table[1])
    if not table.sum(axis=1).all():
        assert math.isnan(found)
    else:
        assert found == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6, abs=1e-12)


@given(arrays(np.int64, (2, 2), elements=st.integers(0, 300)))
def test_neither_the_sides_nor_the_cells_have_an_order(table: IntArray) -> None:
    found = fisher_exact(table[0], table[1])
    for other in (table[::-1], table[:, ::-1]):
        assert fisher_exact(other[0], other[1]) == pytest.approx(found, rel=1e-9, nan_ok=True)


def test_a_small_window_of_a_large_reference() -> None:
    found = fisher_exact(np.array([10**9, 10**4]), np.array([990, 10]))
    assert found == pytest.approx(stats.binomtest(10, 1_000, 1e-5).pvalue, rel=0.01)


def test_weights_are_rounded() -> None:
    assert fisher_exact(np.array([8.3, 1.8]), np.array([0.9, 5.2])) == fisher_exact(np.array([8, 2]), np.array([1, 5]))


@pytest.mark.parametrize("table", [(NONE, NONE), (np.array([3, 4]), NONE), (NONE, np.array([3, 4]))])
def test_without_rows_nothing_can_be_told(table: tuple[IntArray, IntArray]) -> None:
    assert math.isnan(fisher_exact(*table))


def test_a_category_that_neither_has_is_no_difference() -> None:
    assert fisher_exact(np.array([7, 0]), np.array([3, 0])) == 1.0


def test_only_two_cells_are_taken() -> None:
    with pytest.raises(ValueError, match="Expected two cells on each side, got 3"):
        fisher_exact(np.ones(3), np.ones(3))
