from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from garcom.records import FloatArray
from garcom.stats.autocorrelation import integrated_time


def persistent(share: float, n: int, seed: int = 0) -> FloatArray:
    """An autoregressive series of the first order: its integrated time is (1 + share) / (1 - share)."""
    found: FloatArray = lfilter([1.0], [1.0, -share], np.random.default_rng(seed).normal(size=n + 500))[500:]
    return found


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_of_an_autoregressive_series(share: float) -> None:
    found = np.mean([integrated_time(persistent(share, 20_000, seed)) for seed in range(5)])
    assert found == pytest.approx((1 + share) / (1 - share), rel=0.35)


@pytest.mark.parametrize("n", [8, 50, 300, 20_000])
def test_of_independent_values_it_is_one(n: int) -> None:
    random = np.random.default_rng(1)
    for series in (random.normal(size=n), (random.random(n) < 0.1).astype(float), random.standard_cauchy(n)):
        assert integrated_time(series) == 1.0


def test_a_change_of_level_is_no_persistence() -> None:
    series = np.random.default_rng(2).normal(size=2000) + 5 * (np.arange(2000) >= 1000)
    assert integrated_time(series) == 1.0


@pytest.mark.parametrize("series", [np.zeros(0), np.ones(7), np.full(500, 3.5), np.tile([0.0, 1.0], 300)])
def test_nothing_constants_and_what_alternates(series: FloatArray) -> None:
    assert integrated_time(series) == 1.0
