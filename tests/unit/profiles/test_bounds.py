"""What is read from the counts of cells, against the numbers themselves: within the bounds that grid.py states."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from garcom.monitoring.drift import N_BINS, bin_of_cells
from garcom.profiles.grid import Grid, grid_of
from garcom.profiles.layout import layout_of
from garcom.profiles.profile import Profile
from garcom.records import FloatArray
from garcom.stats.kolmogorov_smirnov import kolmogorov_smirnov
from garcom.stats.population_stability import population_stability_index
from garcom.stats.wasserstein import wasserstein_distance

_NUMBERS = st.one_of(st.floats(-1e4, 1e4, allow_subnormal=False), st.integers(-5, 5).map(float))


@st.composite
def _sides(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, Grid]:
    """Reference numbers, current numbers and the reference's grid, so wide that it reaches to all of them."""
    left, right = (draw(arrays(np.float64, st.integers(2, 60), elements=_NUMBERS)) for _ in range(2))
    grid = grid_of(left)
    return left, right, Grid(center=grid.center, unit=max(grid.unit, 1e-2))


def _widths(grid: Grid, numbers: FloatArray) -> FloatArray:
    return (grid.unit + np.abs(numbers - grid.center)) / 64


@settings(max_examples=100, deadline=None)
@given(_sides(), st.floats(0, 1))
def test_a_quantile_is_off_by_its_cell_at_most(drawn: tuple[FloatArray, FloatArray, Grid], share: float) -> None:
    numbers, _, grid = drawn
    cells = grid.count(numbers).cells
    exact = float(np.quantile(numbers, share, method="inverted_cdf"))
    place = int(np.searchsorted(np.cumsum(cells), max(1, np.ceil(share * len(numbers) - 1e-9))))
    assert abs(grid.positions()[place] - exact) <= _widths(grid, np.array([exact]))[0] * (1 + 1e-6) + 1e-9


@settings(max_examples=100, deadline=None)
@given(_sides())
def test_the_greatest_difference_is_too_small_by_a_cell_at_most(drawn: tuple[FloatArray, FloatArray, Grid]) -> None:
    left, right, grid = drawn
    p, q = grid.count(left).cells, grid.count(right).cells
    exact = float(stats.ks_2samp(left, right, method="asymp").statistic)
    value = kolmogorov_smirnov(p, q).statistic
    assert exact - max(p.max() / len(left), q.max() / len(right)) - 1e-9 <= value <= exact + 1e-9


@settings(max_examples=100, deadline=None)
@given(_sides())
def test_the_distance_is_off_by_the_mean_width_at_most(drawn: tuple[FloatArray, FloatArray, Grid]) -> None:
    left, right, grid = drawn
    value = wasserstein_distance(grid.positions(), grid.count(left).cells, grid.count(right).cells)
    exact = float(stats.wasserstein_distance(left, right))
    bound = (_widths(grid, left).mean() + _widths(grid, right).mean()) / 2
    assert abs(value - exact) <= bound * (1 + 1e-6) + 1e-9


@settings(max_examples=60, deadline=None)
@given(_sides())
def test_shares_of_bins_and_sums_are_exact(drawn: tuple[FloatArray, FloatArray, Grid]) -> None:
    left, right, grid = drawn
    p, q = grid.count(left).cells, grid.count(right).cells
    bins = bin_of_cells(p)
    binned = [np.bincount(bins, side, N_BINS) for side in (p, q)]
    # The same bins of the numbers themselves: a number is in the bin whose cells begin at or below its own.
    first_cells = np.searchsorted(bins, np.arange(1, N_BINS))
    direct = [
        np.bincount(np.searchsorted(first_cells, grid.cells(side), side="right"), minlength=N_BINS).astype(float)
        for side in (left, right)
    ]
    assert population_stability_index(*binned) == pytest.approx(population_stability_index(*direct))

    frame = pl.DataFrame({"x": right})
    profile = Profile(layout_of(pl.DataFrame({"x": left})))
    profile.add(frame)
    assert profile.mean(0) == pytest.approx(right.mean(), abs=1e-9 * (1 + np.abs(right - left.mean()).max()))
    variance = profile.variance(0)
    assert variance is not None
    assert variance == pytest.approx(right.var(), rel=1e-6, abs=1e-9 * (1 + np.square(right - np.median(left)).max()))
