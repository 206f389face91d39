"""Of bins instead of values, statistics stay within what their docstrings promise."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from garcom.records import FloatArray
from garcom.stats.hellinger import hellinger_distance
from garcom.stats.jensen_shannon import jensen_shannon_distance
from garcom.stats.kolmogorov_smirnov import kolmogorov_smirnov
from garcom.stats.population_stability import population_stability_index
from garcom.stats.total_variation import total_variation
from garcom.stats.wasserstein import wasserstein_distance
from tests.unit.stats.samples import Cells, Pair, counted

_VALUES = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.integers(-3, 3).map(float),
)
_SAMPLES = arrays(np.float64, st.integers(1, 40), elements=_VALUES)


@st.composite
def _binned(draw: st.DrawFn) -> tuple[Pair, FloatArray]:
    """Two samples, and the edges of bins that hold all of them."""
    x, y = draw(_SAMPLES), draw(_SAMPLES)
    both = np.concatenate([x, y])
    inner = draw(st.lists(_VALUES, max_size=12))
    edges = np.unique([both.min() - 1, *inner, both.max() + 1])
    edges = edges[(edges >= both.min() - 1) & (edges <= both.max() + 1)]
    return Pair(x, y, np.ones(len(x)), np.ones(len(y))), edges


def _in_bins(pair: Pair, edges: FloatArray) -> Cells:
    bins = [
        np.bincount(np.searchsorted(edges, side, "right") - 1, minlength=len(edges) - 1).astype(np.float64)
        for side in (pair.x, pair.y)
    ]
    return Cells((edges[:-1] + edges[1:]) / 2, bins[0], bins[1])


@given(_binned())
@settings(max_examples=150, deadline=None)
def test_kolmogorov_smirnov_misses_at_most_the_greatest_share_of_a_bin(drawn: tuple[Pair, FloatArray]) -> None:
    pair, edges = drawn
    exact, binned = counted(pair), _in_bins(pair, edges)
    value = kolmogorov_smirnov(exact.reference, exact.current).statistic
    estimate = kolmogorov_smirnov(binned.reference, binned.current).statistic
    p, q = binned.reference / len(pair.x), binned.current / len(pair.y)
    assert value - max(p.max(), q.max()) - 1e-9 <= estimate <= value + 1e-9


@given(_binned())
@settings(max_examples=150, deadline=None)
def test_wasserstein_misses_at_most_the_mean_width_of_a_bin(drawn: tuple[Pair, FloatArray]) -> None:
    pair, edges = drawn
    exact, binned = counted(pair), _in_bins(pair, edges)
    value = wasserstein_distance(*exact)
    shares = (binned.reference / len(pair.x) + binned.current / len(pair.y)) / 2
    bound = float((shares * np.diff(edges)).sum())
    assert abs(wasserstein_distance(*binned) - value) <= bound * (1 + 1e-9) + 1e-6
    # Positions anywhere in their bins: here at the lower ends.
    assert abs(wasserstein_distance(edges[:-1], binned.reference, binned.current) - value) <= 2 * bound + 1e-6


@given(_binned())
@settings(max_examples=100, deadline=None)
def test_coarser_cells_never_look_further_apart(drawn: tuple[Pair, FloatArray]) -> None:
    pair, edges = drawn
    exact, binned = counted(pair), _in_bins(pair, edges)
    for distance in (total_variation, hellinger_distance, jensen_shannon_distance):
        fine = distance(exact.reference, exact.current)
        coarse = distance(binned.reference, binned.current)
        assert coarse <= fine + 1e-7, distance.__name__


@given(arrays(np.float64, (2, 8), elements=st.floats(0, 1e6, allow_subnormal=False)))
@settings(max_examples=150, deadline=None)
def test_distances_keep_their_order_and_their_scale(counts: FloatArray) -> None:
    reference, current = counts
    if not (reference.any() and current.any()):
        return
    variation = total_variation(reference, current)
    hellinger = hellinger_distance(reference, current)
    assert 0 <= hellinger**2 <= variation + 1e-9
    assert variation <= np.sqrt(2) * hellinger + 1e-9
    assert kolmogorov_smirnov(reference, current).statistic <= variation + 1e-9
    assert jensen_shannon_distance(reference, current) ** 2 <= variation + 1e-9
    assert population_stability_index(reference, current) >= 0
