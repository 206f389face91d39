from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from garcom.profiles.grid import N_CELLS, Grid, grid_of
from garcom.records import FloatArray
from garcom.stats.kolmogorov_smirnov import kolmogorov_smirnov

NUMBERS = st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=200)


@settings(max_examples=200, deadline=None)
@given(NUMBERS, st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_cells_are_in_the_order_of_their_numbers(numbers: list[float], center: float, unit: float) -> None:
    values = np.sort(np.array(numbers))
    cells = Grid(center=center, unit=unit).cells(values)
    assert (np.diff(cells) >= 0).all()
    assert cells.min() >= 0
    assert cells.max() < N_CELLS


@settings(max_examples=100, deadline=None)
@given(NUMBERS)
def test_what_is_counted_is_what_there_is(numbers: list[float]) -> None:
    values = np.array(numbers)
    grid = grid_of(values)
    found = grid.count(values)
    finite = values[np.isfinite(values)]
    assert found.cells.sum() == len(values)
    assert (found.cells == np.bincount(grid.cells(values), minlength=N_CELLS)).all()
    assert found.n_infinite == len(values) - len(finite)
    if len(finite):
        assert found.least == pytest.approx(finite.min(), rel=1e-9, abs=1e-9 * grid.unit)
        assert found.greatest == pytest.approx(finite.max(), rel=1e-9, abs=1e-9 * grid.unit)
    else:
        assert math.isnan(found.least)


def test_parts_add_up_to_the_whole() -> None:
    values = np.random.default_rng(0).standard_t(2, size=50_000)
    grid = grid_of(values)
    whole, first, second = grid.count(values), grid.count(values[:20_000]), grid.count(values[20_000:])
    assert (whole.cells == first.cells + second.cells).all()
    assert whole.squares == pytest.approx(first.squares + second.squares)
    assert whole.total == pytest.approx((values - grid.center).sum())


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).normal(1013.0, 5.0, 5000),
        np.random.default_rng(1).normal(0.994, 0.003, 5000),
        np.random.default_rng(1).lognormal(10, 2, 5000),
        np.random.default_rng(1).integers(0, 10, 5000).astype(float),
        np.concatenate([np.zeros(4000), np.random.default_rng(1).exponential(3.0, 1000)]),
        np.random.default_rng(1).uniform(1.7e15, 1.8e15, 5000),
    ],
    ids=["pressure", "density", "incomes", "digits", "mostly-zero", "moments"],
)
def test_a_cell_holds_few_of_the_values_that_can_be_told_apart(values: FloatArray) -> None:
    grid = grid_of(values)
    cells = grid.cells(values)
    for cell in np.unique(cells):
        inside = values[cells == cell]
        assert len(np.unique(inside)) == 1 or len(inside) <= 0.03 * len(values)


def test_a_number_lies_between_the_borders_of_its_cell_and_near_its_middle() -> None:
    values = np.random.default_rng(2).normal(3.0, 2.0, 10_000)
    grid = grid_of(values)
    cells = grid.cells(values)
    width = grid.borders(cells + 1) - grid.borders(cells)
    slack = 1e-9 * width
    assert (grid.borders(cells) - slack <= values).all()
    assert (values <= grid.borders(cells + 1) + slack).all()
    # The distance from the centre is known to a 128th.
    assert (width <= grid.unit / 64 + np.abs(values - grid.center) / 64).all()
    assert (np.abs(grid.positions()[cells] - values) <= width).all()


@pytest.mark.parametrize("constant", [0.0, 1e-30, 7.5, 1.7e18, -3e300, 1.7e308])
def test_a_column_of_one_value_has_a_grid(constant: float) -> None:
    values = np.full(10, constant)
    grid = grid_of(values)
    assert grid.unit > 0
    assert np.unique(grid.cells(values)).size == 1
    assert grid.count(values).least == pytest.approx(constant)


def test_without_numbers_there_is_a_grid_and_nothing_to_count() -> None:
    grid = grid_of(np.array([np.nan, np.inf]))
    found = grid.count(np.empty(0))
    assert found.cells.sum() == 0
    assert math.isnan(found.least)
    assert math.isnan(found.greatest)


@pytest.mark.parametrize("strange", [999_999.0, 1e9])
def test_one_strange_number_does_not_blind_a_column_of_zeros(strange: float) -> None:
    random = np.random.default_rng(0)
    before = np.where(random.random(5000) < 0.8, 0.0, random.lognormal(size=5000))
    now = np.where(random.random(5000) < 0.2, 0.0, random.lognormal(size=5000))
    before[0] = strange
    grid = grid_of(before)
    found = kolmogorov_smirnov(grid.count(before).cells, grid.count(now).cells)
    assert found.statistic == pytest.approx(ks_2samp(before, now).statistic, abs=0.01)


def test_two_numbers_of_which_one_is_rare_are_told_apart() -> None:
    grid = grid_of(np.array([0.0] * 99 + [1e-3]))
    assert len(set(grid.cells(np.array([0.0, 1e-3, 2e-3])).tolist())) == 3


def test_whole_numbers_far_from_zero_are_told_apart() -> None:
    numbers = 1e15 + np.arange(8.0)
    assert len(set(grid_of(numbers).cells(numbers).tolist())) == 8
