from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import fisher_exact, ks_2samp

from garcom.stats.kolmogorov_smirnov import EXACT_ROWS, kolmogorov_smirnov
from tests.unit.stats.samples import NAMES, NOTHING, Pair, counted, pairs


def _of(x: np.ndarray, y: np.ndarray) -> Pair:
    return Pair(x.astype(np.float64), y.astype(np.float64), np.ones(len(x)), np.ones(len(y)))


@pytest.mark.parametrize("name", NAMES)
def test_statistic_is_that_of_scipy(name: str) -> None:
    pair = pairs()[name]
    _, reference, current = counted(pair)
    found = kolmogorov_smirnov(reference, current)
    assert found.statistic == pytest.approx(float(ks_2samp(pair.x, pair.y, method="exact").statistic), abs=1e-12)
    assert 0 < found.p_value <= 1
    assert kolmogorov_smirnov(current, reference) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (5, 3), (8, 8), (60, 37), (500, 500), (900, 20)])
def test_exact_p_value_is_that_of_scipy_without_ties(n: int, m: int) -> None:
    random = np.random.default_rng(n + m)
    for shift in (0.0, 0.4, 2.0):
        x, y = random.normal(size=n), random.normal(shift, 1, m)
        _, reference, current = counted(_of(x, y))
        expected = float(ks_2samp(x, y, method="exact").pvalue)
        assert kolmogorov_smirnov(reference, current).p_value == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_exact_p_value_with_ties_is_the_share_of_all_orders(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.integers(0, 4, 6), random.integers(0, 4, 5) + seed % 2
    values = np.concatenate([x, y])
    statistic, p_value = kolmogorov_smirnov(*counted(_of(x, y))[1:])
    reached = orders = 0
    for chosen in combinations(range(len(values)), len(x)):
        mask = np.isin(np.arange(len(values)), chosen)
        orders += 1
        below = [(values[side][:, None] <= np.unique(values)).mean(axis=0) for side in (mask, ~mask)]
        reached += np.abs(below[0] - below[1]).max() >= statistic - 1e-9
    assert p_value == pytest.approx(reached / orders, rel=1e-12)


def test_ties_make_scipys_p_value_too_great() -> None:
    pair = pairs()["ties"]
    _, reference, current = counted(pair)
    assert kolmogorov_smirnov(reference, current).p_value < ks_2samp(pair.x, pair.y, method="exact").pvalue


def test_no_difference_has_p_one() -> None:
    _, reference, current = counted(pairs()["alike"])
    assert kolmogorov_smirnov(reference, current) == (0.0, 1.0)
    assert kolmogorov_smirnov(reference * 1e6, current * 1e6) == (0.0, 1.0)


@pytest.mark.parametrize(("n", "m"), [(600, 500), (100_000, 100), (2_000, 9_000), (50_000, 50_000)])
def test_asymptotic_p_value_is_near_that_of_scipy(n: int, m: int) -> None:
    random = np.random.default_rng(m)
    for shift in (0.0, 1.0, 2.0, 3.0):
        x, y = random.normal(size=n), random.normal(shift * math.sqrt(1 / n + 1 / m), 1, m)
        found = kolmogorov_smirnov(*counted(_of(x, y))[1:]).p_value
        assert found == pytest.approx(float(ks_2samp(x, y, method="asymp").pvalue), abs=0.01, rel=0.05)


def test_asymptotic_p_value_goes_on_where_the_exact_one_ends() -> None:
    random = np.random.default_rng(1)
    n = EXACT_ROWS // 2
    x, y = random.normal(size=n), random.normal(0.1, 1, n)
    _, reference, current = counted(_of(x, y))
    exact = kolmogorov_smirnov(reference, current)
    # A weight that is not whole cannot be counted in orders.
    other = kolmogorov_smirnov(reference * (1 + 1e-12), current)
    assert other.statistic == pytest.approx(exact.statistic, abs=1e-9)
    assert other.p_value == pytest.approx(exact.p_value, abs=0.01)
    assert other.p_value != exact.p_value


def test_false_alarms_are_at_most_as_frequent_as_stated_in_bins() -> None:
    random = np.random.default_rng(2)
    windows = 1_000
    chances = np.full(30, 1 / 30)
    alarms = sum(
        kolmogorov_smirnov(random.multinomial(20_000, chances), random.multinomial(1_000, chances)).p_value < 0.05
        for _ in range(windows)
    )
    assert alarms < 50 + 4 * math.sqrt(windows * 0.05 * 0.95)
    # Conservative, but not blind.
    assert alarms > 10


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_can_be_told_without_rows(name: str) -> None:
    assert all(map(math.isnan, kolmogorov_smirnov(*NOTHING[name])))


@pytest.mark.parametrize("worth", [1e-300, 1e-9, 0.4])
def test_weights_worth_less_than_a_row_show_nothing(worth: float) -> None:
    assert kolmogorov_smirnov(np.array([worth, 0.0]), np.array([0.0, worth])) == (1.0, 1.0)


def test_a_rare_flag_that_becomes_frequent_is_found_among_many_rows_too() -> None:
    before, now = np.array([4_995, 5]), np.array([176, 24])
    assert kolmogorov_smirnov(before, now).p_value == pytest.approx(fisher_exact([before, now]).pvalue, rel=1e-9)
    # Amounts, most of them zero: the others are spread over cells of their own.
    before, now = np.append(49_500, np.full(500, 1)), np.append(176, np.append(np.ones(24, int), np.zeros(476, int)))
    assert kolmogorov_smirnov(before, now).p_value < 1e-12


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_false_alarms_beside_a_mode_are_as_rare_as_stated(share: float) -> None:
    random = np.random.default_rng(5)
    alarms = 0
    for _ in range(1_000):
        rows = [np.where(random.uniform(size=n) < share, random.integers(1, 9, n), 0) for n in (2_000, 150)]
        alarms += kolmogorov_smirnov(*(np.bincount(side, minlength=9) for side in rows)).p_value <= 0.05
    assert alarms <= 50 + 4 * math.sqrt(50)
