from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from garcom.replay.numbers import N_BINS, Correlation, Numbers, share


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (1, 1), (8, 10), (0, 50), (50, 50), (999_999, 1_000_000)])
def test_a_share_has_wilsons_interval(count: int, rows: int) -> None:
    found = share(count, rows)
    expected = binomtest(count, rows).proportion_ci(0.95, method="wilson")
    assert found.share == count / rows
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert 0.0 <= found.low <= count / rows <= found.high <= 1.0


def test_a_share_of_nothing_is_unknown() -> None:
    found = share(0, 0)
    assert (found.share, found.low, found.high) == (None, None, None)


def test_a_distribution_is_that_of_all_finite_numbers() -> None:
    numbers = Numbers()
    numbers.add(np.arange(0.0, 50.0))
    numbers.add(np.array([np.nan, np.inf, -np.inf]))
    numbers.add(np.arange(50.0, 101.0))
    told = numbers.distribution()
    assert (told.n, told.mean, told.least, told.greatest, told.sampled) == (101, 50.0, 0.0, 100.0, False)
    assert told.quantiles == {
        "p1": 1.0, "p5": 5.0, "p25": 25.0, "p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0,
    }  # fmt: skip
    assert told.histogram is not None
    assert len(told.histogram.edges) == N_BINS + 1
    assert sum(told.histogram.counts) == 101


def test_past_a_limit_a_random_part_stands_for_all() -> None:
    numbers = Numbers(kept=2000)
    for start in range(0, 100_000, 1000):
        numbers.add(np.arange(start, start + 1000, dtype=np.float64))
    told = numbers.distribution()
    assert (told.n, told.mean, told.least, told.greatest, told.sampled) == (100_000, 49_999.5, 0.0, 99_999.0, True)
    assert told.histogram is not None
    assert sum(told.histogram.counts) == 2000
    # The median of 2,000 of them has a standard error of 100,000 / (2 · √2000) ≈ 1,118; the seed is fixed.
    assert told.quantiles["p50"] == pytest.approx(50_000, abs=5_000)
    assert told.quantiles["p5"] == pytest.approx(5_000, abs=2_500)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e300])
def test_numbers_that_do_not_vary_are_one_bin(value: float) -> None:
    numbers = Numbers()
    numbers.add(np.full(3, value))
    told = numbers.distribution()
    assert told.histogram is not None
    assert told.histogram.counts == (3,)
    assert told.histogram.edges == (value, value)


def test_no_numbers_have_no_distribution() -> None:
    told = Numbers().distribution()
    assert (told.n, told.mean, told.quantiles, told.histogram) == (0, None, {}, None)


def test_correlation_is_that_of_all_pairs_together() -> None:
    random = np.random.default_rng(0)
    x = random.normal(1e6, 2.0, 1000)
    y = 3 * x + random.normal(size=1000)
    found = Correlation()
    for part in np.array_split(np.arange(1000), 7):
        found.add(x[part], y[part])
    found.add(np.array([np.nan, 1.0]), np.array([1.0, np.inf]))
    assert found.value() == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)


def test_what_does_not_vary_correlates_with_nothing() -> None:
    found = Correlation()
    assert found.value() is None
    found.add(np.ones(5), np.arange(5.0))
    assert found.value() is None
